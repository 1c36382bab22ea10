/** What an earlier version could not read is read again. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { History } from "../../src/database/History.ts"
import { fresh, insert, mileage, rows, tests } from "./waiting.ts"

const readAgain = History.use((history) => history.readAgain)

layer(tests, { excludeTestServices: true })("History.readAgain", (it) => {
  it.effect("runs what reads by now or means nothing, and leaves the others parked", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id, branch, data) VALUES ('5', 'tbilisi', '{}')`
      // As rows stand that another version has parked.
      yield* sql`ALTER TABLE history DISABLE TRIGGER auto_process_history_trigger`
      yield* insert(
        { description: mileage(5) },
        { description: "Мария Ли экспортировала отчёт" },
        { description: "Пользователь моргнул" }
      )
      yield* sql`
        UPDATE history
        SET ok = false, next_attempt_at = 'infinity', reason = 'unparsed_description: "' || history.description || '"'
      `
      yield* sql`ALTER TABLE history ENABLE TRIGGER auto_process_history_trigger`

      assert.strictEqual(yield* readAgain, 2)
      const all = yield* rows
      assert.deepStrictEqual(
        all.map(({ parked, processed, reason }) => ({ parked, processed, reason })),
        [
          { parked: false, processed: true, reason: null },
          { parked: false, processed: true, reason: "not_about_records" },
          { parked: true, processed: false, reason: 'unparsed_description: "Пользователь моргнул"' }
        ]
      )
      assert.strictEqual(yield* readAgain, 0)
    })
  )
})
