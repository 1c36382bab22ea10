/** Rows of both tables as a person meets them: made to stand so or so, and read as they stand. */
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Effect, Layer, Queue, References, Schema } from "effect"
import type { RowId, Table } from "../../src/domain/Row.ts"
import { insertEvents } from "./events.ts"
import { channel } from "./TestDatabase.ts"

/** Who acts in tests. */
export const who = { name: "Нина Ли", address: "192.0.2.7" }

/** No rows, no actions, nothing held. */
export const fresh = PgClient.PgClient.use(
  (sql) =>
    sql`TRUNCATE events, history, row_attempts, operator_actions, operator_action_rows, entity_timeline, paused_branches, cars, clients`
)

/** Inserts events of cars, numbered from 1, that wait to be tried; answers their ids. */
export const cars = Effect.fnUntraced(function* (count: number, branch = "tbilisi") {
  const rows = yield* insertEvents(
    Array.from({ length: count }, (_, n) => ({
      ...{ branch, type: "car_update", ext_id: String(n + 1) },
      payload: { id: n + 1, mileage: [n, n + 1] }
    }))
  )
  return rows.map(({ id }) => id)
})

/** A failed attempt, as the service writes it down. `next` is SQL. */
export const fail = Effect.fnUntraced(function* (
  table: Table,
  id: RowId | undefined,
  { reason = "rentprog_timeout: slow", next = "now() + interval '1 hour'" } = {}
) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    UPDATE ${sql(table)}
    SET revision = revision + 1, attempts = attempts + 1, ok = false, reason = ${reason}, next_attempt_at = ${sql.literal(next)}
    WHERE id = ${id ?? ""}::bigint
  `
  yield* sql`
    INSERT INTO row_attempts (source, source_id, attempt, reason, trace_id)
    SELECT ${table === "events" ? "event" : "history"}, id, attempts, reason, 'a trace'
    FROM ${sql(table)} WHERE id = ${id ?? ""}::bigint
  `
})

/** Done well, as the service writes it down. */
export const succeed = Effect.fnUntraced(function* (table: Table, id: RowId | undefined) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    UPDATE ${sql(table)}
    SET revision = revision + 1, processed = true, ok = true, reason = NULL, attempts = attempts + 1, next_attempt_at = NULL, processed_at = now()
    WHERE id = ${id ?? ""}::bigint
  `
})

/** Whole rows, column by column, in the order of their ids; how often the service updated them apart. */
export const wholeRows = Effect.fnUntraced(function* (table: Table) {
  const sql = yield* PgClient.PgClient
  const rows =
    yield* sql`SELECT to_jsonb(one.*) - 'revision' AS row FROM ${sql(table)} AS one ORDER BY one.id`
  return yield* Schema.decodeUnknownEffect(
    Schema.Array(Schema.Struct({ row: Schema.Record(Schema.String, Schema.Json) }))
  )(rows)
})

/** How rows stand, in the order of their ids. */
export const states = Effect.fnUntraced(function* (table: Table) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ readonly state: string }>`
    SELECT row_state(processed, ok, reason, next_attempt_at) AS state FROM ${sql(table)} ORDER BY id
  `
  return rows.map(({ state }) => state)
})

/** What is notified while `effect` runs, and nothing later: a last notification of our own ends it. */
export const notifiedBy = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  on: "rentprog_event_auto_process" | "history_item_processed" = "rentprog_event_auto_process"
) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const name = channel(on)
    const queue = yield* sql.listen(name)
    const result = yield* effect
    yield* sql.notify(name, "the end")
    const payloads: Array<string> = []
    while (true) {
      const { payload } = yield* Queue.take(queue)
      if (payload === "the end") return { result, payloads }
      payloads.push(payload)
    }
  }).pipe(Effect.scoped)

/** The one that there is. */
export const only = <A>(all: ReadonlyArray<A>): A => {
  const [one, ...others] = all
  assert.deepStrictEqual(others, [])
  assert.isDefined(one)
  return one
}

/** Without the log's lines. */
export const quiet = Layer.succeed(References.MinimumLogLevel, "None")
