/** What RentProg answered, as it reaches the columns. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { Mirror } from "../../src/database/Mirror.ts"
import { Branch } from "../../src/domain/Branch.ts"
import type { EntityType } from "../../src/domain/Entity.ts"
import { readJson } from "../../src/rentprog/Json.ts"
import { decodeRecord } from "../../src/rentprog/Records.ts"
import { testDatabase } from "../support/TestDatabase.ts"

let written = 0

/** Writes what a body of JSON holds, and answers columns of it as text, and its data. */
const write = Effect.fnUntraced(function* (kind: EntityType, json: string, columns: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const mirror = yield* Mirror
  const record = Result.getOrThrow(decodeRecord(kind, yield* readJson(json)))
  written += 1
  yield* mirror.write({ ...record, branch: Branch.make("tbilisi"), fetchedAt: written * 1000 })
  const [row] = yield* sql<Record<string, unknown>>`
    SELECT ${sql.csv(columns.map((name) => sql`mirror.${sql(name)}::text`))}, mirror.data
    FROM ${sql({ car: "cars", client: "clients", booking: "bookings" }[kind])} AS mirror
    WHERE mirror.rentprog_id = ${record.entityId}
  `
  return row
})

const tests = Mirror.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("a record", (it) => {
  it.effect.each([
    ['"680.50"', "680.50"],
    ["680.50", "680.5"],
    ['"12345678901234567890"', "12345678901234567890"],
    ["12345678901234567890", "12345678901234567890"],
    ["0.1234567890123456789", "0.1234567890123456789"],
    ["9007199254740993", "9007199254740993"],
    ['"0.00000010"', "0.00000010"],
    ["1e-7", "0.0000001"],
    ["1e21", "1000000000000000000000"],
    ["-0.1", "-0.1"]
  ])("with the number %s has %s in its column", ([number, column]) =>
    Effect.gen(function* () {
      const row = yield* write("booking", `{"id":1,"total":${number}}`, ["total"])
      assert.strictEqual(row?.["total"], column)
    })
  )

  it.effect.each(["1e131071", '"1e131071"', "9".repeat(400), `"${"9".repeat(400)}"`, `1${"0".repeat(50)}`])(
    "with the number %s has none in its column, and that text in data",
    (number) =>
      Effect.gen(function* () {
        const row = yield* write("booking", `{"id":2,"number":7,"total":${number}}`, ["number", "total"])
        assert.deepStrictEqual([row?.["number"], row?.["total"]], ["7", null])
        assert.deepStrictEqual(row?.["data"], { id: 2, number: 7, total: number.replaceAll('"', "") })
      })
  )

  it.effect("is not taken for another whose id is rounded to the same", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      for (const id of ["9007199254740992", "9007199254740993"]) yield* write("car", `{"id":${id}}`, ["code"])
      assert.lengthOf(yield* sql`SELECT FROM cars WHERE cars.rentprog_id LIKE '90071992547409%'`, 2)
    })
  )

  it.effect("with NUL and half characters loses these and no more", () =>
    Effect.gen(function* () {
      const json = String.raw`{"id":3,"name":"A\u0000nna","email":"\ud83d!","note\u0000":["\u0000\ude00🚗","\\u0000"]}`
      const row = yield* write("client", json, ["name", "email"])
      assert.deepStrictEqual<unknown>(row, {
        name: "Anna",
        email: "\ufffd!",
        data: { id: 3, name: "Anna", email: "\ufffd!", note: ["\ufffd🚗", "\\u0000"] }
      })
    })
  )

  it.effect("that is a booking fills what people ask for", () =>
    Effect.gen(function* () {
      const json = JSON.stringify({
        ...{ id: 4, number: 4028, car_code: "BMW X6 704", source: "Сайт", technical: "false", archive: 1 },
        ...{ additional_hours: "2.5", location_start: "Tbilisi Airport", location_end: "Tbilisi Office" },
        ...{ start_mileage: "171678", end_mileage: 171900, start_date: "16-11-2025 5:30" },
        start_date_formatted: "2025-11-16T09:30:00.000+04:00"
      })
      const columns = [
        ...["number", "car_code", "source", "technical", "archive", "additional_hours", "location_start"],
        ...["location_end", "start_mileage", "end_mileage", "start_place", "end_place"]
      ]
      const { data: _, ...row } = (yield* write("booking", json, columns)) ?? {}
      assert.deepStrictEqual<unknown>(row, {
        ...{ number: "4028", car_code: "BMW X6 704", source: "Сайт", technical: "false", archive: "true" },
        ...{ additional_hours: "2.5", location_start: "Tbilisi Airport", location_end: "Tbilisi Office" },
        ...{ start_mileage: "171678", end_mileage: "171900", start_place: null, end_place: null }
      })
      const sql = yield* PgClient.PgClient
      const same = yield* sql`
        SELECT FROM bookings WHERE bookings.rentprog_id = '4' AND bookings.start_date = '2025-11-16 01:30:00+00'
      `
      assert.lengthOf(same, 1)
    })
  )
})
