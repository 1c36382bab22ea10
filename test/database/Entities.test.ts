/** Records and their timelines. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Layer } from "effect"
import { Entities } from "../../src/database/Entities.ts"
import { insertHistory } from "../support/history.ts"
import { fresh } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = Entities.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("Entities", (it) => {
  it.effect("a record is its row, column by column", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const entities = yield* Entities
      yield* sql`
        INSERT INTO cars (id, rentprog_id, branch, mileage, data, fetched_at, deleted_at)
        VALUES (9007199254740993, '5', 'kutaisi', 100.5, '{"seats": 5}', '2026-03-01T10:00:00Z', 'infinity')
      `
      const record = yield* entities.record("car", "5")
      assert.deepInclude(record, { branch: "kutaisi", deleted_at: null })
      assert.strictEqual(record?.fetched_at?.pipe(DateTime.formatIso), "2026-03-01T10:00:00.000Z")
      assert.deepInclude(record?.columns, {
        ...{ id: "9007199254740993", rentprog_id: "5", mileage: 100.5, data: { seats: 5 }, vin: null }
      })
      for (const type of ["client", "booking", "payment", "maintenance"] as const) {
        assert.isNull(yield* entities.record(type, "5"))
      }
      assert.isNull(yield* entities.record("car", "5\0' OR true --"))
    })
  )

  it.effect("each kind has its table", () =>
    Effect.gen(function* () {
      yield* fresh
      const entities = yield* Entities
      yield* insertHistory(
        { description: "Иван Петров создал платёж №8, расход наличными 60.0GEL" },
        { description: "Иван Петров завершил обслуживание №9 в объекте №5 закрепить бачок" }
      )
      assert.deepInclude((yield* entities.record("payment", "8"))?.columns, { amount: 60 })
      assert.deepInclude((yield* entities.record("maintenance", "9"))?.columns, { state: "done" })
    })
  )

  it.effect("what happened, the newest first, page by page, each once", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const entities = yield* Entities
      // Many of one instant, which only their numbers tell apart, and numbers that do not follow the time.
      yield* sql`
        INSERT INTO entity_timeline (at, entity_type, entity_id, source, operation, changes)
        SELECT now() - (n / 40) * interval '1 minute', 'car', '5', 'history', n::text, '{"mileage": [1, "2"]}'
        FROM generate_series(0, 119) AS n
      `
      yield* sql`INSERT INTO entity_timeline (at, entity_type, entity_id, changes) VALUES ('-infinity', 'car', '5', '[1]')`
      yield* sql`INSERT INTO entity_timeline (entity_type, entity_id) VALUES ('car', '6'), ('client', '5')`
      const expected = yield* sql<{ readonly id: string }>`
        SELECT id::text FROM entity_timeline WHERE entity_type = 'car' AND entity_id = '5'
        ORDER BY at DESC, entity_timeline.id DESC
      `
      const told: Array<string> = []
      let before: string | undefined
      do {
        const page = yield* entities.timeline("car", "5", before)
        assert.isAtMost(page.rows.length, 50)
        told.push(...page.rows.map(({ id }) => id))
        before = page.next ?? undefined
      } while (before !== undefined)
      assert.deepStrictEqual(
        told,
        expected.map(({ id }) => id)
      )
      const [happening] = (yield* entities.timeline("car", "5")).rows
      assert.deepInclude(happening, { source: "history", changes: { mileage: [1, "2"] }, user_name: null })
      assert.deepStrictEqual(yield* entities.timeline("car", "5", "999999999"), { rows: [], next: null })
    })
  )

  it.effect("what would print as gigabytes is cut, in the record and in its timeline", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const entities = yield* Entities
      const huge = `{"mileage": [${Array(3000).fill("1e131071").join()}]}`
      yield* sql`
        INSERT INTO cars (rentprog_id, branch, mileage, data) VALUES ('5', 'kutaisi', 1e131071, ${huge}::jsonb)
      `
      yield* sql`
        INSERT INTO entity_timeline (at, entity_type, entity_id, operation, changes) VALUES
          ('2026-03-01', 'car', '5', 'update', ${huge}::jsonb), ('2026-03-02', 'car', '5', 'create', '{"a": [1, 2]}'),
          ('2026-03-03', 'car', '5', 'delete', NULL)
      `
      const record = yield* entities.record("car", "5")
      assert.deepStrictEqual(record?.cut, ["data", "mileage"])
      assert.deepInclude(record?.columns, { rentprog_id: "5", data: null, mileage: null })
      assert.deepStrictEqual(
        (yield* entities.timeline("car", "5")).rows.map(({ changes, cut, operation }) => [
          operation,
          changes,
          cut
        ]),
        [
          ["delete", null, []],
          ["create", { a: [1, 2] }, []],
          ["update", null, ["changes"]]
        ]
      )
    })
  )
})
