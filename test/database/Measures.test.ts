import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { Freshness, Measures } from "../../src/database/Measures.ts"
import { testDatabase } from "../support/TestDatabase.ts"

/** As fresh as each is asked. */
const measures = Layer.provide(Measures.layer, Layer.succeed(Freshness, Duration.zero))

const tests = measures.pipe(Layer.provideMerge(testDatabase))

/** Rows as they stand, past the triggers. */
const write = Effect.fnUntraced(function* (table: "events" | "history", values: string) {
  const sql = yield* PgClient.PgClient
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`SET LOCAL session_replication_role = replica`
      yield* sql`TRUNCATE ${sql(table)}`
      yield* sql.unsafe(
        `INSERT INTO ${table} (branch, processed, ok, reason, next_attempt_at, ts) VALUES ${values}`
      )
    })
  )
})

layer(tests, { excludeTestServices: true })("what is not done", (it) => {
  it.effect.each(["events", "history"] as const)("is counted by how it stands: %s", (table) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`TRUNCATE events, history`
      const long = "x".repeat(150)
      yield* write(
        table,
        `('tbilisi', false, NULL,  NULL,                      now(),      now() - interval '1 hour'),
         ('tbilisi', false, NULL,  NULL,                      now(),      now()),
         ('tbilisi', false, NULL,  NULL,                      now(),      now()),
         ('tbilisi', false, false, 'rentprog_timeout: slow',  now(),      now()),
         ('tbilisi', false, false, 'rentprog_unavailable: x', now(),      now()),
         ('tbilisi', false, false, 'missing_ext_id',          'infinity', now()),
         ('tbilisi', false, false, 'missing_ext_id: again',   'infinity', now()),
         ('tbilisi', false, false, 'because',                 'infinity', now()),
         ('tbilisi', false, false, 'so it is',                'infinity', now()),
         (NULL, false, false, 'unknown_branch: none',   'infinity', now()),
         ('${long}', false, NULL, NULL,                 now(),      now() + interval '1 hour'),
         ('Tbilisi', false, NULL, NULL,                 now(),      now()),
         ('tbilisi', true, true, NULL, NULL, now()),
         ('tbilisi', true, false, 'discarded: test', NULL, now())`
      )
      const undone = yield* Measures.use(({ undone }) => undone)
      assert.sameDeepMembers(
        undone.map(({ due: _, oldest, ...rest }) => ({ ...rest, old: oldest > 3000 })),
        [
          { table, branch: "tbilisi", state: "pending", reason: "", count: 3, old: true },
          { table, branch: "tbilisi", state: "waiting", reason: "", count: 2, old: false },
          { table, branch: "tbilisi", state: "parked", reason: "missing_ext_id", count: 2, old: false },
          { table, branch: "tbilisi", state: "parked", reason: "unknown", count: 2, old: false },
          { table, branch: "", state: "parked", reason: "unknown_branch", count: 1, old: false },
          { table, branch: "other", state: "pending", reason: "", count: 2, old: false }
        ]
      )
      assert.isTrue(undone.every(({ oldest }) => oldest >= 0))
    })
  )

  it.effect("has been due for so long, but for what refuses to be updated", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* write(
        "events",
        `('tbilisi', false, NULL, NULL, now() - interval '10 minutes', now()),
         ('tbilisi', false, NULL, NULL, now() - interval '20 minutes', now()),
         ('tbilisi', false, false, 'rentprog_timeout: x', now() + interval '1 hour', now())`
      )
      const due = Effect.map(
        Measures.use(({ undone }) => undone),
        (undone) => undone.filter(({ table }) => table === "events").map(({ due }) => Math.round(due / 60))
      )
      assert.sameMembers(yield* due, [20, 0])
      yield* sql`
        INSERT INTO row_refusals (source, source_id, at, attempts, next_attempt_at, why)
        SELECT 'event', events.id, now(), 1, now(), 'a trigger of the company' FROM events
        WHERE events.next_attempt_at < now() - interval '15 minutes'
      `
      assert.sameMembers(yield* due, [10, 0])
      yield* sql`DELETE FROM row_refusals`
    })
  )

  it.effect("is found without a look at what is done", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* write(
        "events",
        `('tbilisi', false, NULL, NULL, now(), now()), ${Array.from({ length: 5000 }, () => "('tbilisi', true, true, NULL, NULL, now())").join()}`
      )
      yield* sql`ANALYZE events`
      const scans = sql<{ readonly seq: number; readonly idx: number }>`
        SELECT seq_scan::int AS seq, idx_scan::int AS idx FROM pg_stat_xact_user_tables
        WHERE schemaname = current_schema() AND relname = 'events'
      `
      const [before, after] = yield* sql.withTransaction(
        Effect.gen(function* () {
          const [before] = yield* scans
          yield* Measures.use(({ undone }) => undone)
          return [before, (yield* scans)[0]]
        })
      )
      assert.isDefined(before)
      assert.deepStrictEqual(after, { seq: before.seq, idx: before.idx + 1 })
    })
  )
})

layer(tests, { excludeTestServices: true })("the branches that a person holds", (it) => {
  it.effect("are those of paused_branches", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { paused } = yield* Measures
      assert.deepStrictEqual(yield* paused, [])
      yield* sql`INSERT INTO paused_branches (branch, paused_by) VALUES ('tbilisi', 'Anna'), ('batumi', 'Anna')`
      assert.deepStrictEqual(yield* paused, ["batumi", "tbilisi"])
    })
  )
})
