import { Clock, Effect } from "effect"

/** A moment by both clocks of the machine: the monotonic one stands still while it sleeps, and the other one may be set. */
export interface Moment {
  readonly nanos: bigint
  readonly millis: number
}

export const moment: Effect.Effect<Moment> = Effect.all({
  nanos: Clock.monotonicTimeNanos,
  millis: Clock.currentTimeMillis
})

/** How long before another a moment was, in milliseconds, by the clock that says more. */
export const between = (then: Moment, now: Moment): number =>
  Math.max(Number(now.nanos - then.nanos) / 1_000_000, now.millis - then.millis)
