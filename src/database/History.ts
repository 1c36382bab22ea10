/** The table `history`, as the service sees it. PostgreSQL reads and applies its rows; here is what is left over. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Option, Schema } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { HistoryId, LogEntry } from "../domain/History.ts"
import { LogProgress } from "../domain/LogProgress.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { asDatabaseError } from "./Database.ts"
import { askForMissing } from "./missingRecords.ts"
import { type Refusing, refusing } from "./Refusals.ts"
import { readAgain } from "./readAgain.ts"
import {
  decodeOutcomes,
  type HistoryOutcome,
  type Policy,
  type Retried,
  retryHistory
} from "./retryHistory.ts"
import { storable } from "./storable.ts"

export class History extends Context.Service<
  History,
  {
    /**
     * Makes another attempt at the rows that are due, a hundred at most, and answers how they went: the oldest entries
     * first, and what waits for a record last. A failure is written down among the attempts; that a record is still
     * missing, once. Rows that somebody holds are passed over. A row that refuses what came of it is to say that it
     * failed, and one that refuses that as well stands in `row_refusals`.
     */
    readonly retry: (policy: Policy) => Effect.Effect<Retried, DatabaseError>
    /** How rows stand. */
    readonly outcomes: (
      ids: ReadonlyArray<HistoryId>
    ) => Effect.Effect<ReadonlyArray<HistoryOutcome>, DatabaseError>
    /**
     * Queues an event for each record that rows wait for, once however many rows wait, and parks the rows whose record
     * RentProg does not have either. Rows whose record is there by now are tried again. Answers how many events were
     * queued: none while somebody else asks.
     */
    readonly askForMissing: Effect.Effect<number, DatabaseError>
    /**
     * Runs the parked rows again whose sentence did not read when it came, and reads by now or means nothing: what this
     * version's grammar and patterns are new to. Answers how many there were.
     */
    readonly readAgain: Effect.Effect<number, DatabaseError>
    /** How many rows refuse to be updated, and why. */
    readonly refusing: Effect.Effect<Refusing, DatabaseError>
    /** Whether a person holds the branch: nothing of its is asked of RentProg. */
    readonly isPaused: (branch: Branch) => Effect.Effect<boolean, DatabaseError>
    /** How much of a branch's log is written down; none where it was never read. */
    readonly logProgress: (branch: Branch) => Effect.Effect<Option.Option<LogProgress>, DatabaseError>
    /** Writes down the entries that are new, and how much of the log is written down with them. Answers how many were new. */
    readonly record: (
      branch: Branch,
      entries: ReadonlyArray<LogEntry>,
      progress: LogProgress
    ) => Effect.Effect<number, DatabaseError>
  }
>()("jarvis/database/History") {
  static readonly layer: Layer.Layer<History, never, PgClient.PgClient> = Layer.effect(
    History,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const retry = retryHistory(sql)

      return History.of({
        retry: (policy) => retry(policy).pipe(asDatabaseError, Effect.withSpan("History.retry")),

        outcomes: (ids) =>
          sql`
            SELECT history.id::text, history.branch, history.entity_type, history.entity_id, history.processed,
              history.reason, history.attempts, history.user_name
            FROM history WHERE history.id = ANY (${ids}::text[]::bigint[])
            ORDER BY history.id
          `.pipe(Effect.flatMap(decodeOutcomes), asDatabaseError),

        askForMissing: askForMissing(sql).pipe(asDatabaseError, Effect.withSpan("History.askForMissing")),

        readAgain: readAgain(sql).pipe(asDatabaseError, Effect.withSpan("History.readAgain")),

        refusing: asDatabaseError(refusing(sql, "history", sql`true`)),

        isPaused: (branch) =>
          sql`SELECT FROM paused_branches WHERE paused_branches.branch = ${branch}`.pipe(
            asDatabaseError,
            Effect.map((rows) => rows.length > 0)
          ),

        logProgress: (branch) =>
          sql`
            SELECT
              -- Early versions remembered until when alone.
              (extract(epoch FROM coalesce(history_progress.read_from, history_progress.read_until)) * 1000)::float8
                AS "readFrom",
              (extract(epoch FROM history_progress.read_until) * 1000)::float8 AS "readUntil",
              history_progress.stretches
            FROM history_progress WHERE history_progress.branch = ${branch}
          `.pipe(
            asDatabaseError,
            Effect.flatMap((rows) => Effect.orDie(decodeProgress(rows))),
            Effect.map(Option.fromIterable)
          ),

        record: (branch, entries, { readFrom, readUntil, stretches }) =>
          Effect.gen(function* () {
            const { traceId } = yield* Effect.orDie(Effect.currentSpan)
            // First, because it makes whoever writes down the same branch's entries wait.
            yield* sql`
              INSERT INTO history_progress (branch, read_from, read_until, stretches)
              VALUES (
                ${branch}, to_timestamp(${readFrom}::float8 / 1000), to_timestamp(${readUntil}::float8 / 1000),
                ${sql.json(stretches)}
              )
              ON CONFLICT (branch) DO UPDATE SET
                read_from = excluded.read_from, read_until = excluded.read_until, stretches = excluded.stretches
            `
            const recorded = yield* sql`
              INSERT INTO history (
                branch, operation_type, operation_id, description, entity_type, entity_id, user_name, created_at, raw_data,
                trace_id
              )
              SELECT ${branch}, entry."operationType", entry."operationId", entry.description, entry."entityType",
                entry."entityId", entry."userName", entry."createdAt", entry.raw, ${traceId}
              FROM (
                SELECT DISTINCT ON (left(sent."operationId", 64)) sent.*
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
              ORDER BY entry."createdAt", length(entry."operationId"), entry."operationId"
              RETURNING history.id
            `
            return recorded.length
          }).pipe(sql.withTransaction, asDatabaseError, Effect.withSpan("History.record"))
      })
    })
  )
}

const decodeProgress = Schema.decodeUnknownEffect(Schema.Array(LogProgress))
