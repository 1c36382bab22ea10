import type { PgClient } from "@effect/sql-pg"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql"
import { eventRows } from "./eventRows.ts"
import { touch } from "./touch.ts"

/** As `Events.normaliseAgain` says. */
export const normaliseAgain = (sql: PgClient.PgClient): Effect.Effect<number, SqlError.SqlError> => {
  const { allowed, due, normalised } = eventRows(sql)
  return touch(sql, "events")(
    sql`${due} AND coalesce(${normalised} AND events.branch IS NOT NULL, false) IS FALSE AND ${allowed}`,
    sql`processed = false`
  )
}
