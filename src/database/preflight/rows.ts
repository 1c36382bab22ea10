/** What the preflight has to look at rows for. */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { SqlError } from "effect/sql"
import type { Relation } from "../catalog.ts"
import { type Comparison, has, type Pair, pairs } from "./Comparison.ts"
import { type Finding, inSchema } from "./Finding.ts"
import { isOfSameColumns } from "./keys.ts"
import { count, within } from "./names.ts"
import { fitness } from "./types.ts"

/** Whether a table of records has numbers that can be looked at, and nothing that keeps them apart. */
const mayHaveDoubles = ({ brings }: Comparison, { is, isMirror, must }: Pair): boolean => {
  const key = must.indexes.find(({ columns, unique }) => unique && columns.join() === "rentprog_id")
  const number = is.columns.find(({ name }) => name === "rentprog_id")
  const expected = must.columns.find(({ name }) => name === "rentprog_id")
  if (!isMirror || !is.readable || !key || !number || !expected || !brings.indexes.has(key.name)) return false
  const isKept = is.indexes.some(
    (index) => index.unique && index.valid && index.whole && isOfSameColumns(index, key)
  )
  return !isKept && fitness(number, expected)?.level !== "fatal"
}

/** Records that keep the unique key of their numbers from being made. */
export const inspectDoubles = Effect.fnUntraced(function* (sql: PgClient.PgClient, comparison: Comparison) {
  const tables = pairs(comparison).filter((pair) => mayHaveDoubles(comparison, pair))
  const findings = yield* Effect.forEach(tables, ({ is: { name } }) =>
    sql<{ readonly doubles: number; readonly example: string | null }>`
      SELECT count(*)::int AS doubles, min(twice.number) AS example
      FROM (
        SELECT record.rentprog_id::text AS number FROM ${sql(name)} AS record
        WHERE record.rentprog_id IS NOT NULL GROUP BY record.rentprog_id HAVING count(*) > 1
      ) AS twice
    `.pipe(
      Effect.map(([row]): ReadonlyArray<Finding> => {
        if (row === undefined || row.doubles === 0) return []
        return [
          inSchema("fatal", `column ${name}.rentprog_id`, {
            is: `${count(row.doubles, "number")} ${row.doubles === 1 ? "occurs" : "occur"} more than once, such as ${row.example}`,
            must: "unique",
            todo: `leave one of each: SELECT rentprog_id, count(*) FROM ${within(comparison, name)} GROUP BY 1 HAVING count(*) > 1`
          })
        ]
      })
    )
  )
  return findings.flat()
})

/** Who has more rows than this does not need to know how many more. */
const most = 1_000_000

/** How long counting may take. */
const patience = "2s"

const isOutOfTime = (error: unknown): boolean =>
  SqlError.isSqlError(error) && error.reason._tag === "StatementTimeoutError"

/** The rows of a table that are not done, as far as its columns tell. */
const countWaiting = (sql: PgClient.PgClient, relation: Relation) => {
  const processed = relation.columns.find(({ name, type }) => name === "processed" && type === "boolean")
  // The first is what Jarvis has an index for.
  const notDone = processed?.not_null
    ? sql`NOT waiting.processed`
    : processed
      ? sql`waiting.processed IS NOT TRUE`
      : sql`true`
  const notParked = has(relation, "next_attempt_at", "timestamp with time zone")
    ? sql`waiting.next_attempt_at IS DISTINCT FROM 'infinity'`
    : sql`true`
  return Effect.andThen(
    sql`SELECT set_config('statement_timeout', ${patience}, true)`,
    sql<{ readonly rows: number }>`
      SELECT count(*)::int AS rows FROM (
        SELECT FROM ${sql(relation.name)} AS waiting WHERE ${notDone} AND ${notParked} LIMIT ${most + 1}
      ) AS counted
    `
  ).pipe(
    sql.withTransaction,
    Effect.map(([row]) => row?.rows ?? 0),
    Effect.catchIf(isOutOfTime, () => Effect.succeed(null))
  )
}

/** How much work there is for Jarvis once it runs. */
export const inspectWaiting = Effect.fnUntraced(function* (sql: PgClient.PgClient, comparison: Comparison) {
  const tables = pairs(comparison).filter(
    ({ is }) => (is.name === "events" || is.name === "history") && is.readable
  )
  const findings = yield* Effect.forEach(tables, ({ is }) =>
    Effect.map(countWaiting(sql, is), (rows): ReadonlyArray<Finding> => {
      if (rows === 0) return []
      const some =
        rows === null ? "many rows" : rows > most ? `at least ${count(most, "row")}` : count(rows, "row")
      return [
        inSchema("harmless", `table ${is.name}`, {
          is: `with ${some} to be processed`,
          must: "without",
          todo: "nothing: Jarvis processes them"
        })
      ]
    })
  )
  return findings.flat()
})
