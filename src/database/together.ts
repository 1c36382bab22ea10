import { Effect, Exit } from "effect"
import type { SqlError } from "effect/sql"
import { DatabaseError } from "../domain/Reason.ts"
import { apart } from "./apart.ts"
import { sayFault } from "./refusal.ts"

/** One request of a batch, and the way to answer it. */
interface Entry<A, B, E> {
  readonly request: A
  completeUnsafe(exit: Exit.Exit<B, E | DatabaseError>): void
}

/**
 * Answers a batch of requests with one statement, or as few as it takes for one refused value to cost only its own row. The
 * statement answers each request in its turn.
 */
export const together = <A, B, E>(
  entries: ReadonlyArray<Entry<A, B, E>>,
  statement: (requests: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<Exit.Exit<B, E>>, SqlError.SqlError>
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { done, failed } = yield* apart(entries, (some) =>
      Effect.map(statement(some.map(({ request }) => request)), (exits) =>
        exits.map((exit, n) => ({ entry: some[n], exit }))
      )
    )
    for (const { entry, exit } of done) entry?.completeUnsafe(exit)
    for (const [entry, fault] of failed) {
      entry.completeUnsafe(Exit.fail(new DatabaseError({ detail: sayFault(fault) })))
    }
  })
