/** Another attempt at log entries. */
import type { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Schema } from "effect"
import { HistoryId } from "../domain/History.ts"
import { DatabaseError, reasonText } from "../domain/Reason.ts"
import { apart } from "./apart.ts"
import { historyRows } from "./historyRows.ts"
import { forgive, refuseFailed } from "./Refusals.ts"
import { type Fault, isPassing, Suppressed, sayFault } from "./refusal.ts"

/** How a row stands after an attempt. */
export const HistoryOutcome = Schema.Struct({
  id: HistoryId,
  branch: Schema.NullOr(Schema.String),
  entity_type: Schema.NullOr(Schema.String),
  entity_id: Schema.NullOr(Schema.String),
  processed: Schema.Boolean,
  /** `code: detail`: why it is not done, or why nothing was written for it; null when it is applied. */
  reason: Schema.NullOr(Schema.String),
  /** Attempts made after the first, which the trigger makes. */
  attempts: Schema.Int,
  user_name: Schema.NullOr(Schema.String)
})
export type HistoryOutcome = typeof HistoryOutcome.Type

// PostgreSQL wrote these rows: one that does not decode is a defect.
const decode = Schema.decodeUnknownEffect(Schema.Array(HistoryOutcome))
export const decodeOutcomes = (rows: ReadonlyArray<unknown>) => Effect.orDie(decode(rows))

/** When a row that failed again is due: null parks it. */
export type Policy = (outcome: HistoryOutcome) => Effect.Effect<Duration.Duration | null>

/** What a sweep did. */
export interface Retried {
  /** How many rows were taken, those that refuse to be updated among them. */
  readonly due: number
  /** How many of them could not be updated for what passes by itself, and stay due. */
  readonly stuck: number
  /** How many others were due that somebody holds: the next sweep finds them. */
  readonly locked: number
  /** How the others stand now. */
  readonly outcomes: ReadonlyArray<HistoryOutcome>
}

/** How many rows an attempt takes at a time. */
const batch = 100

const statements = (sql: PgClient.PgClient, traceId: string) => ({
  /** Reads and applies entries, in this order, and says how each would stand. */
  process: (ids: ReadonlyArray<HistoryId>) =>
    Effect.flatMap(
      sql`
        SELECT tried.id::text, tried.branch, tried.entity_type, tried.entity_id, tried.user_name, tried.processed,
          tried.reason, tried.attempts + 1 AS attempts
        FROM (
          SELECT history.*::history AS entry
          FROM unnest(${ids}::text[]::bigint[]) WITH ORDINALITY AS due (id, place) JOIN history ON history.id = due.id
          ORDER BY due.place
        ) AS due CROSS JOIN LATERAL process_history(due.entry) AS tried
      `,
      decodeOutcomes
    ),

  /** How entries would stand that cannot be written down. */
  fail: (failed: ReadonlyArray<readonly [HistoryId, Fault]>) =>
    Effect.flatMap(
      sql`
        SELECT history.id::text, history.branch, history.entity_type, history.entity_id, history.user_name,
          false AS processed, failed.reason, history.attempts + 1 AS attempts
        FROM jsonb_to_recordset(${sql.json(
          failed.map(([id, fault]) => ({
            id,
            reason: reasonText(new DatabaseError({ detail: sayFault(fault) }))
          }))
        )}) AS failed (id bigint, reason text) JOIN history ON history.id = failed.id
      `,
      decodeOutcomes
    ),

  /** Writes down how entries stand. A failure is written down among the attempts; that a record is still missing, once. */
  write: (rows: ReadonlyArray<HistoryOutcome & { readonly wait: number | null }>) => sql`
    WITH tried AS (
      SELECT sent.* FROM jsonb_to_recordset(${sql.json(rows)}) AS sent (
        id bigint, branch text, entity_type text, entity_id text, user_name text,
        processed boolean, reason text, attempts int, wait float8
      )
    ), failed AS (
      -- The trigger made the first attempt, which nobody counted.
      INSERT INTO row_attempts (source, source_id, attempt, reason, trace_id)
      SELECT 'history', tried.id, tried.attempts + 1, tried.reason, ${traceId}
      FROM tried JOIN history ON history.id = tried.id
      WHERE NOT tried.processed
        AND (tried.reason NOT LIKE 'entity\\_not\\_found%' OR tried.reason IS DISTINCT FROM history.reason)
    ), written AS (
      UPDATE history
      SET processed       = tried.processed,
          ok              = tried.processed,
          reason          = tried.reason,
          branch          = tried.branch,
          entity_type     = tried.entity_type,
          entity_id       = tried.entity_id,
          user_name       = tried.user_name,
          attempts        = tried.attempts,
          revision        = coalesce(history.revision, 0) + 1,
          processed_at    = CASE WHEN tried.processed THEN now() END,
          next_attempt_at = CASE
            WHEN tried.processed    THEN NULL
            WHEN tried.wait IS NULL THEN 'infinity'
            ELSE now() + tried.wait * interval '1 millisecond'
          END,
          trace_id        = coalesce(history.trace_id, ${traceId})
      FROM tried
      WHERE history.id = tried.id
      RETURNING history.id
    ), forgiven AS (
      ${forgive(sql, "history", "written")}
    )
    SELECT written.id FROM written
  `
})

