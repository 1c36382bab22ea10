/** Rows are run again and discarded: which ones, how they stand then, and what is written down of it. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Audit } from "../../src/database/Audit.ts"
import { mostRows, RowActions, type Which } from "../../src/database/RowActions.ts"
import { type RowFilter, tables } from "../../src/domain/Row.ts"
import { insertEvents } from "../support/events.ts"
import { insertHistory, timeline, whileOpen } from "../support/history.ts"
import {
  cars,
  fail,
  fresh,
  notifiedBy,
  only,
  quiet,
  states,
  succeed,
  who,
  wholeRows
} from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = RowActions.layer.pipe(
  Layer.provideMerge(Audit.layer),
  Layer.provideMerge(testDatabase),
  Layer.provideMerge(quiet)
)

/** Five events: pending, waiting, parked, processed, discarded. */
const one = Effect.gen(function* () {
  yield* fresh
  const actions = yield* RowActions
  const ids = yield* cars(5)
  yield* fail("events", ids[1])
  yield* fail("events", ids[2], { reason: "rentprog_not_found: gone", next: "'infinity'" })
  yield* succeed("events", ids[3])
  yield* actions.discard({ table: "events", ids: ids.slice(4) }, "sold", who)
  const sql = yield* PgClient.PgClient
  yield* sql`TRUNCATE operator_actions, operator_action_rows, entity_timeline`
  return ids
})

const nothing = { action: null, count: 0, more: false }

