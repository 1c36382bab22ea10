import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect } from "effect"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { about, allHandled, allProcessed, events, insert, mirror, until } from "../support/tables.ts"
import { reads, readsOf } from "./calls.ts"
import { world } from "./world.ts"

const putCar = (id: number) =>
  Simulator.use((simulator) => simulator.put("car", { id, company_id: 9247, note: "old" }))

describe("events of one record", () => {
  it.live.each([2, 50])("%i of them cost one fetch", (many) =>
    Effect.gen(function* () {
      yield* putCar(1)
      yield* insert(...Arr.makeBy(many, () => about("car_update", 1)))
      const rows = yield* allProcessed
      assert.lengthOf(rows, many)
      assert.deepStrictEqual(yield* reads, ["/cars/1"])
    }).pipe(Effect.provide(world()))
  )

  it.live("one that comes while the record is being fetched causes another fetch, after that one", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* putCar(1)
      const letGo = yield* simulator.fault(Fault.Hang(), { id: 1 })
      yield* insert(about("car_update", 1))
      yield* until(readsOf("/cars/1"), (count) => count === 1)
      yield* insert(about("car_update", 1), about("car_update", 1))
      // Another record's event has come and gone: the two new ones were seen and left alone.
      yield* simulator.put("client", { id: 2 })
      yield* insert(about("client_update", 2))
      yield* until(events, (rows) => rows.some(({ ok, type }) => ok && type === "client_update"))
      assert.strictEqual(yield* readsOf("/cars/1"), 1)

      yield* letGo
      yield* simulator.patch("car", 1, { note: "new" })
      const rows = yield* allProcessed
      assert.deepStrictEqual(
        rows.map(({ attempts, ok }) => [ok, attempts]),
        rows.map(() => [true, 1])
      )
      // The one that hung was tried again, and then the record was fetched once for the two.
      assert.strictEqual(yield* readsOf("/cars/1"), 3)
      assert.strictEqual((yield* mirror("car"))[0]?.data?.["note"], "new")
    }).pipe(Effect.provide(world({ patience: { callTimeout: "1 second" } })))
  )

  it.live("a success settles those that were waiting for another try", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* putCar(1)
      yield* simulator.fault(Fault.Status({ status: 500 }), { id: 1 })
      yield* insert(about("car_create", 1))
      yield* allHandled
      yield* simulator.clearFaults
      yield* simulator.clearCalls
      yield* insert(about("car_update", 1))
      const rows = yield* allProcessed
      assert.deepStrictEqual(
        rows.map(({ attempts, ok, reason }) => ({ ok, reason, attempts })),
        [
          { ok: true, reason: null, attempts: 2 },
          { ok: true, reason: null, attempts: 1 }
        ]
      )
      assert.deepStrictEqual(yield* reads, ["/cars/1"])
    }).pipe(Effect.provide(world()))
  )

  it.live("a failure counts for those that were due, and not for those that were waiting", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* putCar(1)
      yield* simulator.fault(Fault.Status({ status: 500 }), { id: 1 })
      yield* insert(about("car_create", 1))
      yield* allHandled
      yield* insert(about("car_update", 1))
      const rows = yield* allHandled
      assert.deepStrictEqual(
        rows.map(({ attempts, code }) => [code, attempts]),
        [
          ["rentprog_unavailable", 1],
          ["rentprog_unavailable", 1]
        ]
      )
    }).pipe(Effect.provide(world()))
  )

  it.live("an event is not taken for one of another kind with the same number", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* putCar(1)
      yield* simulator.put("client", { id: 1 })
      yield* insert(about("car_update", 1), about("client_update", 1))
      yield* allProcessed
      assert.deepStrictEqual(new Set(yield* reads), new Set(["/cars/1", "/clients/1"]))
    }).pipe(Effect.provide(world()))
  )
})

describe("many records", () => {
  it.live("300 wanted at once cost at most a tenth of 300 calls", () =>
    Effect.gen(function* () {
      const ids = Arr.range(1, 300)
      yield* Effect.forEach(ids, putCar)
      yield* insert(...ids.map((id) => about("car_update", id)))
      yield* allProcessed
      assert.isAtMost((yield* reads).length, 30)
      assert.deepStrictEqual(
        (yield* mirror("car")).map(({ id }) => Number(id)),
        ids
      )
    }).pipe(Effect.provide(world()))
  )

  it.live("two thousand, more than a branch takes at a time, are all done", () =>
    Effect.gen(function* () {
      const ids = Arr.range(1, 2000)
      yield* Effect.forEach(ids, putCar)
      yield* insert(...ids.map((id) => about("car_update", id)))
      yield* allProcessed
      assert.lengthOf(yield* mirror("car"), 2000)
    }).pipe(Effect.provide(world()))
  )
})
