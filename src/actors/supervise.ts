import { Cause, Duration, Effect, Metric, Schedule } from "effect"

/** How often a supervised part had to be started again, by `name`. */
export const restarts = Metric.counter("jarvis_restarts_total", {
  description: "Restarts of listeners, sweeps and actors, by name",
  incremental: true
})

/** From 1 s, doubling, to 30 s. */
const restartDelay = Schedule.min([Schedule.exponential("1 second"), Schedule.spaced("30 seconds")]).pipe(
  Schedule.jittered
)

/**
 * Keeps a part of the service running: whatever it fails or dies of is logged and counted, and it starts again after
 * a delay that grows from 1 s to 30 s. Only success and interruption end it.
 */
export const supervise =
  (name: string) =>
  <A, E, R>(part: Effect.Effect<A, E, R>): Effect.Effect<A, never, R> =>
    part.pipe(
      Effect.sandbox,
      Effect.retry(
        Schedule.setInputType<Cause.Cause<E>>()(restartDelay).pipe(
          Schedule.while(({ input }) => !Cause.hasInterruptsOnly(input)),
          Schedule.tap(({ duration, input }) =>
            Effect.logError(`${name} failed, starts again in ${Duration.format(duration)}`, input).pipe(
              Effect.andThen(Metric.update(Metric.withAttributes(restarts, { name }), 1))
            )
          )
        )
      ),
      // What is left is an interruption.
      Effect.catch(Effect.failCause),
      Effect.orDie
    )
