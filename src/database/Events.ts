/** The table `events`, as the actors see it: what is due, and how it went. */
import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Metric, Request, RequestResolver, Schema } from "effect"
import { Branch } from "../domain/Branch.ts"
import { eventTypes, PendingEvent } from "../domain/Event.ts"
import { codeOfText, type DatabaseError } from "../domain/Reason.ts"
import { asDatabaseError } from "./Database.ts"
import { storableText } from "./storable.ts"
import { together } from "./together.ts"

/**
 * How many events a branch takes at a time. The more it sees at once, the better the choice between single reads and
 * list pages; the fewer, the sooner new ones get their turn.
 */
const batch = 500

/** A row whose outcome is written down. */
interface Settled {
  readonly branch: string
  readonly type: string
  readonly reason: string | null
  /** From its INSERT until it was processed, by the clock of the database; null where it is not, or nobody knows. */
  readonly seconds: number | null
}

const handled = Metric.counter("jarvis_events_total", {
  description: "Attempts at events, by branch, type and outcome: processed, or the code of the reason",
  incremental: true
})

const duration = Metric.histogram("jarvis_event_duration_seconds", {
  description: "Time from the INSERT of an event until it was processed, by branch",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600]
})

const count = ({ branch, reason, seconds, type }: Settled) => {
  const outcome = reason === null ? "processed" : (codeOfText(reason) ?? "unknown")
  const one = Metric.update(Metric.withAttributes(handled, { branch, type, outcome }), 1)
  return seconds === null
    ? one
    : Effect.andThen(one, Metric.update(Metric.withAttributes(duration, { branch }), seconds))
}

// The trigger wrote these rows: one that does not decode is a defect, not an event's failure.
const decodeBranches = (rows: ReadonlyArray<unknown>) =>
  Effect.orDie(Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ branch: Branch })))(rows))
const decodeEvents = (rows: ReadonlyArray<unknown>) =>
  Effect.orDie(Schema.decodeUnknownEffect(Schema.Array(PendingEvent))(rows))

/** How an event's attempt ended. */
export interface Outcome {
  /** As it was taken: a row that somebody has touched since is not settled. */
  readonly event: PendingEvent
  /** Null when it is done, else why it is not: `code: detail`. */
  readonly reason: string | null
  /** When to try again; null parks the row. Without meaning where it is done. */
  readonly retryIn: Duration.Duration | null
  /** The trace of the attempt. */
  readonly traceId: string
}

