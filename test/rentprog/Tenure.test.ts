import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Layer } from "effect"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { Tenure } from "../../src/rentprog/Tenure.ts"
import { elapse, key, kutaisi, makeStub, record, rentProg, tbilisi } from "./stub.ts"

/** Of tbilisi it becomes certain that it is this process's, of kutaisi that it is not. */
const until = (certain: Latch.Latch) =>
  Layer.succeed(Tenure, {
    holds: (branch) => Effect.as(certain.await, branch === tbilisi),
    isCertain: (branch) => Effect.sync(() => certain.isOpen() && branch === tbilisi),
    arrivals: () => Effect.succeed(0)
  })

it.effect(
  "no call goes out for a branch before it is certain whose that is, and none where it is another's",
  () =>
    Effect.gen(function* () {
      const stub = makeStub(record)
      const certain = Latch.makeUnsafe()
      yield* Effect.gen(function* () {
        const { fetch } = yield* RentProg
        const own = yield* Effect.forkChild(fetch(tbilisi, key("car", 1)))
        const others = yield* Effect.forkChild(fetch(kutaisi, key("car", 2)))
        yield* elapse(60_000)
        assert.deepStrictEqual([stub.reads.length, stub.tokenRequests.length], [0, 0])
        yield* certain.open
        yield* elapse(1_000)
        assert.strictEqual((yield* Fiber.join(own)).entityId, "1")
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(others)))
        assert.deepStrictEqual(
          stub.reads.map(({ path }) => path),
          ["/cars/1"]
        )
        assert.lengthOf(stub.tokenRequests, 1)
      }).pipe(Effect.provide(Layer.provide(rentProg(stub), until(certain))))
    })
)

it.effect("what could not go out for long, because the database was away, does not go out at once", () =>
  Effect.gen(function* () {
    const stub = makeStub(record)
    const certain = Latch.makeUnsafe(true)
    yield* Effect.gen(function* () {
      const { fetch } = yield* RentProg
      // Its list is read once, and found to be long.
      const fetchAll = (from: number) =>
        Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8, 9], (id) => fetch(tbilisi, key("car", from + id)), {
          concurrency: "unbounded"
        })
      yield* fetch(tbilisi, key("car", 1))
      yield* certain.close
      const all = yield* Effect.forkChild(
        Effect.forEach(
          [10, 20, 30, 40, 50, 60].entries(),
          ([index, from]) => Effect.delay(fetchAll(from), index * 60_000),
          { concurrency: "unbounded" }
        )
      )
      yield* elapse(600_000)
      assert.lengthOf(stub.reads, 1)
      yield* certain.open
      yield* elapse(59_000)
      assert.isAtMost(stub.reads.length, 1 + 20)
      yield* Fiber.interrupt(all)
    }).pipe(Effect.provide(Layer.provide(rentProg(stub, 20), until(certain))))
  })
)
