import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Deferred, Effect, Exit, Fiber, Request, RequestResolver } from "effect"
import { TestClock } from "effect/testing"
import { inTurn } from "../src/inTurn.ts"

class Ask extends Request.Class<{ readonly n: number }, number> {}

/** A resolver whose batches end when they are told to, and the batches that have begun. */
const asking = () => {
  const batches: Array<{ readonly numbers: ReadonlyArray<number>; readonly end: Effect.Effect<unknown> }> = []
  const resolver = RequestResolver.make<Ask>(
    Effect.fnUntraced(function* (entries) {
      const ended = yield* Deferred.make<void>()
      batches.push({
        numbers: entries.map(({ request }) => request.n),
        end: Deferred.succeed(ended, undefined)
      })
      yield* Deferred.await(ended)
      for (const entry of entries) entry.completeUnsafe(Exit.succeed(entry.request.n))
    })
  ).pipe(inTurn("5 millis"))
  const ask = (n: number) => Effect.forkChild(Effect.request(new Ask({ n }), resolver))
  return { ask, batches, numbers: () => batches.map(({ numbers }) => numbers) }
}

/** Everybody does what can be done at this instant. */
const settle = Effect.repeat(Effect.yieldNow, { times: 50 })

describe("inTurn", () => {
  it.effect("the first goes at once, with all others of the same moment", () =>
    Effect.gen(function* () {
      const { ask, numbers } = asking()
      yield* Effect.forEach([1, 2, 3], ask)
      yield* settle
      assert.deepStrictEqual(numbers(), [[1, 2, 3]])
    })
  )

  it.effect("those that come while one is under way share the next, which begins when that ends", () =>
    Effect.gen(function* () {
      const { ask, batches, numbers } = asking()
      yield* ask(1)
      yield* settle
      const second = yield* ask(2)
      yield* settle
      const third = yield* ask(3)
      yield* settle
      yield* TestClock.adjust("4 millis")
      assert.deepStrictEqual(numbers(), [[1]])
      yield* batches[0]?.end ?? Effect.void
      yield* settle
      assert.deepStrictEqual(numbers(), [[1], [2, 3]])
      yield* batches[1]?.end ?? Effect.void
      assert.deepStrictEqual([yield* Fiber.join(second), yield* Fiber.join(third)], [2, 3])
    })
  )

  it.effect("a slow one holds up nobody for longer than agreed", () =>
    Effect.gen(function* () {
      const { ask, numbers } = asking()
      yield* ask(1)
      yield* settle
      yield* ask(2)
      yield* settle
      yield* TestClock.adjust("4 millis")
      assert.deepStrictEqual(numbers(), [[1]])
      yield* TestClock.adjust("1 millis")
      yield* settle
      assert.deepStrictEqual(numbers(), [[1], [2]])
    })
  )

  it.effect("gathers those that come one after the other without a pause, but not for ever", () =>
    Effect.gen(function* () {
      const { ask, numbers } = asking()
      const count = 5000
      yield* Effect.forEach(Arr.range(1, count), (n) => Effect.andThen(ask(n), Effect.yieldNow))
      // They have been coming all the time.
      const [first = []] = numbers()
      assert.isAbove(first.length, 100)
      assert.isBelow(first.length, count)
    })
  )
})
