/** The audit, and how a discard is taken back, over HTTP. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { cars, fresh, quiet, states } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { admin, client, operator } from "./admin.ts"

const tests = admin.pipe(Layer.provideMerge(testDatabase), Layer.provideMerge(quiet))

layer(tests, { excludeTestServices: true })("/api/actions", (it) => {
  it.effect("a discard is undone once", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* cars(2)
      const api = yield* client
      const { action } = yield* api.rows.discard({
        params: { table: "events" },
        payload: { filter: {}, reason: "sold" }
      })
      const id = action ?? ""
      const undone = yield* api.actions.undo({ params: { id } })
      assert.deepInclude(undone, { count: 2, more: false })
      assert.deepStrictEqual(yield* states("events"), ["pending", "pending"])
      for (const again of [id, undone.action ?? ""]) {
        const error = yield* Effect.flip(api.actions.undo({ params: { id: again } }))
        assert.deepInclude(error, { _tag: "Conflict", status: 409 })
      }
      const unknown = yield* Effect.flip(api.actions.undo({ params: { id: "999999999" } }))
      assert.deepInclude(unknown, { _tag: "NotFound", status: 404 })
      const { actions, next } = yield* api.actions.list({ query: {} })
      assert.isNull(next)
      assert.deepStrictEqual(
        actions.map(({ action, by, count, undoable }) => [action, by, count, undoable]),
        [
          ["undo", operator.name, 2, false],
          ["discard", operator.name, 2, false]
        ]
      )
    })
  )

  it.effect("are paged", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* sql`
        INSERT INTO operator_actions (by, address, action) SELECT 'Гия', '192.0.2.8', 'retry' FROM generate_series(1, 120)
      `
      const api = yield* client
      const ids: Array<string> = []
      let before: string | undefined
      do {
        const page = yield* api.actions.list({ query: before === undefined ? {} : { before } })
        ids.push(...page.actions.map(({ id }) => id))
        before = page.next ?? undefined
      } while (before !== undefined)
      const all = yield* sql<{
        readonly id: string
      }>`SELECT id::text FROM operator_actions ORDER BY operator_actions.id DESC`
      assert.deepStrictEqual(
        ids,
        all.map(({ id }) => id)
      )
    })
  )
})
