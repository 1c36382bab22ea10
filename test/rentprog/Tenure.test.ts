import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Latch, Layer } from "effect"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { Tenure } from "../../src/rentprog/Tenure.ts"
import { elapse, key, kutaisi, makeStub, record, rentProg, tbilisi } from "./stub.ts"

it.effect(
  "no call goes out for a branch before it is certain whose that is, and none where it is another's",
  () =>
    Effect.gen(function* () {
      const stub = makeStub(record)
      const certain = Latch.makeUnsafe()
      const tenure = Layer.succeed(Tenure, {
        holds: (branch) => Effect.as(certain.await, branch === tbilisi),
        arrivals: () => Effect.succeed(0)
      })
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
      }).pipe(Effect.provide(Layer.provide(rentProg(stub), tenure)))
    })
)
