import { Effect } from "effect"
import type { RunnerStorage, ShardId } from "effect/cluster"
import { Lease } from "../database/Lease.ts"
import { type Moment, moment } from "../moment.ts"

interface Shard {
  /** The turn in which it came. */
  readonly turn: number
  readonly knownAt: Moment
}

/**
 * The cluster's storage as the lease allows it: nothing is had while another has the turn, and what was had in another turn
 * is lost. Knows of each shard whether it is had for certain.
 */
export const heldStorage = Effect.fnUntraced(function* (storage: RunnerStorage.RunnerStorage["Service"]) {
  const lease = yield* Lease
  const shards = new Map<string, Shard>()
  const arrivals = new Map<string, number>()

  const acquire: typeof storage.acquire = Effect.fnUntraced(function* (address, wanted) {
    const turn = yield* lease.turn
    if (turn === undefined) return []
    const knownAt = yield* moment
    const got = yield* storage.acquire(address, wanted)
    const names = got.map(String)
    const come = names.filter((name) => shards.get(name)?.turn !== turn)
    if (come.length > 0 && (yield* lease.isCrowded)) {
      for (const name of come) arrivals.set(name, (arrivals.get(name) ?? 0) + 1)
    }
    for (const name of names) shards.set(name, { turn, knownAt })
    return got
  })

  const refresh: typeof storage.refresh = Effect.fnUntraced(function* (address, held) {
    const turn = yield* lease.turn
    const knownAt = yield* moment
    const had = Array.from(held)
    const left = new Set((yield* storage.refresh(address, had)).map(String))
    return had.filter((shard) => {
      const name = String(shard)
      const isLeft = turn !== undefined && left.has(name) && shards.get(name)?.turn === turn
      if (isLeft) shards.set(name, { turn, knownAt })
      else shards.delete(name)
      return isLeft
    })
  })

  const guarded = {
    ...storage,
    acquire,
    refresh,
    release: (address, shard) =>
      Effect.andThen(
        Effect.sync(() => shards.delete(String(shard))),
        storage.release(address, shard)
      ),
    releaseAll: (address) =>
      Effect.andThen(
        Effect.sync(() => shards.clear()),
        storage.releaseAll(address)
      )
  } satisfies typeof storage

  /** What is known of a shard at this moment: undefined where it is another's. */
  const look = Effect.fnUntraced(function* (shard: ShardId.ShardId) {
    const turn = yield* lease.turn
    const known = shards.get(String(shard))
    return turn === undefined || known?.turn !== turn
      ? undefined
      : { isCertain: yield* lease.isSure(known.knownAt) }
  })

  return {
    storage: guarded,
    isCertain: (shard: ShardId.ShardId) => Effect.map(look(shard), (known) => known?.isCertain === true),
    /** Waits until that is certain. */
    holds: (shard: ShardId.ShardId): Effect.Effect<boolean> =>
      Effect.gen(function* () {
        while (true) {
          const known = yield* look(shard)
          if (known === undefined || known.isCertain) return known !== undefined
          yield* Effect.sleep("100 millis")
        }
      }),
    arrivals: (shard: ShardId.ShardId) => Effect.sync(() => arrivals.get(String(shard)) ?? 0)
  }
})
