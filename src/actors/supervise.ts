import { Cause, Clock, Duration, Effect, Exit, Metric, Random } from "effect"
import { DatabaseError } from "../domain/Reason.ts"
import { Health, well } from "./Health.ts"

/** How often a supervised part had to be started again, by `name`. */
export const restarts = Metric.counter("jarvis_restarts_total", {
  description: "Restarts of listeners, sweeps and actors, by name",
  incremental: true
})

/** From 1 s, doubling, to 30 s, with a fifth of jitter either way. */
const delayAfter = (failures: number): Effect.Effect<Duration.Duration> =>
  Effect.map(Random.next, (random) =>
    Duration.millis(Math.round(Math.min(1000 * 2 ** (failures - 1), 30_000) * (0.8 + 0.4 * random)))
  )

/** For whoever may ask how the service is: an error's own words may quote a row, and a defect's as well. */
const sayWhat = (cause: Cause.Cause<unknown>): string => {
  const told = cause.reasons.map((reason) =>
    Cause.isFailReason(reason) && reason.error instanceof DatabaseError && reason.error.told !== undefined
      ? reason.error.told
      : Cause.isDieReason(reason)
        ? "a defect, see the log"
        : "an error, see the log"
  )
  return Array.from(new Set(told)).join("; ")
}

/**
 * Keeps a part of the service running: whatever it fails or dies of is logged and counted, and it starts again after
 * a delay that grows from 1 s to 30 s. Only success and interruption end it.
 *
 * Health calls the part up while it runs and down while it waits to be started again; where it fails again and again, down
 * until it has been well for a minute. It forgets the part when that is interrupted. One that `reportsItself` says by itself
 * when it is up.
 */
export const supervise =
  (name: string, options: { readonly reportsItself?: boolean } = {}) =>
  <A, E, R>(part: Effect.Effect<A, E, R>): Effect.Effect<A, never, R | Health> =>
    Effect.gen(function* () {
      const health = yield* Health
      const restarted = Metric.withAttributes(restarts, { name })
      // It is there from the start: whoever asks for its increase would miss the first one otherwise.
      yield* Metric.update(restarted, 0)
      for (let failures = 1; ; failures += 1) {
        const began = yield* Clock.currentTimeMillis
        if (!options.reportsItself) yield* health.report(name, "up")
        const exit = yield* Effect.exit(part)
        if (Exit.isSuccess(exit)) return exit.value
        if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
        if ((yield* Clock.currentTimeMillis) - began >= well) failures = 1
        const delay = yield* delayAfter(failures)
        yield* health.failed(name, sayWhat(exit.cause))
        yield* Effect.logError(`${name} failed, starts again in ${Duration.format(delay)}`, exit.cause)
        yield* Metric.update(restarted, 1)
        yield* Effect.sleep(delay)
      }
    }).pipe(Effect.onInterrupt(() => Health.use((health) => health.forget(name))))
