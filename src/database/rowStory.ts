import type { PgClient } from "@effect/sql-pg"
import type { Table } from "../domain/Row.ts"

/**
 * What happened to a row, oldest first: a `Step` each. That it was parked is told of a row that is, at the last thing that
 * befell it: a failed attempt, a retry after which the trigger parked it again, else its arrival.
 */
export const rowStory = (sql: PgClient.PgClient, table: Table, id: string) => sql`
  WITH told AS (
    SELECT least(greatest(one.ts, 'epoch'), '9999-12-31') AS arrived_at, one.processed_at, left(one.reason, 1000) AS reason,
      one.receipt, one.trace_id, row_state(one.processed, one.ok, one.reason, one.next_attempt_at) AS state
    FROM ${sql(table)} AS one WHERE one.id = ${id}::bigint
  ), acts AS (
    SELECT act.at, act.by, act.action, act.reason
    FROM operator_action_rows AS touched JOIN operator_actions AS act ON act.id = touched.action_id
    WHERE touched.row_id = ${id}::bigint AND act.source_table = ${table}
  ), failures AS (
    SELECT failed.at, failed.reason, failed.trace_id FROM row_attempts AS failed
    WHERE failed.source = ${table === "events" ? "event" : "history"} AND failed.source_id = ${id}::bigint
  ), steps (at, rank, step, detail, by, trace_id) AS (
    SELECT told.arrived_at, 1, 'received', NULL, NULL, CASE WHEN told.receipt IS NOT NULL THEN told.trace_id END FROM told
    UNION ALL
    SELECT acts.at, 2, CASE acts.action WHEN 'retry' THEN 'retried' WHEN 'undo' THEN 'undone' ELSE 'discarded' END,
      acts.reason, acts.by, NULL
    FROM acts
    UNION ALL
    SELECT failures.at, 3, 'failed', failures.reason, NULL, failures.trace_id FROM failures
    UNION ALL
    SELECT greatest(
        told.arrived_at, (SELECT max(failures.at) FROM failures),
        (SELECT max(acts.at) FROM acts WHERE acts.action = 'retry')
      ), 4, 'parked', told.reason, NULL, NULL
    FROM told WHERE told.state = 'parked'
    UNION ALL
    SELECT told.processed_at, 5, 'processed', told.reason, NULL, NULL
    FROM told WHERE told.state = 'processed' AND told.processed_at BETWEEN 'epoch' AND '9999-12-31'
    UNION ALL
    -- Discarded by SQL.
    SELECT greatest(told.arrived_at, told.processed_at), 5, 'discarded',
      nullif(regexp_replace(told.reason, '^discarded(: *|$)', ''), ''), NULL, NULL
    FROM told
    WHERE told.state = 'discarded'
      AND NOT EXISTS (SELECT FROM acts WHERE acts.action = 'discard' AND acts.at = told.processed_at)
  )
  SELECT to_jsonb(steps.*) - 'rank' AS row FROM steps ORDER BY steps.at, steps.rank
`
