/** Values of the log mean the same in every session, or nothing at all. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { insertHistory, mirrored } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const read = Effect.fnUntraced(function* (said: string, type: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{ readonly value: string }>`
    SELECT log_value(${said}, ${type}::text::regtype) AS value
  `
  return row?.value
})

layer(testDatabase)("log_value", (it) => {
  it.effect.each([
    ["03-11-2025 9:05", "timestamptz", "2025-11-03T09:05:00.000000+04"],
    ["2025-11-03 10:00", "timestamp", "2025-11-03T10:00:00.000000+04"],
    ["2025-11-03", "date", "2025-11-03T00:00:00.000000+04"],
    ["2025-11-03T10:00:00.5Z", "timestamptz", "2025-11-03T14:00:00.500000+04"],
    ["20251103T1000", "timestamptz", "2025-11-03T10:00:00.000000+04"],
    ["2025-11-20 10:00:00 UTC", "timestamptz", "2025-11-20T14:00:00.000000+04"],
    ["31-02-2025", "date", '"31-02-2025"'],
    ["01/02/2025 10:00", "timestamptz", '"01/02/2025 10:00"'],
    ["tomorrow", "timestamptz", '"tomorrow"'],
    ["7,4", "numeric", "7.4"],
    ["-12", "numeric", "-12"],
    ["1e100000", "numeric", '"1e100000"'],
    ["0x1F", "int", '"0x1F"'],
    ["7,5", "int", '"7,5"'],
    ["Infinity", "numeric", '"Infinity"'],
    ["what it says", "text", "what it says"]
  ] as const)("%s as %s: %s", ([said, type, value]) =>
    Effect.gen(function* () {
      assert.strictEqual(yield* read(said, type), value)
    })
  )

  it.effect("a date is Tbilisi's, whatever the session's zone and order of days", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO bookings (rentprog_id) VALUES ('5')`
      yield* Effect.gen(function* () {
        yield* sql`SET LOCAL timezone = 'America/New_York'`
        yield* sql`SET LOCAL datestyle = 'SQL, MDY'`
        yield* insertHistory({
          description:
            "Иван Петров изменил start_date с на 2025-11-03 10:00, end_date с на 04-11-2025 10:00 в брони №5"
        })
      }).pipe(sql.withTransaction)
      const [row] = yield* sql`
        SELECT start_date = '2025-11-03 10:00+04' AND end_date = '2025-11-04 10:00+04' AS right
        FROM bookings WHERE rentprog_id = '5'
      `
      assert.deepStrictEqual(row, { right: true })
    })
  )

  it.effect("entries without a number of their own are entries of their own", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('6')`
      for (const operation_id of ["", "  "]) {
        for (const mileage of [200, 300]) {
          yield* insertHistory({
            operation_id,
            description: `Иван Петров изменил mileage с на ${mileage} в авто №6`
          })
          assert.deepInclude(yield* mirrored("cars", "6"), { mileage })
        }
      }
    })
  )

  it.effect("a record that is given its number by an UPDATE arrives, too", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (code) VALUES ('Rio 5')`
      yield* insertHistory({ description: "Иван Петров изменил mileage с на 200 в авто №7" })
      yield* sql`UPDATE cars SET rentprog_id = '7' WHERE code = 'Rio 5'`
      assert.deepInclude(yield* mirrored("cars", "7"), { mileage: 200 })
    })
  )
})
