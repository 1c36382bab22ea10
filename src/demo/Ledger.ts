/** What the demo knows of its own traffic: what was received, what became of it, and whether the mirror is right. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Equal, Predicate, Schema } from "effect"
import type { EntityType } from "../domain/Entity.ts"
import { BookingColumns, CarColumns, ClientColumns } from "../rentprog/Records.ts"
import { type SimulatedRecord, Simulator } from "../simulator/Simulator.ts"

/** One group of rows: how many stand where, and why. */
const Standing = Schema.Struct({
  branch: Schema.String,
  state: Schema.Literals(["processed", "pending", "waiting", "parked"]),
  reason: Schema.NullOr(Schema.String),
  count: Schema.Int
})
export type Standing = typeof Standing.Type

/** How the rows of a table stand, by branch and reason. */
export const standings = Effect.fnUntraced(function* (table: "events" | "history") {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql`
    SELECT coalesce(row.branch, '–') AS branch,
      CASE
        WHEN row.processed THEN 'processed'
        WHEN row.next_attempt_at = 'infinity' THEN 'parked'
        WHEN row.reason IS NULL THEN 'pending'
        ELSE 'waiting'
      END AS state,
      split_part(row.reason, ':', 1) AS reason,
      count(*)::int AS count
    FROM ${sql(table)} AS row
    GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3
  `
  return yield* Schema.decodeUnknownEffect(Schema.Array(Standing))(rows)
})

export const countOf = (rows: ReadonlyArray<Standing>, state: Standing["state"]): number =>
  rows.filter((row) => row.state === state).reduce((sum, { count }) => sum + count, 0)

/** Milliseconds from INSERT to processed, of the events that went well: half of them, and 99 of 100, took less. */
export const latency = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql`
    SELECT coalesce(percentile_cont(0.5)  WITHIN GROUP (ORDER BY took), 0)::int AS median,
           coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY took), 0)::int AS p99
    FROM (SELECT extract(epoch FROM events.processed_at - events.ts) * 1000 AS took FROM events WHERE events.ok) AS done
  `
  return yield* Schema.decodeUnknownEffect(Schema.Struct({ median: Schema.Int, p99: Schema.Int }))(row)
})

const tables = { car: "cars", client: "clients", booking: "bookings" } as const

const MirrorRow = Schema.Struct({
  rentprog_id: Schema.String,
  deleted: Schema.Boolean,
  data: Schema.NullOr(Schema.Record(Schema.String, Schema.Json)),
  columns: Schema.NullOr(Schema.Record(Schema.String, Schema.Json))
})

/** What of a record has a column. A company may have others of the same names as RentProg's fields. */
const typed: { readonly [T in EntityType]: ReadonlyArray<string> } = {
  car: Object.keys(CarColumns.fields),
  client: Object.keys(ClientColumns.fields),
  booking: Object.keys(BookingColumns.fields)
}

/** RentProg: its formatted dates are 4 hours late. */
const late = 4 * 3_600_000

/** Whether a typed column says what RentProg's record says. */
const agrees = (record: SimulatedRecord, column: string, value: Schema.Json): boolean => {
  const formatted = record[`${column}_formatted`]
  if (Predicate.isString(formatted))
    return Predicate.isString(value) && Date.parse(value) === Date.parse(formatted) - late
  const field = record[column] ?? null
  if (field === null || value === null) return field === value
  return Predicate.isNumber(value) ? Number(field) === value : String(field) === String(value)
}

const isRight = (
  entityType: EntityType,
  record: SimulatedRecord,
  data: Readonly<Record<string, Schema.Json>>,
  columns: Readonly<Record<string, Schema.Json>>
): boolean =>
  Object.keys(record).every((field) => Equal.equals(data[field], record[field])) &&
  typed[entityType].every((column) => agrees(record, column, columns[column] ?? null))

const compare = Effect.fnUntraced(function* (entityType: EntityType) {
  const sql = yield* PgClient.PgClient
  const simulator = yield* Simulator
  const records = new Map(
    (yield* simulator.records(entityType)).map((record): [string, SimulatedRecord] => [
      String(record.id),
      record
    ])
  )
  const rows = yield* sql`
    SELECT mirror.rentprog_id, mirror.deleted_at IS NOT NULL AS deleted, mirror.data, to_jsonb(mirror.*) AS columns
    FROM ${sql(tables[entityType])} AS mirror
    UNION ALL
    -- What an event was about and the mirror does not know at all.
    SELECT DISTINCT events.ext_id, false, NULL::jsonb, NULL::jsonb FROM events
    WHERE events.processed AND events.type LIKE ${`${entityType}\\_%`}
      AND NOT EXISTS (SELECT FROM ${sql(tables[entityType])} AS mirror WHERE mirror.rentprog_id = events.ext_id)
  `
  const mirrored = yield* Schema.decodeUnknownEffect(Schema.Array(MirrorRow))(rows)
  const wrong = mirrored.filter(({ columns, data, deleted, rentprog_id }) => {
    const record = records.get(rentprog_id)
    if (record === undefined || deleted) return (record === undefined) !== deleted
    return data === null || columns === null || !isRight(entityType, record, data, columns)
  })
  return {
    compared: mirrored.length,
    wrong: wrong.map(({ rentprog_id }) => `${entityType}:${rentprog_id}`)
  }
})

/** Compares every record that the mirror has, or that an event was about, with RentProg's own. */
export const compareMirror = Effect.gen(function* () {
  const parts = yield* Effect.forEach(["car", "client", "booking"] as const, compare)
  return {
    compared: parts.reduce((sum, { compared }) => sum + compared, 0),
    wrong: parts.flatMap(({ wrong }) => wrong)
  }
})
