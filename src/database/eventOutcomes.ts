/** What is written when attempts at events have ended: the rows, their failed attempts, the timeline. */
import type { PgClient } from "@effect/sql-pg"
import { Duration, Effect } from "effect"
import type { Statement } from "effect/sql"
import type { PendingEvent } from "../domain/Event.ts"
import { type Counted, countEvents } from "./countEvents.ts"
import { isUndone } from "./isUndone.ts"
import { forgive } from "./Refusals.ts"
import { storableText } from "./storable.ts"

/** How an attempt at a record ended, for all of its events. */
export interface Ending {
  /** Null when they are done, else why they are not: `code: detail`. */
  readonly reason: string | null
  /** How long after they were taken it ended. */
  readonly took: Duration.Duration
  /**
   * How long an event waits after its first attempt, its second, and so on; after any later one it is parked. Where they
   * are done, what a row waits that refuses that.
   */
  readonly waits: ReadonlyArray<Duration.Duration>
  /** The trace of the attempt. */
  readonly traceId: string
}

/** How an event's attempt ended. */
export interface Outcome {
  /** As it was taken: a row that somebody has touched since is not settled. */
  readonly event: PendingEvent
  readonly reason: string | null
  readonly took: Duration.Duration
  /** How long after the attempt to try again; null parks the row. Where it is done, what the row waits if it refuses that. */
  readonly retryIn: Duration.Duration | null
  readonly traceId: string
}

export const outcomeOf = (event: PendingEvent, { reason, took, traceId, waits }: Ending): Outcome => ({
  ...{ event, reason, took, traceId },
  retryIn: waits[event.attempts] ?? null
})

/** Detail comes from elsewhere and may be cut anywhere. */
export const storableReason = (reason: string | null): string | null =>
  reason === null ? null : storableText(reason)

/** How long after it was taken an event is to be tried again, in milliseconds. */
export const waitOf = (took: Duration.Duration, retryIn: Duration.Duration): number =>
  Duration.toMillis(Duration.sum(took, retryIn))

const isAsTaken = (sql: PgClient.PgClient): Statement.Fragment => sql`
  events.id = outcome.id AND ${isUndone(sql, "events")}
  AND (events.branch, events.type, events.ext_id, events.attempts)
    = (outcome.branch, outcome.type, outcome.ext_id, outcome.attempts)
  -- Whoever touches a row has it begin anew: without attempts, and due from then on.
  AND NOT (events.attempts = 0 AND events.next_attempt_at > outcome.taken_at)
`

/**
 * Writes down what `outcomes` selects: id, branch, type, ext_id, attempts and taken_at of rows as they were taken; reason,
 * wait in milliseconds from taken_at, and trace_id. Rows that somebody has touched since are left alone. It is a WITH list,
 * whose `outcome` is what was to be written and whose `settled` is what was.
 */
export const settling = (sql: PgClient.PgClient, outcomes: Statement.Fragment): Statement.Fragment => sql`
  WITH outcome AS (
    ${outcomes}
  ), settled AS (
    UPDATE events
    SET processed       = outcome.reason IS NULL,
        ok              = outcome.reason IS NULL,
        reason          = outcome.reason,
        attempts        = events.attempts + 1,
        revision        = events.revision + 1,
        processed_at    = CASE WHEN outcome.reason IS NULL THEN now() END,
        next_attempt_at = CASE
          WHEN outcome.reason IS NULL THEN NULL
          WHEN outcome.wait IS NULL   THEN 'infinity'
          -- Not from now on: what was taken together is to be due together.
          ELSE outcome.taken_at + outcome.wait * interval '1 millisecond'
        END,
        -- That of its reception, where there is one: the attempt goes on with it.
        trace_id        = outcome.trace_id
    FROM outcome
    WHERE ${isAsTaken(sql)}
    RETURNING events.id, events.ts, events.branch, events.type, events.ext_id, events.payload_received, events.metadata,
      events.processed, events.reason, events.attempts, events.processed_at, events.trace_id,
      events.next_attempt_at = 'infinity' AS parked,
      CASE WHEN events.processed AND events.ts IS NOT NULL
        THEN greatest(extract(epoch FROM events.processed_at - events.ts), 0)::float8
      END AS seconds
  ), failed AS (
    INSERT INTO row_attempts (source, source_id, attempt, reason, trace_id)
    SELECT 'event', settled.id, settled.attempts, settled.reason, settled.trace_id
    FROM settled WHERE NOT settled.processed
  ), told AS (
    INSERT INTO entity_timeline (at, entity_type, entity_id, branch, source, source_id, operation, changes, log_entry)
    SELECT coalesce(settled.ts, now()), split_part(settled.type, '_', 1), settled.ext_id, settled.branch, 'event',
      settled.id, split_part(settled.type, '_', 2), event_changes(settled.payload_received), 'event:' || settled.id
    FROM settled
    -- What Jarvis asked for by itself is no news of the record.
    WHERE settled.processed AND settled.metadata ->> 'asked_for' IS NULL
    -- A row that a person runs again has been told of.
    ON CONFLICT DO NOTHING
  ), forgiven AS (
    ${forgive(sql, "events", "settled")}
  )
`

/** A row whose outcome is written down. */
interface Written extends Pick<Counted, "branch" | "type" | "reason"> {
  readonly id: string
  readonly seconds: number | null
}

const recordset = (sql: PgClient.PgClient, outcomes: ReadonlyArray<Outcome>): Statement.Fragment => sql`
  jsonb_to_recordset(${sql.json(
    outcomes.map(
      ({ event: { attempts, branch, ext_id, id, taken_at, type }, reason, retryIn, took, traceId }) => ({
        ...{ id, branch, type, ext_id, attempts, taken_at, trace_id: traceId },
        reason: storableReason(reason),
        wait: retryIn && waitOf(took, retryIn)
      })
    )
  )}) AS outcome (
    id bigint, branch text, type text, ext_id text, attempts int, taken_at timestamptz, reason text, wait float8,
    trace_id text
  )
`

/** Writes outcomes down, all or none. */
export const writeOutcomes = (sql: PgClient.PgClient, outcomes: ReadonlyArray<Outcome>) =>
  sql<Written>`
    ${settling(sql, sql`SELECT outcome.* FROM ${recordset(sql, outcomes)}`)}
    SELECT settled.id::text, settled.branch, settled.type, settled.reason, settled.seconds FROM settled
  `.pipe(
    Effect.tap((rows) =>
      Effect.forEach(
        rows,
        ({ seconds, ...row }) =>
          countEvents({ ...row, count: 1, seconds: seconds === null ? [] : [seconds] }),
        { discard: true }
      )
    )
  )

/** Which of these rows are as they were taken: nobody has touched them, and nothing was written. */
export const unchanged = (sql: PgClient.PgClient, outcomes: ReadonlyArray<Outcome>) =>
  sql<{ readonly id: string }>`
    SELECT events.id::text FROM ${recordset(sql, outcomes)} JOIN events ON ${isAsTaken(sql)}
  `
