import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Migrator } from "effect/sql"
import { migrate } from "../../src/database/Migrations.ts"
import { publicSchema } from "../../src/database/SchemaName.ts"
import { programWith, readBooks, sqlFiles } from "./MigrationsProgram.ts"
import { bareDatabase, earlyFiles, migratePublic, Owner, runEarly } from "./upgradeFrom.ts"
import { wholeSchema } from "./wholeSchema.ts"

const early = { version: 10, attempts: false }

/** The early program: it would run its files again here. */
const earlyProgram = Migrator.make({})({
  table: "jarvis_migrations",
  loader: Effect.succeed(
    earlyFiles(early).map(({ id, name, statement }) => [
      id,
      name,
      Effect.succeed(Effect.flatMap(PgClient.PgClient, (sql) => sql.unsafe(statement)))
    ])
  )
})

const everything = Effect.gen(function* () {
  return [yield* wholeSchema(publicSchema), yield* readBooks]
})

layer(Owner.layer, { excludeTestServices: true })("the early program", (it) => {
  it.effect("stops at a database that was upgraded, and changes nothing", () =>
    Effect.gen(function* () {
      const { asSuperuser } = yield* Owner
      yield* asSuperuser(runEarly(early))
      yield* migratePublic
      const before = yield* everything
      const error = yield* Effect.flip(asSuperuser(earlyProgram))
      assert.strictEqual(error._tag, "SqlError")
      assert.deepStrictEqual(yield* everything, before)
    }).pipe(Effect.provide(bareDatabase))
  )

  it.effect("still runs where the upgrade failed", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { asSuperuser } = yield* Owner
      yield* asSuperuser(runEarly(early))
      yield* sql`INSERT INTO events (type, payload) VALUES ('car_update', '{}')`
      const before = yield* wholeSchema(publicSchema)
      const baseline = (yield* sqlFiles).migrations[0]?.text
      const failing = programWith({
        "migrations/0001_baseline.sql": `${baseline}ALTER TABLE :SCHEMA.events ADD CONSTRAINT no CHECK (id < 0);`
      })
      const error = yield* Effect.flip(Effect.provide(migrate(publicSchema), failing, { local: true }))
      assert.match(error.message, /^sql\/migrations\/0001_baseline\.sql: .*"no"/)
      assert.deepStrictEqual(yield* wholeSchema(publicSchema), before)
      assert.deepStrictEqual(yield* earlyProgram, [])
    }).pipe(Effect.provide(bareDatabase))
  )
})
