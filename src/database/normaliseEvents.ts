import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { SqlError, Statement } from "effect/sql"
import { sayWhy } from "./Database.ts"
import { eventRows } from "./eventRows.ts"
import { touch } from "./touch.ts"

/** As `Events.normaliseAgain` says. */
export const normaliseAgain = (sql: PgClient.PgClient): Effect.Effect<number, SqlError.SqlError> => {
  const { allowed, branchless, due, handled, named } = eventRows(sql)
  const run = (which: Statement.Fragment) => touch(sql, "events")(which, sql`processed = false`)

  const failed = run(sql`
    ${due} AND coalesce(${handled} AND ${named} AND events.branch IS NOT NULL, false) IS FALSE
    AND coalesce(${branchless}, false) IS FALSE AND ${allowed}
  `)
  const known = run(sql`
    ${branchless} AND ${allowed} AND event_branch(
      events.payload, events.company_id, events.metadata, split_part(events.type, '_', 1), events.ext_id
    ) IS NOT NULL
  `)
  // It looks into the tables of records and of branches: whoever holds one of those holds up no other event.
  const lookUp = Effect.catch(known, (error) =>
    Effect.as(Effect.logWarning(`the branches of parked events could not be looked up: ${sayWhy(error)}`), 0)
  )
  return Effect.zipWith(failed, lookUp, (one, other) => one + other)
}
