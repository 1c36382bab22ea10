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
  /** Whether they are done. */
  readonly processed: boolean
  /** `code: detail`: why they are not done, or why they are without having written anything; else null. */
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
  readonly processed: boolean
  readonly reason: string | null
  readonly took: Duration.Duration
  /** How long after the attempt to try again; null parks the row. Where it is done, what the row waits if it refuses that. */
  readonly retryIn: Duration.Duration | null
  readonly traceId: string
}

export const outcomeOf = (
  event: PendingEvent,
  { processed, reason, took, traceId, waits }: Ending
): Outcome => ({
  ...{ event, processed, reason, took, traceId },
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
 * What `told.received` says that changed, as `event_changes` says it. Where it `fits`, all else is left out of it: that costs
 * less than a function that PostgreSQL cannot inline.
 */
const changes = (sql: PgClient.PgClient): Statement.Fragment => sql`
  CASE
    WHEN told.fits THEN nullif(told.received - ARRAY(
      SELECT field.key
      FROM (SELECT jsonb_object_keys(told.received) AS key) AS field
      WHERE CASE jsonb_typeof(told.received -> field.key)
        WHEN 'array' THEN jsonb_array_length(told.received -> field.key) <> 2
        ELSE true
      END
    ), '{}')
    ELSE event_changes(told.received)
  END
`

/**
 * Writes down what `outcomes` selects: id, branch, type, ext_id, attempts and taken_at of rows as they were taken; processed,
 * reason, wait in milliseconds from taken_at, and trace_id. Rows that somebody has touched since are left alone, and nobody
 * waits for a row that is locked. It is a WITH list, whose `outcome` is what was to be written and whose `settled` is what was.
 */
export const settling = (sql: PgClient.PgClient, outcomes: Statement.Fragment): Statement.Fragment => sql`
  WITH outcome AS (
    ${outcomes}
  ), held AS (
    SELECT outcome.* FROM outcome JOIN events ON ${isAsTaken(sql)} FOR NO KEY UPDATE OF events SKIP LOCKED
  ), settled AS (
    UPDATE events
    SET processed       = held.processed,
        ok              = held.processed,
        reason          = held.reason,
        attempts        = events.attempts + 1,
        revision        = coalesce(events.revision, 0) + 1,
        processed_at    = CASE WHEN held.processed THEN now() END,
        next_attempt_at = CASE
          WHEN held.processed    THEN NULL
          WHEN held.wait IS NULL THEN 'infinity'
          -- Not from now on: what was taken together is to be due together.
          ELSE held.taken_at + held.wait * interval '1 millisecond'
        END,
        -- That of its reception, where there is one: the attempt goes on with it.
        trace_id        = held.trace_id
    FROM held
    WHERE events.id = held.id
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
  ), reported AS (
    INSERT INTO entity_timeline (at, entity_type, entity_id, branch, source, source_id, operation, changes, log_entry)
    SELECT told.at, split_part(told.type, '_', 1), told.ext_id, told.branch, 'event', told.id, split_part(told.type, '_', 2),
      ${changes(sql)}, 'event:' || told.id
    FROM (
      -- To look for every key takes long in a large object.
      SELECT read.*, jsonb_typeof(read.received) = 'object' AND pg_column_size(read.received) < 4000 AS fits
      FROM (
        SELECT coalesce(settled.ts, now()) AS at, settled.id, settled.branch, settled.type, settled.ext_id,
          -- Uncompressed once, not for every key.
          CASE jsonb_typeof(settled.payload_received)
            WHEN 'object' THEN settled.payload_received || '{}' ELSE settled.payload_received
          END AS received
        FROM settled
        -- What Jarvis asked for by itself is no news of the record.
        WHERE settled.processed AND settled.metadata ->> 'asked_for' IS NULL
        OFFSET 0
      ) AS read
    ) AS told
    -- A row that a person runs again has been told of.
    ON CONFLICT DO NOTHING
  ), forgiven AS (
    ${forgive(sql, "events", "settled")}
  )
`

/**
 * What became of the rows that are not settled, as `id, became`, in a statement that begins with `settling`: `suppressed`, a
 * trigger or a policy of the table lets nothing through; `locked`, somebody holds the row; `touched`, somebody has touched it
 * since it was taken. The statement sees the table as it was before.
 */
export const unsettled = (sql: PgClient.PgClient): Statement.Fragment => sql`
  SELECT outcome.id, CASE
      WHEN outcome.id IN (SELECT held.id FROM held)           THEN 'suppressed'
      WHEN EXISTS (SELECT FROM events WHERE ${isAsTaken(sql)}) THEN 'locked'
      ELSE 'touched'
    END AS became
  FROM outcome WHERE outcome.id NOT IN (SELECT settled.id FROM settled)
`

type Written = { readonly id: string } & (
  | (Omit<Counted, "count" | "seconds"> & { readonly became: "settled"; readonly seconds: number | null })
  | { readonly became: "suppressed" | "locked" | "touched" }
)

/** Writes outcomes down, and says of each row what became of it. What PostgreSQL refuses fails for all of them. */
export const writeOutcomes = (sql: PgClient.PgClient, outcomes: ReadonlyArray<Outcome>) =>
  sql<Written>`
    ${settling(
      sql,
      sql`
        SELECT outcome.* FROM jsonb_to_recordset(${sql.json(
          outcomes.map(
            ({ event: { attempts, branch, ext_id, id, taken_at, type }, processed, ...outcome }) => ({
              ...{ id, branch, type, ext_id, attempts, taken_at, processed },
              reason: storableReason(outcome.reason),
              wait: outcome.retryIn && waitOf(outcome.took, outcome.retryIn),
              trace_id: outcome.traceId
            })
          )
        )}) AS outcome (
          id bigint, branch text, type text, ext_id text, attempts int, taken_at timestamptz, processed boolean,
          reason text, wait float8, trace_id text
        )
      `
    )}
    SELECT settled.id::text, settled.branch, settled.type, settled.reason, settled.seconds, 'settled' AS became
    FROM settled
    UNION ALL
    SELECT others.id::text, NULL, NULL, NULL, NULL, others.became FROM (${unsettled(sql)}) AS others
  `.pipe(
    Effect.tap((rows) =>
      Effect.forEach(
        rows,
        (row) =>
          row.became === "settled"
            ? countEvents({ ...row, count: 1, seconds: row.seconds === null ? [] : [row.seconds] })
            : Effect.void,
        { discard: true }
      )
    )
  )
