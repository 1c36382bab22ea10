import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { adopt } from "../../src/database/adoption.ts"
import { bareDatabase, migratePublic, Owner, runEarly } from "./upgradeFrom.ts"

/** A company's table, an early version beside it, and the upgrade. */
const upgrade = Effect.fnUntraced(function* (version: number, ...statements: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const { asSuperuser } = yield* Owner
  for (const statement of statements) yield* sql.unsafe(statement)
  yield* asSuperuser(runEarly({ version, attempts: false }))
  yield* migratePublic
})

layer(Owner.layer, { excludeTestServices: true })("where an early version ran", (it) => {
  for (const [version, adopted] of [
    [4, true],
    [5, false]
  ] as const) {
    it.effect(`the company's log is ${adopted ? "" : "not "}adopted after version ${version}`, () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* upgrade(
          version,
          "CREATE TABLE history (id serial PRIMARY KEY, description text, processed boolean)",
          `INSERT INTO history (description, processed)
           VALUES ('Иван Петров подумал', NULL), ('Иван Петров подумал', true), ('Иван Петров подумал', false)`
        )
        const waiting = yield* sql`SELECT table_name FROM adoptions WHERE finished_at IS NULL`
        assert.deepStrictEqual(waiting, adopted ? [{ table_name: "history" }] : [])
        assert.deepStrictEqual(yield* adopt(() => Effect.void), [])
        const stand = yield* sql`
          SELECT processed, next_attempt_at = 'infinity' AS parked FROM history ORDER BY history.id
        `
        // To version 5 they are due, and the sweep's.
        const [unread, done] = [
          { processed: false, parked: adopted },
          { processed: true, parked: adopted ? null : false }
        ]
        assert.deepStrictEqual<unknown>(stand, [unread, done, unread])
      }).pipe(Effect.provide(bareDatabase))
    )
  }

  for (const version of [8, 10]) {
    it.effect(`the company's table attempts stays its own after version ${version}`, () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* upgrade(
          version,
          "CREATE TABLE attempts (id serial PRIMARY KEY, score int)",
          "INSERT INTO attempts (score) VALUES (7)"
        )
        assert.deepStrictEqual(yield* sql`SELECT id, score FROM attempts`, [{ id: 1, score: 7 }])
        assert.deepStrictEqual(yield* sql`SELECT FROM row_attempts`, [])
      }).pipe(Effect.provide(bareDatabase))
    )
  }
})
