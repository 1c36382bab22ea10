/** The table `events`, as the actors see it: what is due, and how it went. */
import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Request, RequestResolver, Schema } from "effect"
import { Branch } from "../domain/Branch.ts"
import { eventTypes, PendingEvent } from "../domain/Event.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { asDatabaseError } from "./Database.ts"
import { together } from "./together.ts"

/**
 * How many events a branch takes at a time. The more it sees at once, the better the choice between single reads and
 * list pages; the fewer, the sooner new ones get their turn.
 */
const batch = 500

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
}

export class Events extends Context.Service<
  Events,
  {
    /** The branches that have something due. */
    readonly branchesDue: Effect.Effect<ReadonlyArray<Branch>, DatabaseError>
    /**
     * The next due events of a branch, oldest first, and with them all that wait for the same records, due or not:
     * one fetch serves them all. `except` names records, as `keyText` spells them, that are being handled already.
     */
    readonly take: (
      branch: Branch,
      except: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<PendingEvent>, DatabaseError>
    /** Writes an outcome down. Those of a few milliseconds share one statement. */
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
        sql`
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
              END
          FROM jsonb_to_recordset(${sql.json(
            outcomes.map(({ event: { attempts, branch, ext_id, id, type }, reason, retryIn }) => ({
              ...{ id, branch, type, ext_id, attempts },
              // Detail comes from elsewhere and may be cut anywhere: jsonb takes no NUL and no half character.
              reason: reason?.replaceAll("\0", "").toWellFormed() ?? null,
              wait: retryIn === null ? null : Duration.toMillis(retryIn)
            }))
          )}) AS outcome (
            id bigint, branch text, type text, ext_id text, attempts int, reason text, wait float8
          )
          WHERE events.id = outcome.id AND NOT processed
            AND (events.branch, events.type, events.ext_id, events.attempts)
              = (outcome.branch, outcome.type, outcome.ext_id, outcome.attempts)
        `
      const settling = RequestResolver.make<Settle>((entries) => together(entries, settle)).pipe(
        RequestResolver.setDelay("5 millis"),
        RequestResolver.withSpan("Events.settle")
      )

      return Events.of({
        branchesDue: sql`
          SELECT DISTINCT branch FROM events
          WHERE NOT processed AND next_attempt_at < 'infinity' AND next_attempt_at <= now()
            AND branch IS NOT NULL
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
                ORDER BY next_attempt_at, id
                LIMIT ${batch}
              ) AS due
            )
            SELECT id::text, branch, type, ext_id, attempts, next_attempt_at <= now() AS due
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
