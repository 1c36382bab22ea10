import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { SqlError } from "effect/sql"
import { apart } from "./apart.ts"
import { eventRows } from "./eventRows.ts"
import { forgive, refuseFailed } from "./Refusals.ts"

/** How many rows are touched at a time, and how often: what is left comes with the next sweep. */
const page = 1000
const mostPages = 100

/** As `Events.normaliseAgain` says. */
export const normaliseAgain = (sql: PgClient.PgClient): Effect.Effect<number, SqlError.SqlError> => {
  const { allowed, due, normalised } = eventRows(sql)
  const odd = sql`${due} AND coalesce(${normalised} AND events.branch IS NOT NULL, false) IS FALSE AND ${allowed}`

  const touch = (ids: ReadonlyArray<string>) => sql`
    WITH odd AS (
      SELECT events.id FROM events WHERE events.id = ANY (${ids}::text[]::bigint[]) AND ${odd}
      ORDER BY events.id
      -- Whoever is at work on a row leaves it as it is to be.
      FOR UPDATE SKIP LOCKED
    ), touched AS (
      UPDATE events SET processed = false FROM odd WHERE events.id = odd.id RETURNING events.id
    ), forgiven AS (
      ${forgive(sql, "events", "touched")}
    )
    SELECT touched.id FROM touched
  `

  return Effect.gen(function* () {
    let count = 0
    let last = "-9223372036854775808"
    for (let n = 0; n < mostPages; n += 1) {
      const rows = yield* sql<{ readonly id: string }>`
        SELECT events.id::text FROM events WHERE events.id > ${last}::text::bigint AND ${odd}
        ORDER BY events.id LIMIT ${page}
      `
      const ids = rows.map(({ id }) => id)
      const { done, failed } = yield* apart(ids, touch)
      yield* refuseFailed(sql, "events", failed)
      count += done.length
      if (rows.length < page) break
      last = ids.at(-1) ?? last
    }
    return count
  })
}
