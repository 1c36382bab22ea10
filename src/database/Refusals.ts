/**
 * The table `row_refusals`: rows of events and history that refuse to be updated, because the company has a constraint, a
 * trigger or a type of its own on them. What cannot stand in the row itself stands there.
 *
 * A refusal never parks its row, however many attempts there were: a parked row waits for a person to touch it, and touching
 * is what this one refuses. It is tried again each hour, and heals by itself once nothing is in its way.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Result } from "effect"
import { groupBy, partition } from "effect/Array"
import type { SqlError, Statement } from "effect/sql"
import { isUndone } from "./isUndone.ts"
import { type Fault, isPassing, sayFault, sayRefusal } from "./refusal.ts"

/** The tables whose rows may refuse, and what `row_refusals.source` calls them. */
export const sources = { events: "event", history: "history" } as const
export type Source = keyof typeof sources

export interface Refusal {
  /** The row's. */
  readonly id: string
  /** When the attempt ended, in ISO 8601, so that what was attempted together is tried again together; null: just now. */
  readonly since: string | null
  /** Nothing that stands in the row: it ends in the log and in /health. */
  readonly why: string
}

/** The rows of a table that refuse to be updated. */
export interface Refusing {
  readonly count: number
  /** What PostgreSQL said to the last attempt; null where there is no such row. */
  readonly why: string | null
}

/** `2 rows of events refuse to be updated: …` */
export const sayRefusing = (table: Source, count: number, why: string): string =>
  `${count} ${count === 1 ? "row" : "rows"} of ${table} ${count === 1 ? "refuses" : "refuse"} to be updated: ${why}; see row_refusals`

/** Whether a row of the table may be tried now. */
export const isAllowed = (sql: PgClient.PgClient, table: Source): Statement.Fragment => sql`
  NOT EXISTS (
    SELECT FROM row_refusals
    WHERE row_refusals.source = ${sources[table]} AND row_refusals.source_id = ${sql(table)}.id
      AND row_refusals.next_attempt_at > now()
  )
`

/** Ends the refusals of the rows that the CTE `rows` has updated; one more CTE of the same statement. */
export const forgive = (sql: PgClient.PgClient, table: Source, rows: string): Statement.Fragment => sql`
  DELETE FROM row_refusals USING ${sql(rows)}
  WHERE row_refusals.source = ${sources[table]} AND row_refusals.source_id = ${sql(rows)}.id
`

/**
 * Writes down that rows refuse, and that they are tried again after 30 s, doubling, to 1 h. Says why in the log, once
 * however many rows refuse for the same reason.
 */
export const refuse = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  table: Source,
  refusals: ReadonlyArray<Refusal>
): Effect.fn.Return<void, SqlError.SqlError> {
  if (refusals.length === 0) return
  yield* sql`
    WITH refused AS (
      SELECT DISTINCT ON (sent.id) sent.id, sent.why, coalesce(sent.since, now()) AS at,
        coalesce(before.attempts, 0) AS attempts
      FROM jsonb_to_recordset(${sql.json(refusals)}) AS sent (id bigint, since timestamptz, why text)
      LEFT JOIN row_refusals AS before ON before.source = ${sources[table]} AND before.source_id = sent.id
      ORDER BY sent.id
    )
    INSERT INTO row_refusals (source, source_id, at, attempts, next_attempt_at, why)
    SELECT ${sources[table]}, refused.id, refused.at, refused.attempts + 1,
      refused.at + least(30 * 2 ^ least(refused.attempts, 10), 3600) * interval '1 second', refused.why
    FROM refused
    ON CONFLICT (source, source_id) DO UPDATE SET
      at = excluded.at, attempts = excluded.attempts, next_attempt_at = excluded.next_attempt_at, why = excluded.why
  `
  for (const [why, rows] of Object.entries(groupBy(refusals, ({ why }) => why))) {
    yield* Effect.annotateLogs(Effect.logError(sayRefusing(table, rows.length, why)), { row_id: rows[0].id })
  }
})

/** Writes down which of the rows that could not be updated refuse it. The others stay as they are, and the log says so. */
export const refuseFailed = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  table: Source,
  failed: ReadonlyArray<readonly [id: string, fault: Fault]>
): Effect.fn.Return<void, SqlError.SqlError> {
  const [refused, passing] = partition(failed, (one) =>
    isPassing(one[1])
      ? Result.fail(one[1])
      : Result.succeed({ id: one[0], since: null, why: sayRefusal(one[1]) })
  )
  yield* refuse(sql, table, refused)
  const [fault] = passing
  if (fault === undefined) return
  yield* Effect.logWarning(
    `${passing.length} rows of ${table} could not be updated, the next sweep tries again: ${sayFault(fault)}`
  )
})

/** The rows that refuse, are not done, and are tried still, as `isTried` says. Those of any other are forgotten. */
export const refusing = (sql: PgClient.PgClient, table: Source, isTried: Statement.Fragment) => {
  const stands = sql`
    EXISTS (
      SELECT FROM ${sql(table)}
      WHERE ${sql(table)}.id = row_refusals.source_id AND ${isUndone(sql, table)} AND ${isTried}
    )
  `
  return Effect.map(
    sql<Refusing>`
      WITH forgotten AS (
        DELETE FROM row_refusals WHERE row_refusals.source = ${sources[table]} AND NOT ${stands}
      )
      SELECT count(*)::int AS count, (array_agg(row_refusals.why ORDER BY row_refusals.at DESC))[1] AS why
      FROM row_refusals WHERE row_refusals.source = ${sources[table]} AND ${stands}
    `,
    ([row]) => row ?? { count: 0, why: null }
  )
}
