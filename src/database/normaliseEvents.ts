import type { PgClient } from "@effect/sql-pg"
import { Context, Effect } from "effect"
import type { SqlError, Statement } from "effect/sql"
import { sayWhy } from "./Database.ts"
import { eventRows } from "./eventRows.ts"
import { touch } from "./touch.ts"

/**
 * How many events whose branch nobody knows are looked through at a time; the next sweep goes on with the others. What
 * tells a branch runs its events itself, and leaves few behind.
 */
export const MostLookedUp = Context.Reference("jarvis/database/MostLookedUp", {
  defaultValue: () => 20_000
})

interface Looked {
  readonly record: string
  readonly id: string
  readonly isKnown: boolean
  readonly isLast: boolean
}

const beginning = { record: "", id: "0" }

/** As `Events.normaliseAgain` says. */
export const normaliseAgain = (sql: PgClient.PgClient): Effect.Effect<number, SqlError.SqlError> => {
  const { allowed, branchless, due, handled, named } = eventRows(sql)
  const run = (which: Statement.Fragment) => touch(sql, "events")(which, sql`processed = false`)

  const failed = run(sql`
    ${due} AND coalesce(${handled} AND ${named} AND events.branch IS NOT NULL, false) IS FALSE
    AND coalesce(${branchless}, false) IS FALSE AND ${allowed}
  `)

  const has = (table: "cars" | "clients" | "bookings", id: Statement.Fragment) => sql`
    EXISTS (SELECT FROM ${sql(table)} WHERE ${sql(table)}.rentprog_id = ${id} AND ${sql(table)}.branch IS NOT NULL)
  `
  /** The next ones in the order of the index `events_unknown_branch`, as far as a table may tell their branch. */
  const look = (after: { readonly record: string; readonly id: string }, most: number) => sql<Looked>`
    WITH next AS MATERIALIZED (
      SELECT left(events.ext_id, 64) AS record, events.id, events.company_id, split_part(events.type, '_', 1) AS kind,
        id_text(events.payload -> 'company_id') AS company, id_text(events.metadata -> 'branch') AS named,
        id_text(events.payload -> 'car_id') AS car, id_text(events.payload -> 'client_id') AS client
      FROM events
      WHERE ${branchless} AND (left(events.ext_id, 64), events.id) > (${after.record}::text, ${after.id}::text::bigint)
      ORDER BY left(events.ext_id, 64), events.id
      LIMIT ${most}
    ), looked AS (
      SELECT next.record, next.id, row_number() OVER (ORDER BY next.record, next.id) = ${most} AS last,
        EXISTS (
          SELECT FROM branches
          WHERE branches.code <> '' AND (
            branches.company_id = CASE WHEN next.company ~ '^[0-9]{1,18}$' THEN next.company::bigint END
            OR branches.company_id = next.company_id OR branches.code = next.named
          )
        ) OR CASE next.kind
          WHEN 'car'    THEN ${has("cars", sql`next.record`)}
          WHEN 'client' THEN ${has("clients", sql`next.record`)}
          ELSE ${has("bookings", sql`next.record`)} OR ${has("cars", sql`next.car`)} OR ${has("clients", sql`next.client`)}
        END AS known
      FROM next
    )
    SELECT looked.record, looked.id::text, looked.known AS "isKnown", looked.last AS "isLast"
    FROM looked WHERE looked.known OR looked.last
    ORDER BY looked.record, looked.id
  `

  let reached = beginning
  const known = Effect.gen(function* () {
    const looked = yield* look(reached, yield* MostLookedUp)
    const ids = looked.flatMap(({ id, isKnown }) => (isKnown ? [id] : []))
    // The same as the trigger will ask: a row that is run again without need would be asked for again.
    const touched = yield* run(sql`
      events.id = ANY (${ids}::text[]::bigint[]) AND ${branchless} AND ${allowed} AND event_branch(
        events.payload, events.company_id, events.metadata, split_part(events.type, '_', 1), events.ext_id
      ) IS NOT NULL
    `)
    reached = looked.find(({ isLast }) => isLast) ?? beginning
    return touched
  })
  // It looks into the tables of records and of branches: whoever holds one of those holds up no other event.
  const lookUp = Effect.catch(known, (error) =>
    Effect.as(Effect.logWarning(`the branches of parked events could not be looked up: ${sayWhy(error)}`), 0)
  )
  return Effect.zipWith(failed, lookUp, (one, other) => one + other)
}
