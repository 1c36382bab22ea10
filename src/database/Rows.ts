/** The tables `events` and `history`, as a person looks at them. */
import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Option, Semaphore, Struct } from "effect"
import { Row, type RowFilter, type RowId, RowSummary, Step, type Table } from "../domain/Row.ts"
import { decodeRows } from "./decode.ts"
import { type Page, toPage } from "./Page.ts"
import { matching, patience, summary } from "./rowQuery.ts"
import { rowStory } from "./rowStory.ts"
import { shown } from "./shown.ts"
import { asUnanswered, Unanswered } from "./Unanswered.ts"
import { within } from "./within.ts"

/** How many searches run at a time; more would leave the events without connections. */
const searchers = 3

const decodeSummaries = decodeRows(RowSummary)
const decodeStory = decodeRows(Step)
const decodeFound = decodeRows(Row.mapFields(Struct.omit(["story"])))

export class Rows extends Context.Service<
  Rows,
  {
    /** Rows that match, at most `limit`, of which 50 is the default. One that takes longer than 10 s fails. */
    readonly list: (
      table: Table,
      filter: RowFilter,
      page: { readonly before?: RowId | undefined; readonly limit?: number | undefined }
    ) => Effect.Effect<Page<RowSummary>, Unanswered>
    /** A row and what happened to it. */
    readonly one: (table: Table, id: RowId) => Effect.Effect<Option.Option<Row>, Unanswered>
  }
>()("jarvis/database/Rows") {
  static readonly layer: Layer.Layer<Rows, never, PgClient.PgClient> = Layer.effect(
    Rows,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const searching = yield* Semaphore.make(searchers)

      return Rows.of({
        list: (table, filter, { before, limit = 50 }) =>
          Effect.andThen(
            sql`SELECT set_config('statement_timeout', ${patience}, true)`,
            sql`
              SELECT to_jsonb(found.*) AS row
              FROM (
                SELECT ${summary(sql, table)} FROM ${sql(table)}
                WHERE ${matching(sql, table, filter)}
                  AND ${before === undefined ? sql`true` : sql`${sql(table)}.id < ${before}::bigint`}
                ORDER BY ${sql(table)}.id DESC
                LIMIT ${limit + 1}
              ) AS found
              ORDER BY found.id::bigint DESC
            `
          ).pipe(
            sql.withTransaction,
            asUnanswered,
            // A frozen server does not even answer the end of a transaction.
            within(Duration.seconds(12)),
            Effect.catchTag("DatabaseError", ({ detail }) =>
              Effect.fail(new Unanswered({ why: "away", detail }))
            ),
            searching.withPermits(1),
            Effect.flatMap(decodeSummaries),
            Effect.map((found) => toPage(found, limit)),
            Effect.withSpan("Rows.list")
          ),

        one: (table, id) =>
          Effect.gen(function* () {
            const [row] = yield* sql`
              SELECT to_jsonb(found.*) AS row
              FROM (
                SELECT ${summary(sql, table)}, ${sql(table)}.trace_id, shown.columns, shown.cut
                FROM ${sql(table)}, ${shown(sql, table)} WHERE ${sql(table)}.id = ${id}::bigint
              ) AS found
            `.pipe(Effect.flatMap(decodeFound))
            if (row === undefined) return Option.none()
            const story = yield* Effect.flatMap(rowStory(sql, table, id), decodeStory)
            return Option.some({ ...row, story })
          }).pipe(asUnanswered, Effect.withSpan("Rows.one"))
      })
    })
  )
}
