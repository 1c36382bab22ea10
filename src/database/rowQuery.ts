/**
 * How rows of `events` and `history` are chosen and shown: what SQL has in common for whoever lists or changes them.
 * A company's tables may have columns of any name beside ours, so every column here, as in all of our SQL, says whose it
 * is.
 */
import type { PgClient } from "@effect/sql-pg"
import { DateTime } from "effect"
import type { Statement } from "effect/sql"
import { eventTypes } from "../domain/Event.ts"
import type { RowFilter, RowState, Table } from "../domain/Row.ts"
import { searchable } from "./shown.ts"
import { storableText } from "./storable.ts"

type Sql = PgClient.PgClient
type Fragment = Statement.Fragment

/** How long a search may take: PostgreSQL's `statement_timeout`. */
export const patience = "10s"

/** `row_state` as conditions that indexes know. */
const states: { readonly [S in RowState]: (table: Table) => string } = {
  pending: (t) =>
    `NOT ${t}.processed AND ${t}.next_attempt_at IS DISTINCT FROM 'infinity' AND ${t}.reason IS NULL`,
  waiting: (t) =>
    `NOT ${t}.processed AND ${t}.next_attempt_at IS DISTINCT FROM 'infinity' AND ${t}.reason IS NOT NULL`,
  parked: (t) => `NOT ${t}.processed AND ${t}.next_attempt_at = 'infinity'`,
  processed: (t) => `${t}.processed AND ${t}.ok IS NOT FALSE`,
  discarded: (t) => `${t}.processed AND ${t}.ok = false`
}

/**
 * A pattern for `~` that finds the text literally, in either case: every letter stands in both. What ILIKE knows of
 * letters depends on the database's locale, and in the locale C that is English alone.
 */
export const inEitherCase = (text: string): string =>
  Array.from(storableText(text), (letter) => {
    const cases = new Set([letter, letter.toLowerCase(), letter.toUpperCase()])
    const single = Array.from(cases).filter((one) => Array.from(one).length === 1)
    return single.length > 1 ? `[${single.join("")}]` : letter.replace(/[\\^$.*+?()[\]{}|]/, "\\$&")
  }).join("")

/**
 * Where a text is looked for. What was received may be the JSON of a text: of that, what the text says. What would print as
 * megabytes is not looked through.
 */
const searched: { readonly [T in Table]: string } = {
  events: `
    events.reason, events.ext_id, events.receipt, (${searchable("events.payload_received")}) #>> '{}',
    ${searchable("events.payload")}
  `,
  history: `
    history.reason, history.operation_id, history.entity_id, history.receipt, history.description,
    ${searchable("history.raw_data")}
  `
}

/** The rows that a filter means. */
export const matching = (sql: Sql, table: Table, filter: RowFilter): Fragment => {
  const rows = sql(table)
  const text = (column: string, value: string) => sql`${sql.literal(column)} = ${storableText(value)}`
  const conditions: Array<Fragment> = []
  if (filter.state !== undefined) conditions.push(sql.literal(states[filter.state](table)))
  if (filter.branch !== undefined) conditions.push(text(`${table}.branch`, filter.branch))
  if (filter.type !== undefined) {
    conditions.push(text(table === "events" ? "events.type" : "history.entity_type", filter.type))
  }
  if (filter.reason !== undefined) conditions.push(text(`split_part(${table}.reason, ':', 1)`, filter.reason))
  if (filter.from !== undefined) conditions.push(sql`${rows}.ts >= ${DateTime.toDateUtc(filter.from)}`)
  if (filter.to !== undefined) conditions.push(sql`${rows}.ts < ${DateTime.toDateUtc(filter.to)}`)
  if (filter.text !== undefined) {
    // In one go, which takes half the time; what stands between the columns is in no text.
    conditions.push(sql`concat_ws(chr(1), ${sql.literal(searched[table])}) ~ ${inEitherCase(filter.text)}`)
  }
  return sql.and(conditions)
}

/** The kind of record that an event is about, by its type. */
const eventEntity = (sql: Sql) =>
  sql`CASE WHEN events.type = ANY (${[...eventTypes]}) THEN split_part(events.type, '_', 1) END AS entity_type`

/**
 * The records that rows are about, as `id, branch, entity_type, entity_id`. Left out are numbers that no record has: they
 * may be longer than an index entry can be.
 */
export const entities = (sql: Sql, table: Table, ids: ReadonlyArray<string>): Fragment => {
  const rows = sql(table)
  const about =
    table === "events"
      ? sql`${eventEntity(sql)}, events.ext_id AS entity_id`
      : sql`history.entity_type, history.entity_id`
  return sql`
    SELECT named.id, named.branch, named.entity_type, named.entity_id
    FROM (
      SELECT ${rows}.id, ${rows}.branch, ${about} FROM ${rows} WHERE ${rows}.id = ANY (${ids}::text[]::bigint[])
    ) AS named
    WHERE named.entity_type ~ '^\\w{1,64}$' AND named.entity_id ~ '^[A-Za-z0-9_-]{1,64}$'
  `
}

/** What each table calls it. */
const named = (sql: Sql, table: Table) =>
  table === "events"
    ? sql`
        left(events.type, 200) AS type, ${eventEntity(sql)}, left(events.ext_id, 200) AS entity_id, NULL AS description
      `
    : sql`
        left(history.operation_type, 200) AS type, left(history.entity_type, 200) AS entity_type,
        left(history.entity_id, 200) AS entity_id, left(history.description, 1000) AS description
      `

/** A time as JavaScript has it, and null instead of `infinity`. */
export const time = (sql: Sql, table: string, column: string): Fragment => {
  const at = sql`${sql(table)}.${sql(column)}`
  return sql`CASE WHEN ${at} BETWEEN 'epoch' AND '9999-12-31' THEN ${at} END AS ${sql(column)}`
}

/** The columns of a `RowSummary`. What somebody wrote may be long, and a list has many rows: it is cut. */
export const summary = (sql: Sql, table: Table): Fragment => {
  const rows = sql(table)
  return sql`
    ${rows}.id::text, least(greatest(${rows}.ts, 'epoch'), '9999-12-31') AS ts, left(${rows}.branch, 200) AS branch,
    ${named(sql, table)},
    row_state(${rows}.processed, ${rows}.ok, ${rows}.reason, ${rows}.next_attempt_at) AS state,
    left(${rows}.reason, 1000) AS reason, ${rows}.attempts::int,
    ${time(sql, table, "next_attempt_at")}, ${time(sql, table, "processed_at")}
  `
}
