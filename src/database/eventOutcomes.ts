/** What is written when an attempt at an event has ended: the row, its failed attempts, the timeline; and counts. */
import type { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Metric } from "effect"
import { groupBy } from "effect/Array"
import type { PendingEvent } from "../domain/Event.ts"
import { codeOfText } from "../domain/Reason.ts"
import { forgive } from "./Refusals.ts"
import { storableText } from "./storable.ts"

/** How an event's attempt ended. */
export interface Outcome {
  /** As it was taken: a row that somebody has touched since is not settled. */
  readonly event: PendingEvent
  /** Null when it is done, else why it is not: `code: detail`. */
  readonly reason: string | null
  /** How long after it was taken the attempt ended. */
  readonly took: Duration.Duration
  /** How long after the attempt to try again; null parks the row. Where it is done, what the row waits if it refuses that. */
  readonly retryIn: Duration.Duration | null
  /** The trace of the attempt. */
  readonly traceId: string
}

const handled = Metric.counter("jarvis_events_total", {
  description: "Attempts at events, by branch, type and outcome: processed, or the code of the reason",
  incremental: true
})

const duration = Metric.histogram("jarvis_event_duration_seconds", {
  description: "Time from the INSERT of an event until it was processed, by branch",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600]
})

/** An attempt that is over. */
interface Counted {
  readonly branch: string
  readonly type: string
  readonly reason: string | null
  /** From its INSERT until it was processed, by the clock of the database; null where it is not, or nobody knows. */
  readonly seconds: number | null
}

/** A row whose outcome is written down. */
interface Written extends Counted {
  readonly id: string
}

const outcomeOf = ({ reason }: Counted): string =>
  reason === null ? "processed" : (codeOfText(reason) ?? "unknown")

export const count = Effect.fnUntraced(function* (rows: ReadonlyArray<Counted>) {
  for (const group of Object.values(groupBy(rows, (row) => `${row.branch}|${row.type}|${outcomeOf(row)}`))) {
    const { branch, type } = group[0]
    const counter = Metric.withAttributes(handled, { branch, type, outcome: outcomeOf(group[0]) })
    yield* Metric.update(counter, group.length)
    const took = Metric.withAttributes(duration, { branch })
    for (const { seconds } of group) if (seconds !== null) yield* Metric.update(took, seconds)
  }
})

export const outcomeStatements = (sql: PgClient.PgClient) => {
  const recordset = (outcomes: ReadonlyArray<Outcome>) => sql`
    jsonb_to_recordset(${sql.json(
      outcomes.map(
        ({ event: { attempts, branch, ext_id, id, taken_at, type }, reason, retryIn, took, traceId }) => ({
          ...{ id, branch, type, ext_id, attempts, taken_at },
          // Detail comes from elsewhere and may be cut anywhere.
          reason: reason === null ? null : storableText(reason),
          wait: retryIn === null ? null : Duration.toMillis(Duration.sum(took, retryIn)),
          trace_id: traceId
        })
      )
    )}) AS outcome (
      id bigint, branch text, type text, ext_id text, attempts int, taken_at timestamptz, reason text, wait float8,
      trace_id text
    )
  `
  const isAsTaken = sql`
    events.id = outcome.id AND NOT events.processed
    AND (events.branch, events.type, events.ext_id, events.attempts)
      = (outcome.branch, outcome.type, outcome.ext_id, outcome.attempts)
    -- Whoever touches a row has it begin anew: without attempts, and due from then on.
    AND NOT (events.attempts = 0 AND events.next_attempt_at > outcome.taken_at)
  `
  return {
    /** Writes outcomes down, all or none. Rows that somebody has touched since they were taken are left alone. */
    write: (outcomes: ReadonlyArray<Outcome>) =>
      sql<Written>`
        WITH settled AS (
          UPDATE events
          SET processed       = outcome.reason IS NULL,
              ok              = outcome.reason IS NULL,
              reason          = outcome.reason,
              attempts        = events.attempts + 1,
              processed_at    = CASE WHEN outcome.reason IS NULL THEN now() END,
              next_attempt_at = CASE
                WHEN outcome.reason IS NULL  THEN NULL
                WHEN outcome.wait IS NULL    THEN 'infinity'
                -- Not from now on: what was taken together is to be due together.
                ELSE outcome.taken_at + outcome.wait * interval '1 millisecond'
              END,
              -- That of its reception, where there is one: the attempt goes on with it.
              trace_id        = outcome.trace_id
          FROM ${recordset(outcomes)}
          WHERE ${isAsTaken}
          RETURNING events.id, events.ts, events.branch, events.type, events.ext_id, events.payload_received,
            events.metadata, events.processed, events.reason, events.attempts, events.processed_at, events.trace_id
        ), failed AS (
          INSERT INTO row_attempts (source, source_id, attempt, reason, trace_id)
          SELECT 'event', settled.id, settled.attempts, settled.reason, settled.trace_id
          FROM settled WHERE NOT settled.processed
        ), told AS (
          INSERT INTO entity_timeline (
            at, entity_type, entity_id, branch, source, source_id, operation, changes, log_entry
          )
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
        SELECT settled.id::text, settled.branch, settled.type, settled.reason,
          CASE WHEN settled.processed AND settled.ts IS NOT NULL
            THEN greatest(extract(epoch FROM settled.processed_at - settled.ts), 0)::float8
          END AS seconds
        FROM settled
      `.pipe(Effect.tap(count)),

    /** Which of these rows are as they were taken: nobody has touched them, and nothing was written. */
    unchanged: (outcomes: ReadonlyArray<Outcome>) =>
      sql<{ readonly id: string }>`
        SELECT events.id::text FROM ${recordset(outcomes)} JOIN events ON ${isAsTaken}
      `
  }
}
