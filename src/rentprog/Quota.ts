/**
 * Each branch's share of RentProg's quota: how many reads a minute, and none at all while a 429 holds.
 *
 * Effect's RateLimiter keeps the count, as a token bucket. A bucket that held a whole minute's reads would let nearly
 * twice as many through in the minute that empties it; so it holds a quarter of them, for bursts, and the rest flows
 * in evenly. Then no minute, wherever it starts, sees more than it may. Whoever takes a branch over begins with an empty bucket,
 * because nobody knows what the other has left.
 */
import { Clock, Duration, Effect, Latch, type Scope } from "effect"
import { RateLimiter } from "effect/persistence"
import type { Branch } from "../domain/Branch.ts"
import { Tenure } from "./Tenure.ts"

export type Quota = Effect.Success<ReturnType<typeof make>>

export const make = Effect.fnUntraced(
  function* (readsPerMinute: number) {
    const limiter = yield* RateLimiter.RateLimiter
    const tenure = yield* Tenure
    const pausedUntil = new Map<Branch, number>()
    const limit = Math.max(1, Math.floor(readsPerMinute / 4))
    // Whole milliseconds, as clocks tell them: a wait that ends within one would be found too short for ever.
    const inflow = Duration.millis(Math.ceil(60_000 / (readsPerMinute - limit + 1)))
    const bucket = {
      algorithm: "token-bucket",
      limit,
      window: Duration.times(inflow, limit),
      onExceeded: "fail"
    } as const

    /** The branch's bucket: each time that it comes from another process a new one, which is emptied first. */
    const emptied = new Set<string>()
    const consume = Effect.fnUntraced(function* (branch: Branch, tokens: 0 | 1) {
      const arrivals = yield* tenure.arrivals(branch)
      const key = `${branch} ${arrivals}`
      if (arrivals > 0 && !emptied.has(key)) {
        emptied.add(key)
        yield* limiter.consume({ ...bucket, key, tokens: limit })
      }
      return yield* limiter.consume({ ...bucket, key, tokens })
    })

    /** Each is open once nobody may wait for its branch. */
    const ends = new Map<Branch, Latch.Latch>()
    const endOf = (branch: Branch): Latch.Latch => {
      const end = ends.get(branch) ?? Latch.makeUnsafe()
      ends.set(branch, end)
      return end
    }
    const wait = (branch: Branch, time: Duration.Input): Effect.Effect<void> =>
      Effect.raceFirst(
        Effect.sleep(time),
        Effect.suspend(() => Effect.andThen(endOf(branch).await, Effect.interrupt))
      )

    const unpaused = (branch: Branch): Effect.Effect<void> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const left = (pausedUntil.get(branch) ?? 0) - now
        return left > 0 ? Effect.andThen(wait(branch, left), unpaused(branch)) : Effect.void
      })

    /** Whoever is interrupted while waiting uses nothing up: a read is counted when it may go out, not before. */
    const take = (branch: Branch): Effect.Effect<void> =>
      unpaused(branch).pipe(
        Effect.andThen(consume(branch, 1)),
        Effect.catchReason("RateLimiterError", "RateLimitExceeded", ({ retryAfter }) =>
          Effect.andThen(wait(branch, retryAfter), take(branch))
        ),
        Effect.orDie,
        Effect.asVoid
      )

    /** How many reads the bucket holds, a pause apart. Uses nothing up. */
    const held = (branch: Branch): Effect.Effect<number> =>
      Effect.map(Effect.orDie(consume(branch, 0)), ({ remaining }) => remaining)

    const untilReady = (branch: Branch): Effect.Effect<void> =>
      unpaused(branch).pipe(
        Effect.andThen(held(branch)),
        Effect.flatMap((reads) =>
          reads >= 1 ? Effect.void : Effect.andThen(wait(branch, inflow), untilReady(branch))
        )
      )

    /** Waits until a read may go out, or nobody may wait, and leaves it to others. */
    const ready = (branch: Branch): Effect.Effect<void> => Effect.asVoid(Effect.exit(untilReady(branch)))

    /** Until the scope ends, nobody waits for the branch: whoever does, or would, is interrupted. */
    const endWaits = (branch: Branch): Effect.Effect<void, never, Scope.Scope> =>
      Effect.acquireRelease(
        Effect.suspend(() => endOf(branch).open),
        () => Effect.sync(() => ends.delete(branch))
      )

    /** Lets no read of the branch out for so many milliseconds from now. */
    const pause = (branch: Branch, millis: number): Effect.Effect<void> =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        pausedUntil.set(branch, Math.max(pausedUntil.get(branch) ?? 0, now + millis))
      })

    /** How many reads may go out now, and until when a 429 holds, in milliseconds since 1970; null where none does. */
    const standing = Effect.fnUntraced(function* (branch: Branch) {
      const until = pausedUntil.get(branch) ?? 0
      return until > (yield* Clock.currentTimeMillis)
        ? { left: 0, pausedUntil: until }
        : { left: yield* held(branch), pausedUntil: null }
    })

    return { most: limit, take, ready, endWaits, pause, standing }
  },
  Effect.provide(RateLimiter.layer),
  Effect.provide(RateLimiter.layerStoreMemory)
)
