/** What is told of a row. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Audit } from "../../src/database/Audit.ts"
import { RowActions } from "../../src/database/RowActions.ts"
import { Rows } from "../../src/database/Rows.ts"
import type { RowId, Table } from "../../src/domain/Row.ts"
import { insertEvents } from "../support/events.ts"
import { insertHistory } from "../support/history.ts"
import { cars, fail, fresh, quiet, succeed, who } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = RowActions.layer.pipe(
  Layer.provideMerge(Layer.merge(Audit.layer, Rows.layer)),
  Layer.provideMerge(testDatabase),
  Layer.provideMerge(quiet)
)

/** What is told of a row: step, detail and who did it. */
const story = Effect.fnUntraced(function* (table: Table, id: RowId | undefined) {
  const rows = yield* Rows
  const row = Option.getOrUndefined(yield* rows.one(table, id ?? "0"))
  return row?.story.map(({ by, detail, step }) => [step, detail, by])
})

layer(tests, { excludeTestServices: true })("Rows.one", (it) => {
  it.effect("is all there is to know", () =>
    Effect.gen(function* () {
      yield* fresh
      const rows = yield* Rows
      const sql = yield* PgClient.PgClient
      const [id = ""] = yield* cars(1)
      yield* sql`UPDATE events SET receipt = gen_random_uuid(), trace_id = 'abc' WHERE id = ${id}::bigint`
      const row = Option.getOrUndefined(yield* rows.one("events", id))
      assert.strictEqual(row?.trace_id, "abc")
      assert.deepInclude(row?.columns, {
        id,
        payload: { id: 1, mileage: 1 },
        payload_received: { id: 1, mileage: [0, 1] }
      })
      assert.deepStrictEqual(
        row?.story.map(({ step, trace_id }) => [step, trace_id]),
        [["received", "abc"]]
      )
      assert.isTrue(Option.isNone(yield* rows.one("events", "999999999999999999")))
    })
  )

  it.effect("an event that failed, was parked, run again, discarded, brought back, and done", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const [id] = yield* cars(1)
      const ids = id === undefined ? [] : [id]
      yield* fail("events", id)
      yield* fail("events", id, { reason: "rentprog_not_found: gone", next: "'infinity'" })
      const failed = [
        ["received", null, null],
        ["failed", "rentprog_timeout: slow", null],
        ["failed", "rentprog_not_found: gone", null]
      ]
      assert.deepStrictEqual(yield* story("events", id), [
        ...failed,
        ["parked", "rentprog_not_found: gone", null]
      ])
      const { action } = yield* actions.discard({ table: "events", ids }, "sold", who)
      assert.deepStrictEqual(yield* story("events", id), [...failed, ["discarded", "sold", who.name]])
      yield* actions.undo(action ?? "", { ...who, name: "Гия" })
      const undone = [
        ["discarded", "sold", who.name],
        ["undone", null, "Гия"]
      ]
      assert.deepStrictEqual(yield* story("events", id), [
        ...failed,
        ["parked", "rentprog_not_found: gone", null],
        ...undone
      ])
      yield* actions.retry({ table: "events", ids }, who)
      yield* succeed("events", id)
      assert.deepStrictEqual(yield* story("events", id), [
        ...failed,
        ...undone,
        ["retried", null, who.name],
        ["processed", null, null]
      ])
    })
  )

  it.effect("an event that is done though nothing was written says why", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const [id = ""] = yield* cars(1)
      yield* sql`
        UPDATE events SET processed = true, ok = true, reason = 'superseded', next_attempt_at = NULL, processed_at = now()
        WHERE id = ${id}::bigint
      `
      assert.deepStrictEqual(yield* story("events", id), [
        ["received", null, null],
        ["processed", "superseded", null]
      ])
    })
  )

  it.effect("what the trigger parked was parked when it came, and when it was run again", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const [row] = yield* insertEvents([{ type: "car_explode", ext_id: "1", payload: {} }])
      const reason = row?.reason ?? ""
      assert.deepStrictEqual(yield* story("events", row?.id), [
        ["received", null, null],
        ["parked", reason, null]
      ])
      yield* actions.retry({ table: "events", ids: [row?.id ?? ""] }, who)
      assert.deepStrictEqual(yield* story("events", row?.id), [
        ["received", null, null],
        ["retried", null, who.name],
        ["parked", reason, null]
      ])
    })
  )

  it.effect("a log entry that applied at once, and one that waits", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('5')`
      const [one, two] = yield* insertHistory(
        { description: "Иван Петров изменил авто №5" },
        { description: "Иван Петров изменил авто №6" }
      )
      // An event of the same number is another row.
      yield* sql`INSERT INTO row_attempts (source, source_id, attempt, reason) VALUES ('event', ${two?.id ?? ""}::bigint, 1, 'x')`
      yield* fail("history", two?.id, { reason: "entity_not_found: car 6" })
      assert.deepStrictEqual(yield* story("history", one?.id), [
        ["received", null, null],
        ["processed", null, null]
      ])
      assert.deepStrictEqual(yield* story("history", two?.id), [
        ["received", null, null],
        ["failed", "entity_not_found: car 6", null]
      ])
    })
  )

  it.effect("what was discarded by SQL", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const [id] = yield* cars(1)
      yield* sql`UPDATE events SET processed = true, ok = false, reason = 'discarded: test row'`
      assert.deepStrictEqual(yield* story("events", id), [
        ["received", null, null],
        ["discarded", "test row", null]
      ])
    })
  )
})
