/** How rows stand, and that lists and counts find them by an index. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { matching } from "../../src/database/rowQuery.ts"
import { rowStates, tables } from "../../src/domain/Row.ts"
import { testDatabase } from "../support/TestDatabase.ts"

layer(testDatabase, { excludeTestServices: true })("rows of events and history", (it) => {
  it.effect("row_state", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const states = yield* sql`
        SELECT row_state(processed, ok, reason, next_attempt_at) AS state, count(*)::int AS count
        FROM (VALUES
          (true,  true,        NULL,                    NULL::timestamptz),
          (true,  NULL,        'left by another system', now()),
          (true,  false,       'discarded: twice sent',  NULL),
          (true,  false,       NULL,                     'infinity'),
          (false, false,       'unknown_branch: none',   'infinity'),
          (false, NULL,        NULL,                     'infinity'),
          (false, NULL,        NULL,                     now()),
          (false, NULL,        NULL,                     NULL),
          (false, false,       'rentprog_timeout: slow', now()),
          (false, false,       'rentprog_timeout: slow', NULL)
        ) AS rows (processed, ok, reason, next_attempt_at)
        GROUP BY 1 ORDER BY 1
      `
      assert.deepStrictEqual(
        states,
        ["discarded", "parked", "pending", "processed", "waiting"].map((state) => ({ state, count: 2 }))
      )
    })
  )

  it.effect.each(tables)("%s are chosen by what row_state says of them, however they stand", (table) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`ALTER TABLE ${sql(table)} DISABLE TRIGGER USER`
      yield* sql`
        INSERT INTO ${sql(table)} (processed, ok, reason, next_attempt_at)
        SELECT processed, ok, reason, next_attempt_at::timestamptz
        FROM unnest('{t,f}'::boolean[]) AS processed, unnest('{t,f,NULL}'::boolean[]) AS ok,
          unnest('{x,NULL}'::text[]) AS reason, unnest('{infinity,now,NULL}'::text[]) AS next_attempt_at
        WHERE processed OR next_attempt_at IS NOT NULL
      `
      for (const state of rowStates) {
        const rows = yield* sql`
          SELECT id FROM ${sql(table)}
          WHERE (row_state(processed, ok, reason, next_attempt_at) = ${state})
            <> coalesce(${matching(sql, table, { state })}, false)
        `
        assert.deepStrictEqual(rows, [])
      }
      yield* sql`ALTER TABLE ${sql(table)} ENABLE TRIGGER USER`
    })
  )

  it.effect.each([
    ["pending", "_not_done"],
    ["waiting", "_(not_done|badly)"],
    ["parked", "_not_done"],
    ["discarded", "_badly"]
  ] as const)("what is %s is found among many that are done, by the index %s", ([state, index]) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      for (const table of tables) {
        yield* sql`TRUNCATE ${sql(table)}`
        yield* sql`
          INSERT INTO ${sql(table)} (processed, ok, processed_at) SELECT true, true, now() FROM generate_series(1, 20000)
        `
        yield* sql`ANALYZE ${sql(table)}`
        const plan = yield* sql`
          EXPLAIN SELECT * FROM ${sql(table)} WHERE ${matching(sql, table, { state })} ORDER BY id DESC LIMIT 51
        `
        assert.match(JSON.stringify(plan), new RegExp(`${table}${index}`))
      }
    })
  )

  it.effect("a row of any size is written down", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`
        INSERT INTO events (branch, type, ext_id, reason, processed)
        SELECT long, long, long, long, processed
        FROM (SELECT string_agg(md5(n::text), '') AS long FROM generate_series(1, 500) AS n) AS words,
          unnest('{t,f}'::boolean[]) AS processed
      `
    })
  )
})