/** As `History.retry` says. */
export const retryHistory = (sql: PgClient.PgClient) => {
  const { allowed, due, order } = historyRows(sql)

  return (policy: Policy) =>
    Effect.gen(function* () {
      const { traceId } = yield* Effect.orDie(Effect.currentSpan)
      const { fail, process, write } = statements(sql, traceId)

      /** A savepoint: what an entry applied is undone where the row does not take it. */
      const attempt = (outcomes: Effect.Effect<ReadonlyArray<HistoryOutcome>, Fault>) =>
        Effect.gen(function* () {
          const tried = yield* outcomes
          const rows = yield* Effect.forEach(tried, (outcome) =>
            Effect.map(policy(outcome), (wait) => ({ ...outcome, wait: wait && Duration.toMillis(wait) }))
          )
          const written = yield* write(rows)
          if (written.length < rows.length) return yield* new Suppressed()
          return tried
        }).pipe(sql.withTransaction)

      // Before any row or record is held: whoever writes the log meanwhile may want the same in another order.
      yield* sql`SELECT await_turn_at_history()`
      const ids = yield* Effect.flatMap(
        sql`
          SELECT history.id::text FROM history WHERE ${due} AND ${allowed}
          ORDER BY ${order}
          LIMIT ${batch}
          FOR UPDATE SKIP LOCKED
        `,
        decodeIds
      )
      const [left] =
        ids.length === batch
          ? []
          : yield* sql<{ readonly locked: number }>`
              SELECT count(*)::int AS locked FROM history
              WHERE ${due} AND ${allowed} AND history.id <> ALL (${ids}::text[]::bigint[])
            `
      const first = yield* apart(ids, (some) => attempt(process(some)))
      // The row may take that it failed, where it does not take what came of it.
      const refused = first.failed.filter(([, fault]) => !isPassing(fault))
      const second = yield* apart(refused, (some) => attempt(fail(some)))
      const failed = [
        ...first.failed.filter(([, fault]) => isPassing(fault)),
        ...second.failed.map(([[id], fault]) => [id, fault] as const)
      ]
      yield* refuseFailed(sql, "history", failed)
      return {
        due: ids.length,
        stuck: failed.filter(([, fault]) => isPassing(fault)).length,
        locked: left?.locked ?? 0,
        outcomes: [...first.done, ...second.done]
      }
    }).pipe(sql.withTransaction)
}

const decodeIds = (rows: ReadonlyArray<unknown>) =>
  Effect.map(
    Effect.orDie(Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ id: HistoryId })))(rows)),
    (all) => all.map(({ id }) => id)
  )
