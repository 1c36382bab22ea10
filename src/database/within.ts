import { Duration, Effect, Fiber } from "effect"
import { DatabaseError } from "../domain/Reason.ts"

/**
 * Fails where there is no answer in time. What then still runs is told to stop and not waited for: a statement that a
 * frozen server has is given up only seconds later.
 */
export const within =
  (limit: Duration.Duration) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | DatabaseError, R> =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkDetach(effect)
      const stop = Effect.sync(() => fiber.interruptUnsafe())
      return yield* Fiber.join(fiber).pipe(
        Effect.onInterrupt(() => stop),
        Effect.timeoutOrElse({
          duration: limit,
          orElse: () => new DatabaseError({ detail: `no answer within ${Duration.format(limit)}` })
        })
      )
    })
