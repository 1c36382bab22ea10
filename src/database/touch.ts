import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { SqlError, Statement } from "effect/sql"
import { apart } from "./apart.ts"
import { forgive, refuseFailed, type Source } from "./Refusals.ts"
import { Suppressed } from "./refusal.ts"

/** How many rows are touched at a time, and how often: what is left comes with the next sweep. */
const page = 1000
const mostPages = 100

/**
 * Updates all rows of a table of which a condition is true, in pages of a transaction each; the trigger has its way with
 * them. Rows that somebody is at work on are left as they are to be. Answers how many rows were updated.
 */
export const touch = (sql: PgClient.PgClient, table: Source) => {
  const rows = sql(table)

  return Effect.fnUntraced(function* (
    condition: Statement.Fragment,
    set: Statement.Fragment
  ): Effect.fn.Return<number, SqlError.SqlError> {
    const update = (ids: ReadonlyArray<string>) =>
      Effect.filterOrFail(
        sql`
          WITH touched AS (
            UPDATE ${rows} SET ${set} WHERE ${rows}.id = ANY (${ids}::text[]::bigint[]) RETURNING ${rows}.id
          ), forgiven AS (
            ${forgive(sql, table, "touched")}
          )
          SELECT touched.id FROM touched
        `,
        ({ length }) => length === ids.length,
        () => new Suppressed()
      ).pipe(sql.withTransaction)

    let touched = 0
    const touchPage = (after: string) =>
      Effect.gen(function* () {
        const found = yield* sql<{ readonly id: string }>`
          SELECT ${rows}.id::text FROM ${rows}
          WHERE ${rows}.id > ${after}::text::bigint AND ${condition}
          ORDER BY ${rows}.id
          LIMIT ${page}
          FOR NO KEY UPDATE SKIP LOCKED
        `
        const ids = found.map(({ id }) => id)
        const { done, failed } = yield* apart(ids, update)
        yield* refuseFailed(sql, table, failed)
        touched += done.length
        return ids.length < page ? undefined : ids.at(-1)
      }).pipe(sql.withTransaction)

    let after: string | undefined = "-9223372036854775808"
    for (let n = 0; n < mostPages && after !== undefined; n += 1) after = yield* touchPage(after)
    return touched
  })
}
