/** Rows of `history` as tests write and read them. */
import { PgClient } from "@effect/sql-pg"
import { Arbitrary, Deferred, Effect, Fiber, Schema } from "effect"

/** What somebody inserts; branch `tbilisi` where it is left out. */
export interface NewEntry {
  readonly description: string | null
  readonly branch?: string | null
  readonly company_id?: number
  readonly operation_id?: string
  readonly entity_type?: string
  readonly entity_id?: string
  readonly user_name?: string
  /** ISO 8601; now where it is left out. */
  readonly created_at?: string
}

const HistoryRow = Schema.Struct({
  id: Schema.String,
  branch: Schema.NullOr(Schema.String),
  entity_type: Schema.NullOr(Schema.String),
  entity_id: Schema.NullOr(Schema.String),
  user_name: Schema.NullOr(Schema.String),
  processed: Schema.Boolean,
  ok: Schema.NullOr(Schema.Boolean),
  reason: Schema.NullOr(Schema.String),
  attempts: Schema.Int,
  /** As text, because JavaScript has no infinite date. */
  next_attempt_at: Schema.NullOr(Schema.String)
})
export type HistoryRow = typeof HistoryRow.Type

/** The rows with these ids, in the order of their ids. */
export const readHistory = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql`
    SELECT id::text, branch, entity_type, entity_id, user_name, processed, ok, reason, attempts, next_attempt_at::text
    FROM history WHERE id = ANY (${ids}::bigint[]) ORDER BY history.id
  `
  return yield* Schema.decodeUnknownEffect(Schema.Array(HistoryRow))(rows)
})

/** Inserts all in one statement and answers them as they stand then, in the same order. */
export const insertHistory = Effect.fnUntraced(function* (...entries: ReadonlyArray<NewEntry>) {
  const sql = yield* PgClient.PgClient
  const rows = entries.map((entry) => ({ branch: "tbilisi", ...entry }))
  const inserted = yield* sql<{ readonly id: string }>`
    INSERT INTO history
      (branch, company_id, description, operation_id, entity_type, entity_id, user_name, created_at)
    SELECT branch, company_id, description, operation_id, entity_type, entity_id, user_name,
      coalesce(created_at, now())
    FROM jsonb_to_recordset(${sql.json(rows)}) AS row (
      branch text, company_id bigint, description text, operation_id text, entity_type text, entity_id text,
      user_name text, created_at timestamptz
    )
    RETURNING id::text
  `
  return yield* readHistory(inserted.map(({ id }) => id))
})

/** Inserts one and answers it as it stands then. */
export const insertEntry = Effect.fnUntraced(function* (entry: NewEntry) {
  const [row] = yield* insertHistory(entry)
  if (row === undefined) return yield* Effect.die("nothing was inserted")
  return row
})

/** Somebody touches rows, which runs them again; answers them as they stand then. */
export const touch = Effect.fnUntraced(function* (...rows: ReadonlyArray<HistoryRow>) {
  const sql = yield* PgClient.PgClient
  const ids = rows.map(({ id }) => id)
  yield* sql`UPDATE history SET processed = false WHERE id = ANY (${ids}::bigint[])`
  return yield* readHistory(ids)
})

export const isApplied = (row: HistoryRow): boolean =>
  row.processed && row.ok === true && row.reason === null && row.next_attempt_at === null

/** The same, or with nothing to write, because what the mirror has is newer. */
export const isDone = (row: HistoryRow): boolean =>
  isApplied(row.reason === "superseded" ? { ...row, reason: null } : row)

/** Handled badly, and nobody but a person tries again. */
export const isParkedEntry = (row: HistoryRow): boolean =>
  !row.processed && row.ok === false && row.next_attempt_at === "infinity"

/** Handled badly, and tried again before long. */
export const isDueAgain = (row: HistoryRow): boolean =>
  !row.processed && row.ok === false && row.next_attempt_at !== null && row.next_attempt_at !== "infinity"

/** One record of the mirror as JSON, whatever columns it has; null where there is none. */
export const mirrored = Effect.fnUntraced(function* (table: string, id: string) {
  const sql = yield* PgClient.PgClient
  const rows =
    yield* sql`SELECT to_jsonb(mirror.*) AS row FROM ${sql(table)} AS mirror WHERE rentprog_id = ${id}`
  const [found] = yield* Schema.decodeUnknownEffect(
    Schema.Array(Schema.Struct({ row: Schema.Record(Schema.String, Schema.Json) }))
  )(rows)
  return found?.row ?? null
})

