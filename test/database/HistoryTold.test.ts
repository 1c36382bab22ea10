/** What attempts at log entries leave beside their rows: attempts and traces. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Tracer } from "effect"
import { History } from "../../src/database/History.ts"
import { arriveQuietly, fresh, insert, kutaisi, makeDue, mileage, tbilisi, tests } from "./waiting.ts"

const trace = (n: number) => String(n).padStart(32, "0")

/** Runs an effect within a trace. */
const within = (n: number) =>
  Effect.withParentSpan(Tracer.externalSpan({ traceId: trace(n), spanId: "00000000000000ff" }))

const retry = (n: number) =>
  Effect.andThen(
    makeDue,
    History.use((history) => within(n)(history.retry(() => Effect.succeed(Duration.hours(1)))))
  )

const attempts = PgClient.PgClient.use(
  (sql) =>
    sql`SELECT source, source_id::text AS id, attempt, reason, trace_id FROM row_attempts ORDER BY row_attempts.id`
)
const traces = PgClient.PgClient.use((sql) =>
  Effect.map(sql<{ readonly trace_id: string | null }>`SELECT trace_id FROM history ORDER BY id`, (rows) =>
    rows.map(({ trace_id }) => trace_id)
  )
)
const begin = Effect.andThen(
  fresh,
  PgClient.PgClient.use((sql) => sql`TRUNCATE row_attempts, paused_branches`)
)

layer(tests, { excludeTestServices: true })("an attempt at a log entry", (it) => {
  it.effect("that fails is written down with its reason and its trace, the trigger's being the first", () =>
    Effect.gen(function* () {
      yield* begin
      yield* arriveQuietly(1)
      const [id] = yield* insert({ description: mileage(1, "много") })
      yield* retry(1)
      yield* retry(2)
      const rows = yield* attempts
      assert.deepStrictEqual(
        rows.map(({ reason: _, ...row }) => row),
        [
          { source: "history", id, attempt: 2, trace_id: trace(1) },
          { source: "history", id, attempt: 3, trace_id: trace(2) }
        ]
      )
      for (const { reason } of rows) assert.match(String(reason), /^apply_failed: .*много/)
    })
  )

  it.effect("that finds a record still missing is no news; that another one is missing is", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      const [id] = yield* insert({ description: mileage(1) })
      yield* retry(1)
      yield* retry(2)
      assert.deepStrictEqual(yield* attempts, [])
      // Past the trigger, which would make an attempt of its own.
      yield* sql.withTransaction(
        Effect.andThen(
          sql`SET LOCAL session_replication_role = replica`,
          sql`UPDATE history SET description = ${mileage(2)}`
        )
      )
      yield* retry(3)
      yield* retry(4)
      assert.deepStrictEqual<unknown>(yield* attempts, [
        { source: "history", id, attempt: 4, reason: "entity_not_found: car 2", trace_id: trace(3) }
      ])
    })
  )

  it.effect("that succeeds is not written down", () =>
    Effect.gen(function* () {
      yield* begin
      yield* insert({ description: mileage(1) })
      yield* arriveQuietly(1)
      yield* retry(1)
      assert.deepStrictEqual(yield* attempts, [])
    })
  )

  it.effect("gives the row its trace, unless its reception did", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      yield* insert({ description: mileage(1) }, { description: mileage(2) })
      yield* sql.withTransaction(
        Effect.andThen(
          sql`SET LOCAL session_replication_role = replica`,
          sql`UPDATE history SET trace_id = ${trace(9)} WHERE description = ${mileage(2)}`
        )
      )
      yield* retry(1)
      assert.deepStrictEqual(yield* traces, [trace(1), trace(9)])
    })
  )
})

layer(tests, { excludeTestServices: true })("the reading of a log", (it) => {
  it.effect("gives what is new its trace", () =>
    Effect.gen(function* () {
      yield* begin
      const entry = (operationId: string) => ({
        ...{ operationId, operationType: null, description: mileage(1), entityType: null, entityId: null },
        ...{ userName: null, createdAt: null, raw: {} }
      })
      const record = (n: number, ...ids: ReadonlyArray<string>) =>
        History.use((history) =>
          within(n)(history.record(tbilisi, ids.map(entry), { readFrom: 0, readUntil: 0, stretches: [] }))
        )
      yield* record(1, "1")
      yield* record(2, "1", "2")
      assert.deepStrictEqual(yield* traces, [trace(1), trace(2)])
    })
  )

  it.effect("of a branch is paused with it", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      const history = yield* History
      yield* sql`INSERT INTO paused_branches (branch, paused_by) VALUES (${tbilisi}, 'Anna')`
      assert.deepStrictEqual(
        [yield* history.isPaused(tbilisi), yield* history.isPaused(kutaisi)],
        [true, false]
      )
      yield* sql`DELETE FROM paused_branches`
      assert.isFalse(yield* history.isPaused(tbilisi))
    })
  )
})
