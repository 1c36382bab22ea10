/** What the third migration mends in rows that early versions wrote. */
import { readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { schema, testDatabase } from "../support/TestDatabase.ts"

/** The one block of the file that mends rows. */
const mending = /^DO \$\$.*?^\$\$;/ms.exec(
  readFileSync(new URL("../../sql/migrations/0003_truth.sql", import.meta.url), "utf8")
)

layer(testDatabase)("a database of before", (it) => {
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
      yield* sql.unsafe((mending?.[0] ?? "").replaceAll(":SCHEMA", `"${yield* schema}"`))
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
})
