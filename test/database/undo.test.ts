/** A discard is taken back: its rows stand as they stood before, and nothing is run again. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Audit } from "../../src/database/Audit.ts"
import { RowActions } from "../../src/database/RowActions.ts"
import type { RowId } from "../../src/domain/Row.ts"
import { insertEvents } from "../support/events.ts"
import { insertHistory, timeline, whileOpen } from "../support/history.ts"
import { cars, fail, fresh, notifiedBy, quiet, states, succeed, who, wholeRows } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = RowActions.layer.pipe(
  Layer.provideMerge(Audit.layer),
  Layer.provideMerge(testDatabase),
  Layer.provideMerge(quiet)
)

const discard = Effect.fnUntraced(function* (ids: ReadonlyArray<RowId>) {
  const actions = yield* RowActions
  const { action } = yield* actions.discard({ table: "events", ids }, "sold", who)
  return action ?? ""
})
const undo = (action: RowId) => RowActions.use((actions) => actions.undo(action, who))

layer(tests, { excludeTestServices: true })("RowActions.undo", (it) => {
  it.effect("events stand exactly as before, and those that are due are told of", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const ids = yield* cars(5)
      yield* fail("events", ids[1])
      yield* fail("events", ids[2], { next: "'infinity'" })
      yield* fail("events", ids[3], { next: "now() - interval '1 second'" })
      yield* fail("events", ids[3], { next: "now() - interval '1 second'" })
      // The trigger would read these anew: another type, another branch, no reason.
      yield* insertEvents([{ type: "car_explode", ext_id: "1", payload: "{", branch: "tbilisi" }])
      yield* sql`ALTER TABLE events DISABLE TRIGGER USER`
      yield* sql`UPDATE events SET branch = NULL, payload = '[1]' WHERE id = ${ids[4] ?? ""}::bigint`
      yield* sql`ALTER TABLE events ENABLE TRIGGER USER`
      const before = yield* wholeRows("events")
      const all = before.map(({ row }) => String(row["id"]))

      const action = yield* discard(all)
      assert.deepStrictEqual(new Set(yield* states("events")), new Set(["discarded"]))
      const { payloads, result } = yield* notifiedBy(undo(action))
      assert.deepInclude(result, { count: 6, more: false })
      assert.deepStrictEqual(yield* wholeRows("events"), before)
      assert.deepStrictEqual(payloads, [`${ids[0]}|tbilisi|car_update|1`, `${ids[3]}|tbilisi|car_update|4`])
    })
  )

  it.effect("log entries stand exactly as before", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const actions = yield* RowActions
      const [waits] = yield* insertHistory(
        { description: "Иван Петров изменил авто №6" },
        { description: "Пользователь вошёл" }
      )
      yield* fail("history", waits?.id, { reason: "entity_not_found: car 6" })
      const before = yield* wholeRows("history")
      const { action } = yield* actions.discard({ table: "history", filter: {} }, "old", who)
      // Run again now, the entry would apply.
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('6')`
      assert.deepInclude(yield* undo(action ?? ""), { count: 2 })
      assert.deepStrictEqual(yield* wholeRows("history"), before)
      assert.deepStrictEqual(
        (yield* timeline("car", "6")).map(({ operation, source_id }) => [operation, source_id]),
        ["discard", "undo"].map((operation) => [operation, `history:${waits?.id}`])
      )
    })
  )

  it.effect("rows that were run, done or discarded again since are left alone", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const actions = yield* RowActions
      const [one = "", two = "", three = "", four = ""] = yield* cars(4)
      const first = yield* discard([one, two, three, four])
      yield* actions.retry({ table: "events", ids: [one, two, three] }, who)
      yield* succeed("events", two)
      const second = yield* discard([three])
      assert.deepInclude(yield* undo(first), { count: 1 })
      assert.deepStrictEqual(yield* states("events"), ["pending", "processed", "discarded", "pending"])
      assert.deepInclude(yield* undo(second), { count: 1 })
      assert.deepStrictEqual(yield* states("events"), ["pending", "processed", "pending", "pending"])
      const rows = yield* sql`SELECT count(*)::int AS count FROM operator_action_rows AS one
        JOIN operator_actions ON operator_actions.id = one.action_id WHERE operator_actions.action = 'undo'`
      assert.deepStrictEqual(rows, [{ count: 2 }])
    })
  )

  it.effect("is written down, and cannot be done twice", () =>
    Effect.gen(function* () {
      yield* fresh
      const audit = yield* Audit
      const [id = ""] = yield* cars(1)
      const action = yield* discard([id])
      const done = yield* undo(action)
      assert.deepStrictEqual(
        (yield* audit.list()).rows.map(({ action, count, id, table, undoable }) => [
          id,
          action,
          table,
          count,
          undoable
        ]),
        [
          [done.action, "undo", "events", 1, false],
          [action, "discard", "events", 1, false]
        ]
      )
      const before = yield* wholeRows("events")
      const error = yield* Effect.flip(undo(action))
      assert.strictEqual(error._tag, "NotUndoable")
      assert.strictEqual((yield* Effect.flip(undo(done.action ?? "")))._tag, "NotUndoable")
      assert.deepStrictEqual(yield* wholeRows("events"), before)
    })
  )

  it.effect("two who undo at once: one does", () =>
    Effect.gen(function* () {
      yield* fresh
      const action = yield* discard(yield* cars(20))
      const results = yield* Effect.all(
        Array.from({ length: 4 }, () => Effect.result(undo(action))),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(results.map(({ _tag }) => _tag).sort(), [
        "Failure",
        "Failure",
        "Failure",
        "Success"
      ])
      assert.deepStrictEqual(new Set(yield* states("events")), new Set(["pending"]))
    })
  )

  it.effect("nothing is left to undo", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const ids = yield* cars(2)
      const action = yield* discard(ids)
      yield* actions.retry({ table: "events", ids }, who)
      const error = yield* Effect.flip(undo(action))
      assert.strictEqual(error._tag, "NotUndoable")
      assert.strictEqual((yield* Effect.flip(undo("999999999")))._tag, "NoSuchAction")
    })
  )

  it.effect("rows that somebody holds: nothing is undone", () =>
    Effect.gen(function* () {
      yield* fresh
      const [id = ""] = yield* cars(2)
      const action = yield* discard([id])
      const error = yield* whileOpen(
        `SELECT FROM events WHERE id = ${id} FOR UPDATE`,
        Effect.flip(undo(action))
      )
      assert.deepInclude(error, { _tag: "Unanswered", why: "locked" })
      assert.deepStrictEqual(yield* states("events"), ["discarded", "pending"])
      assert.deepInclude(yield* undo(action), { count: 1 })
    })
  )
})