export class Events extends Context.Service<
  Events,
  {
    /** The branches that have something due and are not paused. */
    readonly branchesDue: Effect.Effect<ReadonlyArray<Branch>, DatabaseError>
    /**
     * The next due events of a branch, oldest first, and with them all that wait for the same records, due or not:
     * one fetch serves them all. `except` names records, as `keyText` spells them, that are being handled already. A
     * paused branch has none.
     */
    readonly take: (
      branch: Branch,
      except: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<PendingEvent>, DatabaseError>
    /**
     * Writes an outcome down: in the row, and a failure among the attempts, a success in the timeline. Those of a few
     * milliseconds share one statement. What is written is counted.
     */
    readonly settle: (outcome: Outcome) => Effect.Effect<void, DatabaseError>
    /**
     * Lets the trigger try again on rows that it could not normalise when they came, because a lock or a permission
     * stood in its way, or that came past it. Answers how many there were.
     */
    readonly normaliseAgain: Effect.Effect<number, DatabaseError>
  }
>()("jarvis/database/Events") {
  static readonly layer: Layer.Layer<Events, never, PgClient.PgClient> = Layer.effect(
    Events,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      /** The trigger has had its way with the row: on any other the actors would stumble. */
      const normalised = sql`
        (ok IS NULL OR attempts > 0) AND type = ANY (${[...eventTypes]}) AND ext_id ~ '^[A-Za-z0-9_-]{1,64}$'
      `

      class Settle extends Request.Class<Outcome, void, DatabaseError> {}
      const settle = (outcomes: ReadonlyArray<Outcome>) =>
        sql<Settled>`
          WITH outcome AS (
            SELECT * FROM jsonb_to_recordset(${sql.json(
              outcomes.map(({ event: { attempts, branch, ext_id, id, type }, reason, retryIn, traceId }) => ({
                ...{ id, branch, type, ext_id, attempts },
                // Detail comes from elsewhere and may be cut anywhere.
                reason: reason === null ? null : storableText(reason),
                wait: retryIn === null ? null : Duration.toMillis(retryIn),
                trace_id: traceId
              }))
            )}) AS outcome (
              id bigint, branch text, type text, ext_id text, attempts int, reason text, wait float8, trace_id text
            )
          ), settled AS (
            UPDATE events
            SET processed       = outcome.reason IS NULL,
                ok              = outcome.reason IS NULL,
                reason          = outcome.reason,
                attempts        = events.attempts + 1,
                processed_at    = CASE WHEN outcome.reason IS NULL THEN now() END,
                next_attempt_at = CASE
                  WHEN outcome.reason IS NULL  THEN NULL
                  WHEN outcome.wait IS NULL    THEN 'infinity'
                  ELSE now() + outcome.wait * interval '1 millisecond'
                END,
                -- That of its reception, where there is one: the attempt goes on with it.
                trace_id        = outcome.trace_id
            FROM outcome
            WHERE events.id = outcome.id AND NOT processed
              AND (events.branch, events.type, events.ext_id, events.attempts)
                = (outcome.branch, outcome.type, outcome.ext_id, outcome.attempts)
            RETURNING events.id, ts, events.branch, events.type, events.ext_id, payload_received, metadata, processed,
              events.reason, events.attempts, processed_at, events.trace_id
          ), failed AS (
            INSERT INTO row_attempts (source, source_id, attempt, reason, trace_id)
            SELECT 'event', id, attempts, reason, trace_id FROM settled WHERE NOT processed
          ), told AS (
            INSERT INTO entity_timeline (
              at, entity_type, entity_id, branch, source, source_id, operation, changes, log_entry
            )
            SELECT coalesce(ts, now()), split_part(type, '_', 1), ext_id, branch, 'event', id, split_part(type, '_', 2),
              event_changes(payload_received), 'event:' || id
            FROM settled
            -- What Jarvis asked for by itself is no news of the record.
            WHERE processed AND metadata ->> 'asked_for' IS NULL
            -- A row that a person runs again has been told of.
            ON CONFLICT DO NOTHING
          )
          SELECT branch, type, reason,
            CASE WHEN processed AND ts IS NOT NULL THEN greatest(extract(epoch FROM processed_at - ts), 0)::float8 END
              AS seconds
          FROM settled
        `.pipe(Effect.tap((rows) => Effect.forEach(rows, count, { discard: true })))
      const settling = RequestResolver.make<Settle>((entries) => together(entries, settle)).pipe(
        RequestResolver.setDelay("5 millis"),
        RequestResolver.withSpan("Events.settle")
      )

      return Events.of({
        branchesDue: sql`
          SELECT DISTINCT branch FROM events
          WHERE NOT processed AND next_attempt_at < 'infinity' AND next_attempt_at <= now()
            AND branch IS NOT NULL AND branch NOT IN (SELECT branch FROM paused_branches)
        `.pipe(
          asDatabaseError,
          Effect.flatMap(decodeBranches),
          Effect.map((rows) => rows.map(({ branch }) => branch))
        ),

        take: (branch, except) =>
          sql`
            WITH wanted AS (
              SELECT DISTINCT split_part(type, '_', 1) AS entity_type, ext_id
              FROM (
                SELECT type, ext_id FROM events
                WHERE branch = ${branch} AND NOT processed
                  AND next_attempt_at < 'infinity' AND next_attempt_at <= now()
                  AND ${normalised}
                  AND split_part(type, '_', 1) || ':' || ext_id <> ALL (${except}::text[])
                  AND NOT EXISTS (SELECT FROM paused_branches WHERE branch = ${branch})
                ORDER BY next_attempt_at, id
                LIMIT ${batch}
              ) AS due
            )
            SELECT id::text, branch, type, ext_id, attempts, next_attempt_at <= now() AS due,
              metadata ->> 'traceparent' AS traceparent
            FROM wanted JOIN events USING (ext_id)
            WHERE branch = ${branch} AND NOT processed AND next_attempt_at < 'infinity'
              AND split_part(type, '_', 1) = entity_type
              AND ${normalised}
            ORDER BY events.id
          `.pipe(asDatabaseError, Effect.flatMap(decodeEvents)),

        settle: (outcome) => Effect.request(new Settle(outcome), settling),

        normaliseAgain: sql`
          UPDATE events SET processed = false
          WHERE NOT processed AND next_attempt_at < 'infinity' AND next_attempt_at <= now()
            AND coalesce(${normalised} AND branch IS NOT NULL, false) IS FALSE
          RETURNING id
        `.pipe(
          asDatabaseError,
          Effect.map((rows) => rows.length)
        )
      })
    })
  )
}