/** What the timeline tells of a record, oldest first. */
export const timeline = Effect.fnUntraced(function* (kind: string, id: string) {
  const sql = yield* PgClient.PgClient
  return yield* sql`
    SELECT branch, source, source_id, operation, changes, user_name
    FROM entity_timeline WHERE entity_type = ${kind} AND entity_id = ${id} ORDER BY at, id
  `
})

/** Runs `effect` while another session, in an open transaction, has run `statement`. */
export const whileOpen = Effect.fnUntraced(function* <A, E, R>(
  statement: string,
  effect: Effect.Effect<A, E, R>
) {
  const sql = yield* PgClient.PgClient
  const open = yield* Deferred.make<void>()
  const release = yield* Deferred.make<void>()
  const other = yield* Effect.forkChild(
    sql.withTransaction(
      Effect.gen(function* () {
        yield* sql.unsafe(statement)
        yield* Deferred.succeed(open, undefined)
        yield* Deferred.await(release)
      })
    )
  )
  yield* Effect.raceFirst(Deferred.await(open), Fiber.join(other))
  const result = yield* Effect.ensuring(effect, Deferred.succeed(release, undefined))
  yield* Fiber.join(other)
  return result
})

/** Many samples at once, each run others. */
export const samples = <A>(arbitrary: Arbitrary.Arbitrary<A>, count: number) =>
  Arbitrary.sampleEffect(arbitrary, { count, seed: crypto.randomUUID() })

/** The tables as new, with car, client and booking 5 of kutaisi. */
export const begin = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`TRUNCATE history, entity_timeline, cars, clients, bookings, payments, maintenance`
  yield* sql`
    INSERT INTO cars (rentprog_id, branch, company_id, code, mileage, clean_state, data)
    VALUES ('5', 'kutaisi', 9248, 'Camry 174', 100, true, '{"code": "Camry 174", "seats": 5, "abs": true, "note": "x"}')
  `
  yield* sql`INSERT INTO clients (rentprog_id, branch, phone, data) VALUES ('5', 'kutaisi', '1', '{"phone": "1"}')`
  yield* sql`
    INSERT INTO bookings (rentprog_id, branch, active, in_rent, state, data)
    VALUES ('5', 'kutaisi', true, false, 'Новая', '{"state": "Новая", "active": true, "in_rent": false}')
  `
})

/** All that log entries can change, and the timeline. */
export const everything = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return yield* sql`
    SELECT (SELECT jsonb_agg(to_jsonb(cars.*)) FROM cars) AS cars,
      (SELECT jsonb_agg(to_jsonb(clients.*)) FROM clients) AS clients,
      (SELECT jsonb_agg(to_jsonb(bookings.*)) FROM bookings) AS bookings,
      (SELECT jsonb_agg(to_jsonb(payments.*) ORDER BY payments.rentprog_id) FROM payments) AS payments,
      (SELECT jsonb_agg(to_jsonb(maintenance.*)) FROM maintenance) AS maintenance,
      (SELECT jsonb_agg(to_jsonb(told.*) ORDER BY told.id) FROM entity_timeline AS told) AS timeline
  `
})

/** Applies a parsed sentence, whoever parsed it, as of an entry of 10:00 that arrived a minute later. */
export const applyParsed = Effect.fnUntraced(function* (said: Schema.JsonObject, description = "Мария Ли") {
  const sql = yield* PgClient.PgClient
  return yield* sql`
    SELECT applied.lacking, applied.is_superseded
    FROM apply_history(
      jsonb_populate_record(NULL::history, ${sql.json({ id: 1, branch: "tbilisi", description, created_at: "2026-03-01T10:00:00Z", ts: "2026-03-01T10:01:00Z" })}),
      ${sql.json(said)}
    ) AS applied
  `
})

const Effects = Schema.Array(
  Schema.Struct({
    record_id: Schema.NullOr(Schema.String),
    fields: Schema.NullOr(Schema.Record(Schema.String, Schema.Json))
  })
)
/** What a parsed sentence means for the records. */
export const effectsOf = Effect.fnUntraced(function* (said: Schema.JsonObject, gives: boolean) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql`
    SELECT effects.record_id, effects.fields
    FROM jsonb_to_recordset(
      history_effects(${sql.json(said)}, ${gives}, ${"2026-03-01T10:00:00Z"}::timestamptz, ${"2026-03-01T10:01:00Z"}::timestamptz)
    ) AS effects (record_id text, fields jsonb)
    ORDER BY effects.record_id
  `
  return yield* Schema.decodeUnknownEffect(Effects)(rows)
})
