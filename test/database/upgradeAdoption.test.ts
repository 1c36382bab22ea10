import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { adopt } from "../../src/database/adoption.ts"
import { bareDatabase, migratePublic, Owner, runEarly } from "./upgradeFrom.ts"

layer(Owner.layer, { excludeTestServices: true })(
  "a log that the company had before an early version",
  (it) => {
    for (const [version, adopted] of [
      [4, true],
      [5, false]
    ] as const) {
      it.effect(`is ${adopted ? "" : "not "}adopted where version ${version} ran`, () =>
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          const { asSuperuser } = yield* Owner
          yield* sql`CREATE TABLE history (id serial PRIMARY KEY, description text, processed boolean)`
          yield* sql`
          INSERT INTO history (description, processed)
          VALUES ('Иван Петров подумал', NULL), ('Иван Петров подумал', true), ('Иван Петров подумал', false)
        `
          yield* asSuperuser(runEarly({ version, attempts: false }))
          yield* migratePublic
          const waiting = yield* sql`SELECT table_name FROM adoptions WHERE finished_at IS NULL`
          assert.deepStrictEqual(waiting, adopted ? [{ table_name: "history" }] : [])
          assert.deepStrictEqual(yield* adopt(() => Effect.void), [])
          // What version 5 has given a time to is due, and the sweep's.
          assert.deepStrictEqual(
            yield* sql`SELECT processed, next_attempt_at::text = 'infinity' AS parked FROM history ORDER BY id`,
            [false, true, false].map((processed) => ({
              processed,
              parked: processed ? (adopted ? null : false) : adopted
            }))
          )
        }).pipe(Effect.provide(bareDatabase))
      )
    }
  }
)
