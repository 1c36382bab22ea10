import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { Who } from "../domain/Action.ts"
import { eventTypes } from "../domain/Event.ts"
import { RowId, Table } from "../domain/Row.ts"
import type { Audit } from "./Audit.ts"
import { decodeRows } from "./decode.ts"

/** The audit has no such action. */
export class NoSuchAction extends Schema.TaggedError<NoSuchAction>()("NoSuchAction", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/** The action cannot be taken back, or no longer. */
export class NotUndoable extends Schema.TaggedError<NotUndoable>()("NotUndoable", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

const decodeUndone = decodeRows(
  Schema.Struct({ action: Schema.String, table: Schema.NullOr(Table), undone: Schema.Boolean })
)
const decodeIds = decodeRows(RowId)

/**
 * Takes a discard back, within a transaction: its rows stand as they stood before. Those that somebody has run or
 * discarded again since are left alone.
 */
export const undo = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  audit: Audit["Service"],
  id: RowId,
  who: Who
) {
  const [action] = yield* sql`
    SELECT to_jsonb(found.*) AS row
    FROM (
      SELECT act.action, act.source_table AS "table", act.undone_by IS NOT NULL AS undone
      FROM operator_actions AS act WHERE act.id = ${id}::bigint
    ) AS found
  `.pipe(Effect.flatMap(decodeUndone))
  if (action === undefined) return yield* new NoSuchAction({ detail: `There is no action ${id}.` })
  const { table, undone } = action
  if (action.action !== "discard" || table === null) {
    return yield* new NotUndoable({ detail: `Action ${id} is no discard: only a discard can be undone.` })
  }
  if (undone) return yield* new NotUndoable({ detail: `Action ${id} was undone already.` })

  const rows = sql(table)
  const ids = yield* sql`
    SELECT to_jsonb(one.id::text) AS row
    FROM operator_action_rows AS touched
    JOIN operator_actions AS act ON act.id = touched.action_id
    JOIN ${rows} AS one ON one.id = touched.row_id
    -- A discard and what it does are of one instant; no other touch of the row leaves it.
    WHERE touched.action_id = ${id}::bigint AND one.processed AND one.ok = false AND one.processed_at = act.at
    ORDER BY one.id
    FOR UPDATE OF one
  `.pipe(Effect.flatMap(decodeIds))
  if (ids.length === 0) {
    return yield* new NotUndoable({ detail: `No row is as action ${id} left it: nothing is left to undo.` })
  }
  const undoing = yield* audit.record({ action: "undo", table, ids }, who)
  yield* sql`UPDATE operator_actions AS act SET undone_by = ${undoing}::bigint WHERE act.id = ${id}::bigint`

  yield* sql`
    UPDATE ${rows} AS one
    SET processed       = false,
        ok              = (touched.before ->> 'ok')::boolean,
        reason          = touched.before ->> 'reason',
        attempts        = (touched.before ->> 'attempts')::int,
        -- Book-keeping, which the trigger leaves alone.
        revision        = coalesce(one.revision, 0) + 1,
        next_attempt_at = coalesce((touched.before ->> 'next_attempt_at')::timestamptz, now()),
        processed_at    = (touched.before ->> 'processed_at')::timestamptz
    FROM operator_action_rows AS touched
    WHERE touched.action_id = ${id}::bigint AND touched.row_id = one.id AND one.id = ANY (${ids}::text[]::bigint[])
  `
  // As the trigger would. Entries of the log are found by their sweep, and so is what the trigger has not normalised.
  if (table === "events") {
    yield* sql`
      SELECT pg_notify(notification_channel('rentprog_event_auto_process'), concat_ws('|', one.id, one.branch, one.type, one.ext_id))
      FROM events AS one
      WHERE one.id = ANY (${ids}::text[]::bigint[]) AND one.next_attempt_at <= now()
        AND one.type = ANY (${[...eventTypes]}) AND one.ext_id ~ '^[A-Za-z0-9_-]{1,64}$'
        AND one.branch ~ '^[^|]{1,100}$'
    `
  }
  return { action: undoing, table, count: ids.length }
})
