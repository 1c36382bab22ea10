import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { eventTypes, meaning } from "../../src/domain/Event.ts"
import { mainCompanies } from "../../src/simulator/Companies.ts"
import { type SimulatedRecord, Simulator } from "../../src/simulator/Simulator.ts"
import { about, allProcessed, insert, mirror, until } from "../support/tables.ts"
import { world } from "./world.ts"

const companyId = 9247

/** A record of each kind and what a booking needs, numbered apart. */
const recordOf = (kind: "car" | "client" | "booking", id: number): SimulatedRecord =>
  kind === "booking"
    ? { id, company_id: companyId, car_id: 1, client_id: 2, state: "Новая", note: [`n${id}`] }
    : { id, company_id: companyId, note: [`n${id}`] }

describe.concurrent("every type of event", () => {
  it.live("ends processed, with the record in the mirror as RentProg has it", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", recordOf("car", 1))
      yield* simulator.put("client", recordOf("client", 2))
      const cases = eventTypes.map((type, index) => ({ type, ...meaning[type], id: 100 + index }))
      for (const { entityType, id, operation } of cases) {
        if (operation !== "destroy") yield* simulator.put(entityType, recordOf(entityType, id))
      }
      yield* insert(...cases.map(({ id, type }) => about(type, id)))
      const rows = yield* allProcessed
      assert.deepStrictEqual(
        rows.map(({ attempts, ok, reason, type }) => ({ type, ok, reason, attempts })),
        eventTypes.map((type) => ({ type, ok: true, reason: null, attempts: 1 }))
      )
      for (const { entityType, id, operation } of cases) {
        const row = (yield* mirror(entityType)).find((one) => one.id === String(id))
        const destroyed = operation === "destroy"
        assert.deepStrictEqual(row, {
          id: String(id),
          branch: "tbilisi",
          deleted: destroyed,
          data: destroyed ? null : recordOf(entityType, id)
        })
      }
    }).pipe(Effect.provide(world()))
  )

  it.live("is known in every form it comes in", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      for (const id of [1, 2, 3, 4]) yield* simulator.put("car", recordOf("car", id))
      yield* insert(
        { type: "car.update", payload: { id: 1, company_id: [9248, companyId] } },
        { type: "Car_Update", payload: `{"id":2,"company_id":${companyId}}` },
        { type: "carupdate", payload: `{"clean_state"=>[nil, true], "id"=>3, "company_id"=>${companyId}}` },
        { type: "car_update", company_id: companyId, ext_id: "4", payload: {} }
      )
      const rows = yield* allProcessed
      assert.deepStrictEqual(
        rows.map(({ ok, type }) => [type, ok]),
        rows.map(() => ["car_update", true])
      )
      assert.deepStrictEqual(
        (yield* mirror("car")).map(({ id }) => id),
        ["1", "2", "3", "4"]
      )
    }).pipe(Effect.provide(world()))
  )

  it.live("of every branch is fetched with that branch's own token", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      for (const { branch, companyId } of mainCompanies) {
        yield* simulator.put("car", { id: companyId, company_id: companyId })
        yield* insert(about("car_create", companyId, branch))
      }
      yield* allProcessed
      const calls = (yield* simulator.calls).filter(({ path }) => path.startsWith("/cars/"))
      assert.deepStrictEqual(
        new Map(calls.map(({ branch, path }) => [path, branch])),
        new Map(mainCompanies.map(({ branch, companyId }) => [`/cars/${companyId}`, branch]))
      )
      assert.deepStrictEqual(
        new Map((yield* mirror("car")).map(({ branch, id }) => [id, branch])),
        new Map(mainCompanies.map(({ branch, companyId }) => [String(companyId), branch]))
      )
    }).pipe(Effect.provide(world()))
  )

  it.live("is done again when a person touches its row", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const sql = yield* PgClient.PgClient
      yield* simulator.put("car", recordOf("car", 1))
      yield* insert(about("car_update", 1))
      yield* allProcessed
      yield* simulator.patch("car", 1, { note: "changed" })
      yield* sql`UPDATE events SET processed = false`
      const changed = yield* until(mirror("car"), ([car]) => car?.data?.["note"] === "changed")
      assert.lengthOf(changed, 1)
      assert.isTrue((yield* allProcessed)[0]?.ok)
    }).pipe(Effect.provide(world()))
  )
})

describe.concurrent("the fields of a test insert", () => {
  it.live("are enough: INSERT to processed", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const sql = yield* PgClient.PgClient
      yield* simulator.put("car", recordOf("car", 12345))
      yield* sql`
        INSERT INTO events (branch, type, ext_id, payload, company_id)
        VALUES ('tbilisi', 'car_update', '12345', '{"id": 12345}'::jsonb, 9247)
      `
      const [row] = yield* allProcessed
      assert.deepStrictEqual([row?.ext_id, row?.ok, row?.reason], ["12345", true, null])
      assert.deepStrictEqual((yield* mirror("car"))[0]?.data, recordOf("car", 12345))
    }).pipe(Effect.provide(world()))
  )
})
