/** Which shards a process has, as its turn and the cluster's storage tell. */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { RunnerAddress, RunnerStorage, ShardId } from "effect/cluster"
import { TestClock } from "effect/testing"
import { heldStorage } from "../../src/actors/heldStorage.ts"
import { Lease } from "../../src/database/Lease.ts"
import { between, moment } from "../../src/moment.ts"

const address = RunnerAddress.make("a", 1)
const shard = ShardId.make("default", 1)

/** A storage that gives whatever is asked for, for as long as `given` says, and a lease as the test says. */
const make = Effect.gen(function* () {
  const state = { turn: 1 as number | undefined, given: true, crowded: false }
  const all = (wanted: Iterable<ShardId.ShardId>) => Effect.sync(() => (state.given ? [...wanted] : []))
  const shards = yield* heldStorage({
    ...(yield* RunnerStorage.makeMemory),
    acquire: (_, wanted) => all(wanted),
    refresh: (_, had) => all(had)
  }).pipe(
    Effect.provideService(Lease, {
      id: 1,
      turn: Effect.sync(() => state.turn),
      isSure: (known) => Effect.map(moment, (now) => between(known, now) < 7000),
      isCrowded: Effect.sync(() => state.crowded),
      isDoneElsewhere: Effect.succeed(false),
      addresses: Effect.succeedNone,
      namesake: Effect.succeedNone,
      hasSession: Effect.succeed(true)
    })
  )
  const { refresh, acquire } = shards.storage
  return { ...shards, state, acquire: acquire(address, [shard]), refresh: refresh(address, [shard]) }
}).pipe(Effect.map((world) => ({ ...world, has: world.isCertain(shard), came: world.arrivals(shard) })))

it.effect("nothing is had while it is another's turn", () =>
  Effect.gen(function* () {
    const { acquire, has, holds, refresh, state } = yield* make
    state.turn = undefined
    assert.deepStrictEqual([yield* acquire, yield* has], [[], false])
    state.turn = 2
    assert.deepStrictEqual([yield* acquire, yield* has], [[shard], true])
    state.turn = undefined
    assert.deepStrictEqual([yield* has, yield* holds(shard), yield* refresh], [false, false, []])
  })
)

it.effect("what was had in another turn is lost, although it is this process's turn again", () =>
  Effect.gen(function* () {
    const { acquire, came, has, holds, refresh, state } = yield* make
    yield* acquire
    state.turn = 3
    state.crowded = true
    assert.deepStrictEqual([yield* has, yield* holds(shard), yield* refresh], [false, false, []])
    assert.strictEqual(yield* came, 0)
    yield* acquire
    assert.deepStrictEqual([yield* has, yield* came, yield* refresh], [true, 1, [shard]])
  })
)

it.effect("what the storage gave away is lost, and comes back from another process", () =>
  Effect.gen(function* () {
    const { acquire, came, has, holds, refresh, state } = yield* make
    yield* acquire
    state.given = false
    assert.deepStrictEqual([yield* refresh, yield* has, yield* holds(shard)], [[], false, false])
    state.given = true
    yield* acquire
    assert.deepStrictEqual([yield* has, yield* came], [true, 0])
    yield* refresh
    state.given = false
    yield* refresh
    state.given = true
    state.crowded = true
    yield* acquire
    assert.strictEqual(yield* came, 1)
    // It is had already.
    yield* acquire
    assert.strictEqual(yield* came, 1)
  })
)

it.effect("what was not heard of for long is waited for until it is certain again, or lost", () =>
  Effect.gen(function* () {
    const { acquire, has, holds, refresh, state } = yield* make
    yield* acquire
    yield* TestClock.adjust("8 seconds")
    assert.isFalse(yield* has)
    const waiting = yield* Effect.forkChild(holds(shard))
    yield* TestClock.adjust("1 minute")
    assert.isUndefined(waiting.pollUnsafe())
    yield* refresh
    yield* TestClock.adjust("1 second")
    assert.isTrue(yield* Fiber.join(waiting))
    yield* TestClock.adjust("8 seconds")
    const next = yield* Effect.forkChild(holds(shard))
    state.given = false
    yield* refresh
    yield* TestClock.adjust("1 second")
    assert.isFalse(yield* Fiber.join(next))
  })
)
