import { Cause, Clock, Duration, Effect, Exit, Metric, Random } from "effect"
import { Health } from "./Health.ts"

/** How often a supervised part had to be started again, by `name`. */
export const restarts = Metric.counter("jarvis_restarts_total", {
  description: "Restarts of listeners, sweeps and actors, by name",
  incremental: true
})

/** Whoever ran for so long was well: the next failure is a first one again. */
const well = Duration.toMillis("1 minute")

/** From 1 s, doubling, to 30 s, with a fifth of jitter either way. */
const delayAfter = (failures: number): Effect.Effect<Duration.Duration> =>
  Effect.map(Random.next, (random) =>
    Duration.millis(Math.round(Math.min(1000 * 2 ** (failures - 1), 30_000) * (0.8 + 0.4 * random)))
  )

/** What it failed or died of, without the stack. */
const sayWhat = (cause: Cause.Cause<unknown>): string =>
  Cause.prettyErrors(cause)
    .map(({ message }) => message)
    .join("; ")

/**
 * Keeps a part of the service running: whatever it fails or dies of is logged and counted, and it starts again after
 * a delay that grows from 1 s to 30 s. Only success and interruption end it.
 *
 * Health calls the part up while it runs and down while it waits to be started again, and forgets it when it is
 * interrupted. One that `reportsItself` says by itself when it is up.
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
        yield* health.report(name, "down", sayWhat(exit.cause))
        yield* Effect.logError(`${name} failed, starts again in ${Duration.format(delay)}`, exit.cause)
        yield* Metric.update(restarted, 1)
        yield* Effect.sleep(delay)
      }
    }).pipe(Effect.onInterrupt(() => Health.use((health) => health.forget(name))))
