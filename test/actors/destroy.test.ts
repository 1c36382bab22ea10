import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { EntityType } from "../../src/domain/Entity.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { about, allHandled, allProcessed, insert, mirror, until } from "../support/tables.ts"
import { reads } from "./calls.ts"
import { Log, world } from "./world.ts"

const put = (kind: EntityType, id: number) =>
  Simulator.use((simulator) => simulator.put(kind, { id, company_id: 9247, note: "kept" }))
const destroy = (kind: EntityType, id: number) => Simulator.use((simulator) => simulator.destroy(kind, id))

describe.concurrent("a record that was destroyed", () => {
  it.live.each(["car", "client", "booking"] as const)("is marked, and its row and data stay: %s", (kind) =>
    Effect.gen(function* () {
      yield* put(kind, 1)
      yield* insert(about(`${kind}_create`, 1))
      yield* allProcessed
      yield* destroy(kind, 1)
      yield* insert(about(`${kind}_destroy`, 1))
      yield* allProcessed
      const [row] = yield* mirror(kind)
      assert.isTrue(row?.deleted)
      assert.strictEqual(row?.data?.["note"], "kept")
    }).pipe(Effect.provide(world()))
  )

  it.live("costs no call", () =>
    Effect.gen(function* () {
      yield* insert(about("car_destroy", 1))
      yield* allProcessed
      assert.deepStrictEqual(yield* reads, [])
    }).pipe(Effect.provide(world()))
  )

  it.live("before it was created: both events end processed, and it is deleted", () =>
    Effect.gen(function* () {
      yield* insert(about("car_destroy", 1))
      yield* allProcessed
      yield* insert(about("car_create", 1))
      const [, late] = yield* allProcessed
      assert.deepStrictEqual([late?.ok, late?.reason], [true, "superseded"])
      assert.deepStrictEqual(
        (yield* mirror("car")).map(({ deleted, id }) => [id, deleted]),
        [["1", true]]
      )
    }).pipe(Effect.provide(world()))
  )

  it.live("stays deleted when an update comes late, and that ends processed", () =>
    Effect.gen(function* () {
      yield* put("car", 1)
      yield* insert(about("car_create", 1))
      yield* allProcessed
      yield* destroy("car", 1)
      yield* insert(about("car_destroy", 1))
      yield* allProcessed
      yield* insert(about("car_update", 1))
      const rows = yield* allHandled
      assert.deepStrictEqual(
        rows.map(({ ok, reason }) => [ok, reason]),
        [
          [true, null],
          [true, null],
          [true, "superseded"]
        ]
      )
      assert.isTrue((yield* mirror("car"))[0]?.deleted)
    }).pipe(Effect.provide(world()))
  )

  it.live("stays deleted while RentProg's own copies still have it, and the event says so", () =>
    Effect.gen(function* () {
      yield* put("car", 1)
      yield* insert(about("car_destroy", 1))
      yield* allProcessed
      yield* insert(about("car_update", 1))
      const [, late] = yield* allProcessed
      assert.deepStrictEqual([late?.ok, late?.reason], [true, "deleted_recently"])
      assert.isTrue((yield* mirror("car"))[0]?.deleted)
      const { lines } = yield* Log
      const said = yield* until(
        Effect.sync(() => lines.filter(({ message }) => message === "event processed")),
        ({ length }) => length === 2
      )
      assert.deepStrictEqual(
        said.map(({ labels }) => labels["reason"]),
        [undefined, "deleted_recently"]
      )
    }).pipe(Effect.provide(world()))
  )

  it.live("in the same breath as it was created and changed is deleted, without a call", () =>
    Effect.gen(function* () {
      yield* insert(about("car_update", 1), about("car_destroy", 1), about("car_create", 1))
      yield* allProcessed
      assert.isTrue((yield* mirror("car"))[0]?.deleted)
      assert.deepStrictEqual(yield* reads, [])
    }).pipe(Effect.provide(world()))
  )
})

describe.concurrent("a car that moved to another branch", () => {
  it.live("is no car that is gone: what its old branch hears late ends processed", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const sql = yield* PgClient.PgClient
      yield* put("car", 1)
      yield* insert(about("car_create", 1))
      yield* allProcessed
      yield* simulator.patch("car", 1, { company_id: 9248 })
      yield* insert({ type: "car_update", payload: { id: 1, company_id: [9247, 9248] } })
      yield* allProcessed
      yield* insert(about("car_update", 1, "tbilisi"))
      const rows = yield* allHandled
      assert.deepStrictEqual(
        rows.map(({ branch, ok, reason }) => [branch, ok, reason]),
        [
          ["tbilisi", true, null],
          ["kutaisi", true, null],
          ["tbilisi", true, "superseded"]
        ]
      )
      const [car] = yield* mirror("car")
      assert.deepStrictEqual([car?.branch, car?.deleted], ["kutaisi", false])
      const [{ company_id } = {}] = yield* sql<{ readonly company_id?: unknown }>`
        SELECT company_id::int FROM cars
      `
      assert.strictEqual(company_id, 9248)
    }).pipe(Effect.provide(world()))
  )

  it.live("and whose old branch hears first: it waits, and is not deleted", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* put("car", 1)
      yield* insert(about("car_create", 1))
      yield* allProcessed
      yield* simulator.patch("car", 1, { company_id: 9248 })
      yield* insert(about("car_update", 1, "tbilisi"))
      const [, early] = yield* allHandled
      assert.deepStrictEqual([early?.code, early?.parked], ["rentprog_not_found", false])
      assert.isFalse((yield* mirror("car"))[0]?.deleted)
    }).pipe(Effect.provide(world()))
  )
})
