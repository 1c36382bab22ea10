/**
 * A branch's share of RentProg's quota: how many reads a minute, and no read at all while a 429 holds.
 *
 * Effect's RateLimiter would let nearly twice the limit through in a minute (one window's last calls and the next
 * one's first), and RentProg's quota is shared with the company's other systems. So the times of the last calls are
 * kept, and no minute, wherever it starts, holds more calls than allowed.
 */
import { Clock, Effect } from "effect"

const minute = 60_000

export interface Quota {
  /** Waits until a read may go out, and counts it. Whoever is interrupted while waiting uses nothing up. */
  readonly take: Effect.Effect<void>
  /** Lets no read out for so many milliseconds from now. */
  readonly pause: (millis: number) => Effect.Effect<void>
}

export const make = (readsPerMinute: number): Quota => {
  const taken: Array<number> = []
  let pausedUntil = 0

  /** How long until a read may go out, in ms: 0 takes it. */
  const step = Effect.map(Clock.currentTimeMillis, (now) => {
    const oldest = taken.at(-readsPerMinute)
    const wait = Math.max(pausedUntil, oldest === undefined ? 0 : oldest + minute) - now
    if (wait > 0) return wait
    taken.push(now)
    if (taken.length > readsPerMinute) taken.shift()
    return 0
  })
  const take: Effect.Effect<void> = Effect.flatMap(step, (wait) =>
    wait > 0 ? Effect.andThen(Effect.sleep(wait), take) : Effect.void
  )

  return {
    take,
    pause: (millis) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        pausedUntil = Math.max(pausedUntil, now + millis)
      })
  }
}
