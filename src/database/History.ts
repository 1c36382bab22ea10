/** The table `history`, as the service sees it. PostgreSQL reads and applies its rows; here is what is left over. */
import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Option, Schema } from "effect"
import type { Branch } from "../domain/Branch.ts"
import { HistoryId, type LogEntry } from "../domain/History.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { asDatabaseError } from "./Database.ts"
import { storable } from "./storable.ts"

/** How a row stands after an attempt. */
export const HistoryOutcome = Schema.Struct({
  id: HistoryId,
  branch: Schema.NullOr(Schema.String),
  entity_type: Schema.NullOr(Schema.String),
  entity_id: Schema.NullOr(Schema.String),
  processed: Schema.Boolean,
  /** Null when it is applied, else why it is not: `code: detail`. */
  reason: Schema.NullOr(Schema.String),
  /** Attempts made after the first, which the trigger makes. */
  attempts: Schema.Int,
  user_name: Schema.NullOr(Schema.String)
})
export type HistoryOutcome = typeof HistoryOutcome.Type

/** When a row that failed again is due: null parks it. */
export type Policy = (outcome: HistoryOutcome) => Effect.Effect<Duration.Duration | null>

export class History extends Context.Service<
  History,
  {
    /**
     * Makes another attempt at the rows that are due, the oldest entries first, a hundred at most, and answers how they
     * went. A failure is written down among the attempts; that a record is still missing, once. Rows that another sweep
     * is at work on are left to it.
     */
    readonly retry: (policy: Policy) => Effect.Effect<ReadonlyArray<HistoryOutcome>, DatabaseError>
    /** How rows stand. */
    readonly outcomes: (
      ids: ReadonlyArray<HistoryId>
    ) => Effect.Effect<ReadonlyArray<HistoryOutcome>, DatabaseError>
    /**
     * Queues an event for each record that rows wait for, once however many rows wait, and parks the rows whose record
     * RentProg does not have either. Rows whose record is there by now are tried again. Answers how many events were queued.
     */
    readonly askForMissing: Effect.Effect<number, DatabaseError>
    /** Whether a person holds the branch: nothing of its is asked of RentProg. */
    readonly isPaused: (branch: Branch) => Effect.Effect<boolean, DatabaseError>
    /** Until when a branch's log has been read, in milliseconds since 1970. */
    readonly readUntil: (branch: Branch) => Effect.Effect<Option.Option<number>, DatabaseError>
    /** Writes down the entries that are new, and that the log has been read until then. Answers how many were new. */
    readonly record: (
      branch: Branch,
      entries: ReadonlyArray<LogEntry>,
      until: number
    ) => Effect.Effect<number, DatabaseError>
  }
