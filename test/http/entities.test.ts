/** Records and their timelines, over HTTP. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { insertHistory } from "../support/history.ts"
import { fresh, quiet } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { admin, client, operator } from "./admin.ts"

const tests = admin.pipe(Layer.provideMerge(testDatabase), Layer.provideMerge(quiet))

layer(tests, { excludeTestServices: true })("/api/entities", (it) => {
  it.effect("a record and what happened to it", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const api = yield* client
      const [entry] = yield* insertHistory({
        description: "Иван Петров изменил , mileage с 1 на 2 в авто № 6"
      })
      const id = entry?.id ?? ""
      const params = { type: "car", id: "6" } as const
      // Nobody has told anything of it yet.
      assert.deepInclude(yield* Effect.flip(api.entities.one({ params, query: {} })), { status: 404 })
      yield* api.rows.retry({ params: { table: "history" }, payload: { ids: [id] } })
      const told = yield* api.entities.one({ params, query: {} })
      assert.deepStrictEqual([told.record, told.timeline.length, told.next], [null, 1, null])
      const after = yield* api.entities.one({ params, query: { before: told.timeline[0]?.id ?? "" } })
      assert.deepStrictEqual(after, { record: null, timeline: [], next: null })

      yield* sql`INSERT INTO cars (rentprog_id, branch, mileage) VALUES ('6', 'tbilisi', 1)`
      const { next, record, timeline } = yield* api.entities.one({ params, query: {} })
      assert.isNull(next)
      assert.deepInclude(record, { branch: "tbilisi", fetched_at: null })
      assert.deepInclude(record?.columns, { rentprog_id: "6", mileage: 2 })
      assert.deepStrictEqual(
        new Set(
          timeline.map(({ changes, operation, source_id, user_name }) => [
            operation,
            source_id,
            user_name,
            changes
          ])
        ),
        new Set([
          ["update", id, "Иван Петров", { mileage: ["1", "2"] }],
          ["retry", `history:${id}`, operator.name, null]
        ])
      )
      const [last] = timeline.slice(-1)
      const query = { before: last?.id ?? "" }
      assert.deepInclude(yield* api.entities.one({ params, query }), { timeline: [], next: null })
    })
  )
})
