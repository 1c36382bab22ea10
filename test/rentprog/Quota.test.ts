import { assert, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber } from "effect"
import * as Quota from "../../src/rentprog/Quota.ts"
import { Tenure } from "../../src/rentprog/Tenure.ts"
import { elapse, inTime, kutaisi, tbilisi } from "./stub.ts"

it.effect.each([1, 2, 3, 7, 60, 120])("no minute sees more than %i reads, and none is wasted", (perMinute) =>
  Effect.gen(function* () {
    const quota = yield* Quota.make(perMinute)
    const times: Array<number> = []
    const take = Effect.gen(function* () {
      yield* quota.take(tbilisi)
      times.push(yield* Clock.currentTimeMillis)
    })
    const takeMany = (count: number) => Effect.replicateEffect(take, count, { concurrency: "unbounded" })
    // A burst, a rest that fills the bucket again, and more than a minute may hold.
    yield* inTime(takeMany(perMinute))
    yield* elapse(45_000)
    yield* inTime(takeMany(2 * perMinute))

    for (const [index, at] of times.entries()) {
      assert.isAtLeast((times[index + perMinute] ?? Number.POSITIVE_INFINITY) - at, 60_000)
    }
    // Three minutes' worth, the rest between them, and a third more for what the bucket does not hold.
    assert.isAtMost(times.at(-1) ?? 0, 45_000 + 4 * 60_000)
  })
)

it.effect("of a branch that comes from another process is empty, each time that it comes", () =>
  Effect.gen(function* () {
    let arrivals = 0
    const quota = yield* Quota.make(60).pipe(
      Effect.provideService(Tenure, {
        holds: () => Effect.succeed(true),
        isCertain: () => Effect.succeed(true),
        arrivals: (branch) => Effect.sync(() => (branch === tbilisi ? arrivals : 0))
      })
    )
    assert.strictEqual((yield* quota.standing(tbilisi)).left, 15)
    arrivals = 1
    assert.strictEqual((yield* quota.standing(tbilisi)).left, 0)
    // One flows in after 1.3 s, and the bucket is full after 20 s.
    yield* inTime(quota.take(tbilisi))
    assert.isAbove(yield* Clock.currentTimeMillis, 1_000)
    yield* elapse(60_000)
    assert.strictEqual((yield* quota.standing(tbilisi)).left, 15)
    arrivals = 2
    assert.strictEqual((yield* quota.standing(tbilisi)).left, 0)
    assert.strictEqual((yield* quota.standing(kutaisi)).left, 15)
  })
)

it.effect("a pause holds for the whole branch and for no other", () =>
  Effect.gen(function* () {
    const quota = yield* Quota.make(60)
    yield* quota.pause(tbilisi, 30_000)
    yield* inTime(quota.take(kutaisi))
    assert.isBelow(yield* Clock.currentTimeMillis, 1_000)
    yield* inTime(Effect.all([quota.take(tbilisi), quota.ready(tbilisi)], { concurrency: 2 }))
    assert.isAtLeast(yield* Clock.currentTimeMillis, 30_000)
  })
)

it.effect("being ready takes nothing", () =>
  Effect.gen(function* () {
    const quota = yield* Quota.make(4)
    yield* Effect.replicateEffect(quota.ready(tbilisi), 10)
    yield* inTime(quota.take(tbilisi))
    assert.isBelow(yield* Clock.currentTimeMillis, 1_000)
    yield* inTime(quota.ready(tbilisi))
    assert.isAtLeast(yield* Clock.currentTimeMillis, 10_000)
  })
)

it.effect("whoever waits, or would, is interrupted while waits are ended, and takes what there is", () =>
  Effect.gen(function* () {
    const quota = yield* Quota.make(4)
    const take = quota.take(tbilisi)
    yield* quota.pause(kutaisi, 30_000)
    yield* take
    const isInterrupted = Effect.map(Effect.exit(take), Exit.hasInterrupts)
    yield* Effect.gen(function* () {
      const one = yield* Effect.forkChild(take)
      const other = yield* Effect.forkChild(take)
      const elsewhere = yield* Effect.forkChild(quota.take(kutaisi))
      const ready = yield* Effect.forkChild(quota.ready(tbilisi))
      yield* Effect.yieldNow
      yield* quota.endWaits(tbilisi)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(one)))
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(other)))
      yield* Fiber.join(ready)
      assert.isTrue(yield* isInterrupted)
      yield* elapse(16_000)
      assert.isUndefined(elsewhere.pollUnsafe())
      yield* take
      assert.isTrue(yield* isInterrupted)
    }).pipe(Effect.scoped)
    // As before.
    yield* inTime(take)
  })
)
