/**
 * How long the client waits, and how often it tries: one place, so that a test can shorten it.
 */
import { Context, type Duration, Schedule } from "effect"

export interface Patience {
  /** How long one call may take until its whole answer is there. RentProg: usually 0.2 to 3 s. */
  readonly callTimeout: Duration.Input
  /** When a call that met a 5xx, a broken connection or a time-out is made again, and how often. */
  readonly retry: Schedule.Schedule<unknown>
  /** How often a read is asked again after a 429, each time after its `Retry-After`. */
  readonly retriesAfter429: number
  /** How many calls of a branch have to fail in a row, retries counted, until its circuit opens. */
  readonly failuresToOpen: number
  /** How long an open circuit lets nothing through; then one call tries whether RentProg is back. */
  readonly openFor: Duration.Input
  /** How long before its `exp` a token is replaced: more than `callTimeout`, so that none runs out under way. */
  readonly tokenMargin: Duration.Input
  /** How long wants are gathered at most while others of their kind are looked up. */
  readonly gatherFor: Duration.Input
}

export const Patience = Context.Reference<Patience>("jarvis/rentprog/Patience", {
  defaultValue: () => ({
    callTimeout: "10 seconds",
    retry: Schedule.exponential("500 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 2 })),
    retriesAfter429: 3,
    failuresToOpen: 10,
    openFor: "10 seconds",
    tokenMargin: "15 seconds",
    gatherFor: "5 millis"
  })
})