layer(tests, { excludeTestServices: true })("RowActions", (it) => {
  it.effect.each<readonly [RowFilter, ReadonlyArray<number>]>([
    [{}, [1, 2, 3]],
    [{ branch: "tbilisi" }, [1, 2, 3]],
    [{ state: "waiting" }, [2]],
    [{ state: "processed" }, [4]],
    [{ state: "discarded" }, [5]],
    [{ reason: "rentprog_not_found" }, [3]],
    [{ branch: "kutaisi" }, []]
  ])("a retry of %j", ([filter, expected]) =>
    Effect.gen(function* () {
      const ids = yield* one
      const actions = yield* RowActions
      const before = yield* states("events")
      const counted = yield* actions.retry({ table: "events", filter, dryRun: true }, who)
      assert.deepStrictEqual(counted, { ...nothing, count: expected.length })
      assert.deepStrictEqual(yield* states("events"), before)

      const { payloads, result } = yield* notifiedBy(actions.retry({ table: "events", filter }, who))
      assert.strictEqual(result.count, expected.length)
      assert.deepStrictEqual(
        yield* states("events"),
        before.map((state, n) => (expected.includes(n + 1) ? "pending" : state))
      )
      assert.deepStrictEqual(
        payloads,
        expected.map((n) => `${ids[n - 1]}|tbilisi|car_update|${n}`)
      )
    })
  )

  it.effect("a retry of named rows runs done ones as well", () =>
    Effect.gen(function* () {
      const ids = yield* one
      const actions = yield* RowActions
      const { count } = yield* actions.retry({ table: "events", ids: [...ids, "999999999"] }, who)
      assert.strictEqual(count, 5)
      assert.deepStrictEqual(
        yield* states("events"),
        ids.map(() => "pending")
      )
    })
  )

  it.effect.each<readonly [RowFilter, ReadonlyArray<number>]>([
    [{}, [1, 2, 3]],
    [{ state: "parked" }, [3]],
    [{ state: "processed" }, []],
    [{ state: "discarded" }, []],
    [{ text: "gone" }, [3]]
  ])("a discard of %j leaves done ones alone", ([filter, expected]) =>
    Effect.gen(function* () {
      yield* one
      const actions = yield* RowActions
      const before = yield* wholeRows("events")
      const counted = yield* actions.discard({ table: "events", filter, dryRun: true }, "sold", who)
      assert.deepStrictEqual(counted, { ...nothing, count: expected.length })
      assert.deepStrictEqual(yield* wholeRows("events"), before)
      const { count } = yield* actions.discard({ table: "events", filter }, "sold \0twice", who)
      assert.strictEqual(count, expected.length)
      for (const [n, { row }] of (yield* wholeRows("events")).entries()) {
        const { processed_at, ...rest } = row
        const { processed_at: then, ...was } = before[n]?.row ?? {}
        if (!expected.includes(n + 1)) {
          assert.deepStrictEqual([rest, processed_at], [was, then])
          continue
        }
        assert.isString(processed_at)
        const discarded = {
          processed: true,
          ok: false,
          reason: "discarded: sold twice",
          next_attempt_at: null
        }
        assert.deepStrictEqual(rest, { ...was, ...discarded })
      }
    })
  )

  it.effect.each(tables)("a retry of %s waits for no refusal of before", (table) =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const actions = yield* RowActions
      const ids =
        table === "events"
          ? yield* cars(2)
          : (yield* insertHistory({ description: "а" }, { description: "б" })).map(({ id }) => id)
      yield* sql`TRUNCATE row_refusals`
      yield* sql`
        INSERT INTO row_refusals (source, source_id, attempts, next_attempt_at, why)
        SELECT ${table === "events" ? "event" : "history"}, refused.id, 7, now() + interval '1 hour', 'old_rule'
        FROM unnest(${ids}::text[]::bigint[]) AS refused (id)
      `
      yield* actions.retry({ table, ids: ids.slice(0, 1) }, who)
      const left = yield* sql`SELECT row_refusals.source_id::text AS id FROM row_refusals`
      assert.deepStrictEqual(left, [{ id: ids[1] }])
    })
  )

  it.effect("what is done to log entries", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const sql = yield* PgClient.PgClient
      const [row] = yield* insertHistory({ description: "Иван Петров изменил авто №6" })
      // A record that arrives past the trigger.
      yield* sql`ALTER TABLE cars DISABLE TRIGGER USER`
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('6')`
      yield* sql`ALTER TABLE cars ENABLE TRIGGER USER`
      assert.deepStrictEqual(yield* states("history"), ["waiting"])
      const filter = { type: "car" }
      assert.strictEqual((yield* actions.retry({ table: "history", filter }, who)).count, 1)
      assert.deepStrictEqual(yield* states("history"), ["processed"])
      assert.deepStrictEqual(yield* actions.retry({ table: "history", filter }, who), nothing)
      assert.deepStrictEqual(
        (yield* timeline("car", "6")).map(({ operation, source, source_id, user_name }) => [
          ...[source, source_id, operation, user_name]
        ]),
        [
          ["history", row?.id, "update", "Иван Петров"],
          ["operator", `history:${row?.id}`, "retry", who.name]
        ]
      )
    })
  )

  it.effect("an act is written down, with its rows, and in the timeline of each record", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const audit = yield* Audit
      const sql = yield* PgClient.PgClient
      const [car] = yield* cars(1)
      // Neither is about a record.
      const others = yield* insertEvents([
        { type: "car_explode", ext_id: "1", payload: {}, branch: "tbilisi" },
        { type: "car_update", ext_id: "x".repeat(5000), payload: {}, branch: "tbilisi" }
      ])
      const ids = [car ?? "", ...others.map(({ id }) => id)]
      const retried = yield* actions.retry({ table: "events", ids }, who)
      const filter = { branch: "tbilisi", text: "a\0b", state: "pending" } as const
      yield* actions.discard({ table: "events", filter: { ...filter, text: "1" } }, "sold", who)

      const { rows } = yield* audit.list()
      const entry = { by: who.name, address: who.address, table: "events", branch: null } as const
      assert.deepStrictEqual(
        rows.map(({ at, id, ...rest }) => rest),
        [
          {
            ...{ ...entry, action: "discard", reason: "sold", count: 1, undoable: true },
            filter: { ...filter, text: "1" }
          },
          { ...entry, action: "retry", filter: null, reason: null, count: 3, undoable: false }
        ]
      )
      const kept = yield* sql`
        SELECT row_id::text AS id, before IS NULL AS bare FROM operator_action_rows
        WHERE action_id = ${retried.action ?? ""}::bigint ORDER BY row_id
      `
      assert.deepStrictEqual(
        kept,
        ids.map((id) => ({ id, bare: true }))
      )
      const told = yield* sql`
        SELECT entity_type, entity_id, branch, source, source_id, operation, user_name, changes FROM entity_timeline
        ORDER BY id
      `
      const happening = {
        entity_type: "car",
        entity_id: "1",
        branch: "tbilisi",
        source: "operator",
        changes: null
      }
      assert.deepStrictEqual(
        told,
        ["retry", "discard"].map((operation) => ({
          ...happening,
          ...{ source_id: `events:${car}`, operation, user_name: who.name }
        }))
      )
      // What PostgreSQL cannot hold is left out of what it keeps.
      assert.deepStrictEqual(yield* actions.discard({ table: "events", filter }, "x", who), nothing)
    })
  )

  it.effect("where there is nothing to do, nothing is written down", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const audit = yield* Audit
      for (const table of tables) {
        for (const which of [{ ids: ["1"] }, { filter: {} }]) {
          assert.deepStrictEqual(yield* actions.retry({ table, ...which }, who), nothing)
          assert.deepStrictEqual(yield* actions.discard({ table, ...which }, "x", who), nothing)
        }
      }
      assert.deepStrictEqual(yield* audit.list(), { rows: [], next: null })
    })
  )

  it.effect("rows that somebody holds: nothing is done", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const audit = yield* Audit
      const [id] = yield* cars(3)
      const before = yield* wholeRows("events")
      const hold = `SELECT FROM events WHERE id = ${id} FOR UPDATE`
      const which: Which = { table: "events", filter: {} }
      const errors = yield* whileOpen(
        hold,
        Effect.all([Effect.flip(actions.retry(which, who)), Effect.flip(actions.discard(which, "x", who))], {
          concurrency: "unbounded"
        })
      )
      assert.deepStrictEqual(
        errors.map(({ why }) => why),
        ["locked", "locked"]
      )
      assert.deepStrictEqual(yield* wholeRows("events"), before)
      assert.deepStrictEqual((yield* audit.list()).rows, [])
    })
  )

  it.effect("a row that is done while it is waited for is not discarded", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const ids = yield* cars(2)
      const done = `
        UPDATE events SET revision = revision + 1, processed = true, ok = true, attempts = 1, next_attempt_at = NULL, processed_at = now()
        WHERE id = ${ids[0]}
      `
      const sql = yield* PgClient.PgClient
      const fiber = yield* whileOpen(
        done,
        Effect.gen(function* () {
          const fiber = yield* Effect.forkDetach(actions.discard({ table: "events", ids }, "x", who))
          // It waits for the row by now.
          yield* Effect.repeat(sql`SELECT FROM pg_locks WHERE NOT granted`, {
            until: (waiting) => waiting.length > 0
          })
          return fiber
        })
      )
      const { count } = yield* Fiber.join(fiber)
      assert.strictEqual(count, 1)
      assert.deepStrictEqual(yield* states("events"), ["processed", "discarded"])
    })
  )

  it.effect("an act takes 10,000 rows, the oldest first, and says that there are more", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      yield* cars(mostRows + 3)
      const which: Which = { table: "events", filter: { state: "pending" } }
      const all = { count: mostRows, more: true }
      assert.deepInclude(yield* actions.discard({ ...which, dryRun: true }, "x", who), all)
      assert.deepInclude(yield* actions.discard(which, "x", who), all)
      const left = yield* wholeRows("events")
      assert.deepStrictEqual(
        left.filter(({ row }) => row["processed"] === false).map(({ row }) => row["ext_id"]),
        [1, 2, 3].map((n) => String(mostRows + n))
      )
      assert.deepInclude(yield* actions.discard(which, "x", who), { count: 3, more: false })
    })
  )

  it.effect("a retry that is done again gets on with the rest", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const sql = yield* PgClient.PgClient
      yield* cars(mostRows + 3)
      yield* sql`UPDATE events SET revision = revision + 1, attempts = 1, ok = false, reason = 'rentprog_timeout: slow'`
      const which: Which = { table: "events", filter: { branch: "tbilisi" } }
      assert.deepInclude(yield* actions.retry(which, who), { count: mostRows, more: true })
      yield* actions.retry(which, who)
      assert.deepStrictEqual([...new Set(yield* states("events"))], ["pending"])
      assert.strictEqual(
        only((yield* sql`SELECT count(*)::int AS n FROM operator_actions`).map(({ n }) => n)),
        2
      )
    })
  )
})
