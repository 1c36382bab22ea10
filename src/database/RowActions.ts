/**
 * What a person does about rows: runs them again, decides that they need no processing, takes that back. An act is one
 * transaction, and takes 10,000 rows at most.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import type { Statement } from "effect/sql"
import type { Done, Who } from "../domain/Action.ts"
import { type RowFilter, RowId, type Table } from "../domain/Row.ts"
import { Audit, logAct } from "./Audit.ts"
import { decodeRows } from "./decode.ts"
import { forgive } from "./Refusals.ts"
import { matching, patience } from "./rowQuery.ts"
import { storableText } from "./storable.ts"
import { asUnanswered, type Unanswered, unanswered } from "./Unanswered.ts"
import { type NoSuchAction, type NotUndoable, undo } from "./undo.ts"

/** How long a statement of an act may take: some thousand log entries are read in a second. */
const actPatience = "25s"

/** How many rows an act takes. */
export const mostRows = 10_000

const decodeIds = decodeRows(RowId)

/** Which rows an act is about. */
export interface Which {
  readonly table: Table
  /** These, or all that match `filter`. */
  readonly ids?: ReadonlyArray<RowId> | undefined
  readonly filter?: RowFilter | undefined
  /** Only count them. */
  readonly dryRun?: boolean | undefined
}

export class RowActions extends Context.Service<
  RowActions,
  {
    /** Runs rows again. Of a filter without a state, those that are not done. */
    readonly retry: (which: Which, who: Who) => Effect.Effect<Done, Unanswered>
    /** Decides that rows need no processing. Those that are done are left alone. */
    readonly discard: (which: Which, reason: string, who: Who) => Effect.Effect<Done, Unanswered>
    /** Takes a discard back: its rows stand as they stood before, apart from those that were run again since. */
    readonly undo: (action: RowId, who: Who) => Effect.Effect<Done, Unanswered | NoSuchAction | NotUndoable>
  }
>()("jarvis/database/RowActions") {
  static readonly layer: Layer.Layer<RowActions, never, PgClient.PgClient | Audit> = Layer.effect(
    RowActions,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const audit = yield* Audit

      const of = (table: Table, ids: ReadonlyArray<RowId>) =>
        sql`${sql(table)}.id = ANY (${ids}::text[]::bigint[])`

      /** Finds the rows and holds them. Of more than an act takes there is one more than that. */
      const take = Effect.fnUntraced(function* (
        { dryRun, filter, ids, table }: Which,
        { order, whose }: { readonly order: Statement.Fragment; readonly whose: Statement.Fragment }
      ) {
        const rows = sql(table)
        const wanted = sql.and([
          matching(sql, table, filter ?? {}),
          whose,
          ids === undefined ? sql`true` : of(table, ids)
        ])
        yield* sql`SELECT set_config('statement_timeout', ${patience}, true)`
        const found = yield* Effect.flatMap(
          sql`
            SELECT to_jsonb(${rows}.id::text) AS row FROM ${rows} WHERE ${wanted}
            ORDER BY ${order} LIMIT ${mostRows + 1}
          `,
          decodeIds
        )
        const more = found.length > mostRows
        const chosen = found.slice(0, mostRows)
        if (dryRun) return { ids: chosen, more }
        // In one order for all who hold rows, and as they are by now.
        const held = yield* Effect.flatMap(
          sql`
            SELECT to_jsonb(${rows}.id::text) AS row FROM ${rows} WHERE ${of(table, chosen)} AND ${wanted}
            ORDER BY ${rows}.id FOR UPDATE
          `,
          decodeIds
        )
        yield* sql`SELECT set_config('statement_timeout', ${actPatience}, true)`
        return { ids: held, more }
      })

      /** Finds the rows, writes the act down and does it. */
      const act = (
        { reason, ...what }: { readonly action: "retry" | "discard"; readonly reason?: string },
        which: Which,
        who: Who,
        rows: { readonly order: Statement.Fragment; readonly whose: Statement.Fragment },
        set: Statement.Fragment
      ): Effect.Effect<Done, Unanswered> =>
        Effect.gen(function* () {
          const { ids, more } = yield* take(which, rows)
          const { dryRun, filter, table } = which
          if (dryRun || ids.length === 0) return { action: null, count: ids.length, more }
          const action = yield* audit.record({ ...what, table, ids, filter, reason }, who)
          // What has refused before takes this: it need not wait any longer.
          yield* sql`
            WITH touched AS (
              UPDATE ${sql(table)} SET ${set} WHERE ${of(table, ids)} RETURNING ${sql(table)}.id
            )
            ${forgive(sql, table, "touched")}
          `
          return { action, count: ids.length, more }
        }).pipe(
          sql.withTransaction,
          asUnanswered,
          Effect.tap(({ action, count }) =>
            action === null ? Effect.void : logAct({ action: what.action, table: which.table, count }, who)
          ),
          Effect.withSpan(`RowActions.${what.action}`)
        )

      return RowActions.of({
        retry: (which, who) =>
          act(
            { action: "retry" },
            which,
            who,
            {
              whose:
                which.filter && which.filter.state === undefined
                  ? sql`NOT ${sql(which.table)}.processed`
                  : sql`true`,
              // What has failed comes first, so that whoever does it again gets on.
              order: sql`${sql(which.table)}.reason IS NULL, ${sql(which.table)}.id`
            },
            sql`processed = false`
          ),

        discard: (which, reason, who) =>
          act(
            { action: "discard", reason },
            which,
            who,
            { whose: sql`NOT ${sql(which.table)}.processed`, order: sql`${sql(which.table)}.id` },
            sql`
              processed = true, ok = false, reason = 'discarded: ' || ${storableText(reason)}::text,
              processed_at = now(), next_attempt_at = NULL
            `
          ),

        undo: (id, who) =>
          undo(sql, audit, id, who).pipe(
            sql.withTransaction,
            Effect.catchTag("SqlError", (error) => Effect.fail(unanswered(error))),
            Effect.tap(({ count, table }) => logAct({ action: "undo", table, count }, who)),
            Effect.map(({ action, count }) => ({ action, count, more: false })),
            Effect.withSpan("RowActions.undo")
          )
      })
    })
  )
}
