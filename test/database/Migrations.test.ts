import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import {
  emptyDatabase,
  guest,
  migrated,
  pool,
  schema,
  TestDatabase,
  testDatabase
} from "../support/TestDatabase.ts"
import { migrateAs, readBooks, sqlFiles } from "./MigrationsProgram.ts"
import { wholeSchema } from "./wholeSchema.ts"

const whole = Effect.flatMap(schema, wholeSchema)

/** The names of all that there is to run. */
const all = Effect.map(sqlFiles, ({ migrations }) => [
  ...migrations.map(({ id, name }) => `${String(id).padStart(4, "0")}_${name}`),
  "functions"
])

describe("migrate", () => {
  it.live("runs every file once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* migrated, yield* all)
      const first = yield* whole
      const { functions, migrations } = yield* sqlFiles
      assert.deepStrictEqual<unknown>(yield* readBooks, {
        migrations: migrations.map(({ checksum, id, name }) => ({ id, name, checksum })),
        functions: [{ version: functions.version, checksum: functions.checksum }]
      })
      assert.deepStrictEqual(yield* migrated, [])
      assert.deepStrictEqual(yield* whole, first)
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("processes that start together do not collide, and make the schema where it is missing", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { url } = yield* TestDatabase
      for (let round = 0; round < 4; round++) {
        yield* sql`DROP SCHEMA IF EXISTS ${sql(yield* schema)} CASCADE`
        const ran = yield* Effect.replicateEffect(Effect.provide(migrated, pool(url), { local: true }), 4, {
          concurrency: "unbounded"
        })
        assert.deepStrictEqual(ran.flat(), yield* all)
      }
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("a file that fails is named, leaves nothing half done, and can be run again", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id, mileage) VALUES ('1', -1)`
      const fine = { "migrations/0093_fine.sql": "CREATE TABLE :SCHEMA.fine (id int);" }
      assert.deepStrictEqual(yield* migrateAs(fine), ["0093_fine"])
      const before = [yield* whole, yield* readBooks]
      const run = migrateAs({
        ...fine,
        "migrations/0094_more.sql": `
          ALTER TABLE :SCHEMA.cars ADD COLUMN axle_count int;
          ALTER TABLE :SCHEMA.cars ADD CONSTRAINT axle_count CHECK (mileage >= 0);
        `,
        "migrations/0095_last.sql": "CREATE TABLE :SCHEMA.last (id int);"
      })
      const error = yield* Effect.flip(run)
      assert.match(
        error.message,
        /^sql\/migrations\/0094_more\.sql: .*"axle_count" of relation "cars" is violated/
      )
      assert.deepStrictEqual([yield* whole, yield* readBooks], before)

      yield* sql`UPDATE cars SET mileage = 1`
      assert.deepStrictEqual(yield* run, ["0094_more", "0095_last"])
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("needs no right on the database where there is the schema", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const name = sql(yield* schema)
      yield* sql`CREATE SCHEMA IF NOT EXISTS ${name}`
      const { pool } = yield* guest(`CREATE ON SCHEMA "${yield* schema}"`)
      assert.deepStrictEqual(yield* Effect.provide(migrated, pool), yield* all)
    }).pipe(Effect.scoped, Effect.provide(emptyDatabase))
  )

  for (const [title, grants, why] of [
    ["create nothing", [], /CREATE|permission denied/],
    ["not change a table that stands there", ["CREATE"], /table cars/]
  ] as const) {
    it.live(`who may ${title} is told so, and nothing is left half done`, () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const name = yield* schema
        yield* sql`CREATE SCHEMA IF NOT EXISTS ${sql(name)}`
        yield* sql`CREATE TABLE cars (id serial PRIMARY KEY)`
        const before = yield* whole
        const { pool } = yield* guest(...grants.map((right) => `${right} ON SCHEMA "${name}"`))
        assert.match((yield* Effect.flip(Effect.provide(migrated, pool))).message, why)
        assert.deepStrictEqual(yield* whole, before)
      }).pipe(Effect.scoped, Effect.provide(emptyDatabase))
    )
  }
})
