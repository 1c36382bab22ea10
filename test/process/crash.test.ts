import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { about, events, insert, until } from "../support/tables.ts"
import { allIsWell, processed, receive } from "./load.ts"
import { serve, settings } from "./program.ts"

const simulator = Simulator.layer({
  readsPerMinute: 100_000,
  tokensPerMinute: 100_000,
  latency: "5 millis"
})

describe.concurrent("a service that is killed", () => {
  it.live("again and again in mid-drain loses nothing, and the mirror becomes what RentProg is", () =>
    Effect.gen(function* () {
      // More than arrive while a program starts: some are still to come at each kill.
      const webhooks = 1000
      const given = yield* settings
      let program = yield* serve(given)
      const receiving = yield* Effect.forkScoped(receive(webhooks))
      for (const share of [0.1, 0.3, 0.5]) {
        yield* until(processed, (count) => count >= webhooks * share)
        yield* program.signal("SIGKILL")
        assert.strictEqual((yield* program.exit).signal, "SIGKILL")
        assert.isBelow(yield* processed, webhooks)
        program = yield* serve(given)
      }
      yield* Fiber.join(receiving)
      yield* allIsWell(webhooks)
      yield* program.signal("SIGTERM")
      assert.strictEqual((yield* program.exit).code, 0)
    }).pipe(Effect.scoped, Effect.provide([testDatabase, simulator]))
  )

  it.live("while a record is under way has it fetched again by the next", () =>
    Effect.gen(function* () {
      const { calls, clearFaults, fault, put } = yield* Simulator
      yield* put("car", { id: 1, company_id: 9247 })
      yield* fault(Fault.Hang(), { id: 1 })
      const given = yield* settings
      const first = yield* serve(given)
      yield* insert(about("car_update", 1))
      yield* until(calls, (calls) => calls.some(({ path }) => path === "/cars/1"))
      yield* first.signal("SIGKILL")
      yield* first.exit
      yield* clearFaults
      assert.deepStrictEqual(
        (yield* events).map(({ attempts, ok }) => [ok, attempts]),
        [[null, 0]]
      )
      yield* serve(given)
      const [row] = yield* until(events, ([row]) => row?.processed === true)
      assert.deepStrictEqual([row?.ok, row?.attempts], [true, 1])
    }).pipe(Effect.scoped, Effect.provide([testDatabase, simulator]))
  )
})
