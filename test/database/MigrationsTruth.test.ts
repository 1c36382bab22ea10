/** What migrations mend in rows that early versions wrote. */
import { readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { adopt } from "../../src/database/adoption.ts"
import { asOneStatement } from "../../src/database/sqlFiles.ts"
import { schema, testDatabase } from "../support/TestDatabase.ts"

const read = (path: string) => ({
  path,
  text: readFileSync(new URL(`../../sql/migrations/${path}`, import.meta.url), "utf8")
})

/** The one block of the file that mends rows. */
const mending = /^DO \$\$.*?^\$\$;/ms.exec(read("0005_rows.sql").text)
const mend = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql.unsafe((mending?.[0] ?? "").replaceAll(":SCHEMA", `"${yield* schema}"`))
})

layer(testDatabase, { excludeTestServices: true })("a database of before", (it) => {
  it.effect("has no field and no deletion of a time to come", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`
        INSERT INTO cars (rentprog_id, deleted_at, field_times) VALUES
          ('1', '2999-01-01', '{"deleted_at": "2999-01-01", "mileage": "2020-01-01T00:00:00+00:00"}'),
          ('2', '2999-01-01', NULL), ('3', NULL, '[]'),
          ('4', NULL, '{"color": "2020-01-01T00:00:00+00:00"}')
      `
      const before = yield* sql`SELECT cars.xmin::text AS version FROM cars WHERE cars.rentprog_id <> '1'`
      yield* mend
      const rows = yield* sql`
        SELECT cars.rentprog_id AS id, cars.deleted_at <= now() AS deleted,
          (cars.field_times ->> 'deleted_at')::timestamptz <= now() AS is_past, cars.field_times ->> 'mileage' AS mileage
        FROM cars WHERE cars.rentprog_id = '1'
      `
      assert.deepStrictEqual(rows, [
        { id: "1", deleted: true, is_past: true, mileage: "2020-01-01T00:00:00+00:00" }
      ])
      assert.deepStrictEqual(
        yield* sql`SELECT cars.xmin::text AS version FROM cars WHERE cars.rentprog_id <> '1'`,
        before
      )
    })
  )

  it.effect("is migrated to its end where a record refuses that", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO clients (rentprog_id, field_times) VALUES ('1', '{"phone": "2999-01-01"}')`
      yield* sql`INSERT INTO bookings (rentprog_id, field_times) VALUES ('1', '{"state": "2999-01-01"}')`
      yield* sql`ALTER TABLE clients ADD CONSTRAINT never CHECK (false) NOT VALID`
      yield* mend
      const rows = yield* sql`
        SELECT (clients.field_times ->> 'phone')::timestamptz <= now() AS client,
          (bookings.field_times ->> 'state')::timestamptz <= now() AS booking
        FROM clients, bookings
      `
      assert.deepStrictEqual(rows, [{ client: false, booking: true }])
    })
  )

  it.effect("has every row run again that was neither done nor due", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO adoptions (table_name, reached, finished_at) VALUES ('events', '7', now())`
      for (const table of ["events", "history"]) {
        yield* sql`
          ALTER TABLE ${sql(table)} DROP CONSTRAINT ${sql(`${table}_done_or_due`)}, DISABLE TRIGGER USER
        `
      }
      yield* sql`
        INSERT INTO events (branch, type, ext_id, payload, ok, next_attempt_at) VALUES ('tbilisi', 'car_update', '5', '{}', true, NULL)
      `
      yield* sql`
        INSERT INTO history (branch, description, ok, next_attempt_at)
        VALUES ('tbilisi', 'Иван Петров создал платёж №5, приход наличными 5 GEL', true, NULL)
      `
      for (const table of ["events", "history"]) yield* sql`ALTER TABLE ${sql(table)} ENABLE TRIGGER USER`
      yield* sql.unsafe(asOneStatement(yield* schema, read("0005_rows.sql")))
      assert.deepStrictEqual(yield* adopt(() => Effect.void), [])
      const rows = yield* sql`
        SELECT events.next_attempt_at <= now() AND events.ok IS NULL AS event_is_due, history.processed AS entry_is_done
        FROM events, history
      `
      assert.deepStrictEqual(rows, [{ event_is_due: true, entry_is_done: true }])
    })
  )
})
