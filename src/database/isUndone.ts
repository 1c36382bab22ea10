import type { PgClient } from "@effect/sql-pg"
import type { Statement } from "effect/sql"

/**
 * Not processed, of a row that is found by its number, in words that fit no partial index: where PostgreSQL has not counted
 * a table's waiting rows yet, it would look through all of them for each of the numbers.
 */
export const isUndone = (sql: PgClient.PgClient, table: "events" | "history"): Statement.Fragment =>
  sql`NOT coalesce(${sql(table)}.processed, false)`