>()("jarvis/database/History") {
  static readonly layer: Layer.Layer<History, never, PgClient.PgClient> = Layer.effect(
    History,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      return History.of({
        retry: (policy) =>
          Effect.gen(function* () {
            const { traceId } = yield* Effect.orDie(Effect.currentSpan)
            const tried = yield* sql`
              WITH due AS (
                SELECT history AS entry FROM history
                WHERE NOT processed AND next_attempt_at < 'infinity' AND next_attempt_at <= now()
                ORDER BY created_at, id
                LIMIT 100
                FOR UPDATE SKIP LOCKED
              )
              SELECT tried.id::text, tried.branch, tried.entity_type, tried.entity_id, tried.user_name,
                tried.processed, tried.reason, tried.attempts + 1 AS attempts
              FROM due, LATERAL process_history(entry) AS tried
            `.pipe(Effect.flatMap(decodeOutcomes))
            const rows = yield* Effect.forEach(tried, (outcome) =>
              Effect.map(policy(outcome), (wait) => ({ ...outcome, wait: wait && Duration.toMillis(wait) }))
            )
            yield* sql`
              WITH tried AS (
                SELECT * FROM jsonb_to_recordset(${sql.json(rows)}) AS tried (
                  id bigint, branch text, entity_type text, entity_id text, user_name text,
                  processed boolean, reason text, attempts int, wait float8
                )
              ), failed AS (
                -- The trigger made the first attempt, which nobody counted.
                INSERT INTO row_attempts (source, source_id, attempt, reason, trace_id)
                SELECT 'history', id, tried.attempts + 1, tried.reason, ${traceId}
                FROM tried JOIN history USING (id)
                WHERE NOT tried.processed
                  AND (tried.reason NOT LIKE 'entity\\_not\\_found%' OR tried.reason IS DISTINCT FROM history.reason)
              )
              UPDATE history
              SET processed       = tried.processed,
                  ok              = tried.processed,
                  reason          = tried.reason,
                  branch          = tried.branch,
                  entity_type     = tried.entity_type,
                  entity_id       = tried.entity_id,
                  user_name       = tried.user_name,
                  attempts        = tried.attempts,
                  processed_at    = CASE WHEN tried.processed THEN now() END,
                  next_attempt_at = CASE
                    WHEN tried.processed    THEN NULL
                    WHEN tried.wait IS NULL THEN 'infinity'
                    ELSE now() + tried.wait * interval '1 millisecond'
                  END,
                  trace_id        = coalesce(history.trace_id, ${traceId})
              FROM tried
              WHERE history.id = tried.id
            `
            return tried
          }).pipe(sql.withTransaction, asDatabaseError, Effect.withSpan("History.retry")),

        outcomes: (ids) =>
          sql`
            SELECT id::text, branch, entity_type, entity_id, processed, reason, attempts, user_name
            FROM history WHERE id = ANY (${ids}::text[]::bigint[])
            ORDER BY history.id
          `.pipe(Effect.flatMap(decodeOutcomes), asDatabaseError),

        askForMissing: Effect.gen(function* () {
          // Two who ask at once would both find nothing queued.
          yield* sql`SELECT pg_advisory_xact_lock(hashtext('jarvis asks for missing records'))`
          // A record that arrived while its entry was being written down told nobody: the trigger tries these again.
          yield* sql`
            UPDATE history SET processed = false
            WHERE id IN (
              SELECT id FROM history
              WHERE NOT processed AND reason LIKE 'entity\\_not\\_found%' AND CASE split_part(reason, ' ', 2)
                WHEN 'car'     THEN EXISTS (SELECT FROM cars     WHERE rentprog_id = split_part(reason, ' ', 3))
                WHEN 'client'  THEN EXISTS (SELECT FROM clients  WHERE rentprog_id = split_part(reason, ' ', 3))
                WHEN 'booking' THEN EXISTS (SELECT FROM bookings WHERE rentprog_id = split_part(reason, ' ', 3))
              END
              FOR UPDATE SKIP LOCKED
            )
          `
          // The event that was queued for a record says by its own end whether RentProg has the record.
          yield* sql`
            UPDATE history SET next_attempt_at = 'infinity', attempts = history.attempts + 1
            FROM events
            WHERE NOT history.processed AND history.next_attempt_at < 'infinity'
              AND history.reason = ${missing} || (events.metadata ->> 'asked_for')
              AND events.branch = history.branch
              AND NOT events.processed AND events.next_attempt_at = 'infinity'
              AND events.reason LIKE 'rentprog\\_not\\_found%'
          `
          const asked = yield* sql`
            INSERT INTO events (branch, type, ext_id, payload, metadata)
            SELECT branch, split_part(wanted, ' ', 1) || '_update', split_part(wanted, ' ', 2),
              jsonb_build_object('id', split_part(wanted, ' ', 2)), jsonb_build_object('asked_for', wanted)
            FROM (
              SELECT DISTINCT branch, substr(reason, length(${missing}) + 1) AS wanted
              FROM history
              WHERE NOT processed AND next_attempt_at < 'infinity' AND reason LIKE 'entity\\_not\\_found%'
                AND branch IS NOT NULL
            ) AS lacking
            WHERE NOT EXISTS (
              SELECT FROM events
              WHERE metadata ->> 'asked_for' = wanted AND events.branch = lacking.branch
                AND (NOT processed OR reason LIKE 'discarded%')
            )
            -- A webhook's event that is under way brings the record as well.
            AND NOT EXISTS (
              SELECT FROM events
              WHERE events.branch = lacking.branch AND ext_id = split_part(wanted, ' ', 2)
                AND split_part(type, '_', 1) = split_part(wanted, ' ', 1)
                AND NOT processed AND next_attempt_at < 'infinity'
            )
            RETURNING id
          `
          return asked.length
        }).pipe(sql.withTransaction, asDatabaseError, Effect.withSpan("History.askForMissing")),

        isPaused: (branch) =>
          sql`SELECT FROM paused_branches WHERE branch = ${branch}`.pipe(
            asDatabaseError,
            Effect.map((rows) => rows.length > 0)
          ),

        readUntil: (branch) =>
          sql<{ readonly until: number }>`
            SELECT (extract(epoch FROM read_until) * 1000)::float8 AS until FROM history_progress WHERE branch = ${branch}
          `.pipe(
            asDatabaseError,
            Effect.map((rows) => Option.fromNullishOr(rows[0]?.until))
          ),

        record: (branch, entries, until) =>
          Effect.gen(function* () {
            const { traceId } = yield* Effect.orDie(Effect.currentSpan)
            // First, because it makes whoever writes down the same branch's entries wait.
            yield* sql`
              INSERT INTO history_progress (branch, read_until) VALUES (${branch}, to_timestamp(${until}::float8 / 1000))
              ON CONFLICT (branch) DO UPDATE SET read_until = excluded.read_until
            `
            const recorded = yield* sql`
              INSERT INTO history (
                branch, operation_type, operation_id, description, entity_type, entity_id, user_name, created_at, raw_data,
                trace_id
              )
              SELECT ${branch}, "operationType", "operationId", description, "entityType", "entityId", "userName",
                coalesce("createdAt", now()), raw, ${traceId}
              FROM (
                SELECT DISTINCT ON (left("operationId", 64)) *
                FROM jsonb_to_recordset(${sql.json(storable(entries))}) AS sent (
                  "operationType" text, "operationId" text, description text, "entityType" text, "entityId" text,
                  "userName" text, "createdAt" timestamptz, raw jsonb
                )
              ) AS entry
              WHERE NOT EXISTS (
                SELECT FROM history
                WHERE left(history.branch, 64) = left(${branch}, 64)
                  AND left(history.operation_id, 64) = left(entry."operationId", 64)
              )
              -- Entries of one instant count in the order of their numbers.
              ORDER BY "createdAt", length("operationId"), "operationId"
              RETURNING id
            `
            return recorded.length
          }).pipe(sql.withTransaction, asDatabaseError, Effect.withSpan("History.record"))
      })
    })
  )
}

/** What stands before `car 59439` in the reason of a row that waits for it. */
const missing = "entity_not_found: "

// PostgreSQL wrote these rows: one that does not decode is a defect.
const decodeOutcomes = (rows: ReadonlyArray<unknown>) =>
  Effect.orDie(Schema.decodeUnknownEffect(Schema.Array(HistoryOutcome))(rows))
