import type { PgClient } from "@effect/sql-pg"
import type { Table } from "../domain/Row.ts"

/**
 * What happened to a row, oldest first: a `Step` each. That it was parked is told of a row that is, at the last thing that
 * befell it: a failed attempt, a retry after which the trigger parked it again, else its arrival.
 */
export const rowStory = (sql: PgClient.PgClient, table: Table, id: string) => sql`
  WITH told AS (
    SELECT *, least(greatest(ts, 'epoch'), '9999-12-31') AS arrived_at,
      row_state(processed, ok, reason, next_attempt_at) AS state
    FROM ${sql(table)} WHERE id = ${id}::bigint
  ), acts AS (
    SELECT at, by, action, operator_actions.reason
    FROM operator_action_rows JOIN operator_actions ON operator_actions.id = action_id
    WHERE row_id = ${id}::bigint AND source_table = ${table}
  ), failures AS (
    SELECT at, reason, trace_id FROM row_attempts
    WHERE source = ${table === "events" ? "event" : "history"} AND source_id = ${id}::bigint
  ), steps (at, rank, step, detail, by, trace_id) AS (
    SELECT arrived_at, 1, 'received', NULL, NULL, CASE WHEN receipt IS NOT NULL THEN trace_id END FROM told
    UNION ALL
    SELECT at, 2, CASE action WHEN 'retry' THEN 'retried' WHEN 'undo' THEN 'undone' ELSE 'discarded' END,
      reason, by, NULL
    FROM acts
    UNION ALL
    SELECT at, 3, 'failed', reason, NULL, trace_id FROM failures
    UNION ALL
    SELECT greatest(
        arrived_at, (SELECT max(at) FROM failures), (SELECT max(at) FROM acts WHERE action = 'retry')
      ), 4, 'parked', reason, NULL, NULL
    FROM told WHERE state = 'parked'
    UNION ALL
    SELECT processed_at, 5, 'processed', NULL, NULL, NULL
    FROM told WHERE state = 'processed' AND processed_at BETWEEN 'epoch' AND '9999-12-31'
    UNION ALL
    -- Discarded by SQL.
    SELECT greatest(arrived_at, processed_at), 5, 'discarded',
      nullif(regexp_replace(reason, '^discarded(: *|$)', ''), ''), NULL, NULL
    FROM told
    WHERE state = 'discarded' AND NOT EXISTS (SELECT FROM acts WHERE action = 'discard' AND at = processed_at)
  )
  SELECT to_jsonb(steps) - 'rank' AS row FROM steps ORDER BY at, rank
`
