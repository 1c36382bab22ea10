/** What people did: the tables `operator_actions` and `operator_action_rows`, and its share of `entity_timeline`. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { Action, type Who } from "../domain/Action.ts"
import { RowFilter, RowId, type Table } from "../domain/Row.ts"
import { decodeRows } from "./decode.ts"
import { type Page, toPage } from "./Page.ts"
import { entities } from "./rowQuery.ts"
import { storable, storableText } from "./storable.ts"
import { asUnanswered, type Unanswered } from "./Unanswered.ts"

const pageSize = 50

const decodeActions = decodeRows(Action)
const decodeIds = decodeRows(RowId)
const encodeFilter = Schema.encodeEffect(RowFilter)

/** An act, about to be done to rows or to a branch. */
export type Act =
  | {
      readonly action: "retry" | "discard" | "undo"
      readonly table: Table
      readonly ids: ReadonlyArray<RowId>
      readonly filter?: RowFilter | undefined
      readonly reason?: string | undefined
    }
  | { readonly action: "pause" | "resume"; readonly branch: string }

/** Says in the log what was done by whom. Filters and reasons stay out: they may name people. */
export const logAct = (
  act: { readonly action: string; readonly [about: string]: string | number },
  { name }: Who
): Effect.Effect<void> =>
  Effect.logInfo("an operator acted").pipe(Effect.annotateLogs({ ...act, operator: name }))

export class Audit extends Context.Service<
  Audit,
  {
    /**
     * Writes an act down in the transaction that does it, and before it is done: how rows stand before a discard is what
     * an undo writes back. Each record that a row is about has it in its timeline. Answers the action's number.
     */
    readonly record: (act: Act, who: Who) => Effect.Effect<RowId, SqlError.SqlError>
    /** The newest first, 50 at a time. */
    readonly list: (before?: RowId) => Effect.Effect<Page<Action>, Unanswered>
  }
>()("jarvis/database/Audit") {
  static readonly layer: Layer.Layer<Audit, never, PgClient.PgClient> = Layer.effect(
    Audit,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      const writeAction = Effect.fnUntraced(function* (act: Act, { address, name }: Who) {
        const about =
          "branch" in act
            ? { branch: act.branch }
            : {
                source_table: act.table,
                count: act.ids.length,
                reason: act.reason,
                filter: act.filter && (yield* Effect.orDie(encodeFilter(act.filter)))
              }
        const [id] = yield* sql`
          INSERT INTO operator_actions (by, address, action, source_table, branch, filter, reason, count)
          SELECT act.by, act.address, act.action, act.source_table, act.branch, act.filter, act.reason,
            coalesce(act.count, 0)
          FROM jsonb_to_record(${sql.json(storable({ by: name, address, action: act.action, ...about }))}) AS act (
            by text, address text, action text, source_table text, branch text, filter jsonb, reason text, count int
          )
          RETURNING to_jsonb(operator_actions.id::text) AS row
        `.pipe(Effect.flatMap(decodeIds))
        return id ?? (yield* Effect.die("the action was not written down"))
      })

      return Audit.of({
        record: Effect.fnUntraced(function* (act, who) {
          const id = yield* writeAction(act, who)
          if ("branch" in act) return id
          const { action, ids, table } = act
          yield* sql`
            INSERT INTO operator_action_rows (action_id, row_id, before)
            SELECT ${id}::bigint, one.id, CASE WHEN ${action}::text = 'discard' THEN jsonb_build_object(
              'ok', one.ok, 'reason', one.reason, 'attempts', one.attempts::int, 'next_attempt_at', one.next_attempt_at,
              'processed_at', one.processed_at
            ) END
            FROM ${sql(table)} AS one WHERE one.id = ANY (${ids}::text[]::bigint[])
          `
          yield* sql`
            INSERT INTO entity_timeline (entity_type, entity_id, branch, source, source_id, operation, user_name)
            SELECT concerned.entity_type, concerned.entity_id, concerned.branch, 'operator',
              ${table}::text || ':' || concerned.id, ${action}, ${storableText(who.name)}
            FROM (${entities(sql, table, ids)}) AS concerned
          `
          return id
        }),

        list: (before) =>
          sql`
            SELECT to_jsonb(found.*) AS row
            FROM (
              SELECT act.id::text, act.at, act.by, act.address, act.action, act.source_table AS "table", act.branch,
                act.filter, act.reason, act.count, act.action = 'discard' AND act.undone_by IS NULL AS undoable
              FROM operator_actions AS act
              WHERE ${before === undefined ? sql`true` : sql`act.id < ${before}::bigint`}
              ORDER BY act.id DESC
              LIMIT ${pageSize + 1}
            ) AS found
            ORDER BY found.id::bigint DESC
          `.pipe(
            asUnanswered,
            Effect.flatMap(decodeActions),
            Effect.map((found) => toPage(found, pageSize)),
            Effect.withSpan("Audit.list")
          )
      })
    })
  )
}
