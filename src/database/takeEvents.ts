/** Which events are due, and what waits with them for the same records. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Option, Schema } from "effect"
import { dedupe, groupBy, map, type NonEmptyReadonlyArray } from "effect/Array"
import type { SqlError } from "effect/sql"
import { Branch } from "../domain/Branch.ts"
import { keyText } from "../domain/Entity.ts"
import { EventId, entityOf, PendingEvent, type Taken } from "../domain/Event.ts"
import { eventRows } from "./eventRows.ts"

/**
 * How many events a branch takes at a time. The more it sees at once, the better the choice between single reads and list
 * pages; the fewer, the sooner new ones get their turn.
 */
const batch = 500

/** How many events of each type come with a record. The others of a crowded one are read when they are settled. */
const mostOfType = 10

const decodeBranch = Schema.decodeUnknownOption(Schema.Struct({ branch: Branch }))

/** As `Events.branchesDue` says. */
export const branchesDue = (
  sql: PgClient.PgClient
): Effect.Effect<ReadonlyArray<Branch>, SqlError.SqlError> => {
  const { allowed, due, waiting } = eventRows(sql)
  return Effect.map(
    sql`
      -- From one branch to the next, past all the rows of each.
      WITH RECURSIVE known AS (
        (SELECT min(events.branch) AS branch FROM events WHERE ${waiting})
        UNION ALL
        SELECT (SELECT min(events.branch) FROM events WHERE ${waiting} AND events.branch > known.branch)
        FROM known WHERE known.branch IS NOT NULL
      )
      SELECT known.branch
      FROM known CROSS JOIN LATERAL (
        SELECT FROM events WHERE events.branch = known.branch AND ${due} AND ${allowed} LIMIT 1
      ) AS something
      UNION
      SELECT paused_branches.branch FROM paused_branches
    `,
    (rows) => rows.flatMap((row) => Option.toArray(Option.map(decodeBranch(row), ({ branch }) => branch)))
  )
}

const TakenRow = Schema.Struct({
  ...PendingEvent.fields,
  is_crowded: Schema.Boolean,
  least_attempts: Schema.Int,
  up_to: EventId
})
type TakenRow = typeof TakenRow.Type
const decodeRows = Schema.decodeUnknownEffect(Schema.Array(TakenRow))

const asTaken = (rows: NonEmptyReadonlyArray<TakenRow>): Taken => ({
  branch: rows[0].branch,
  record: entityOf(rows[0]),
  events: map(rows, ({ is_crowded: _, least_attempts: __, up_to: ___, ...event }) => event),
  crowded: dedupe(rows.flatMap(({ is_crowded, type }) => (is_crowded ? [type] : []))),
  leastAttempts: Math.min(...rows.map(({ least_attempts }) => least_attempts)),
  upTo: rows[0].up_to
})

/** Whether more may be due than was taken. */
export const isPart = (taken: ReadonlyArray<Taken>): boolean =>
  taken.some(({ crowded }) => crowded.length > 0) ||
  taken.flatMap(({ events }) => events.filter(({ due }) => due)).length >= batch

/** As `Events.take` says. The function is planned once for each session: planning costs more than the rest. */
export const take = (sql: PgClient.PgClient) =>
  Effect.fnUntraced(function* (
    branch: Branch,
    except: ReadonlyArray<string>
  ): Effect.fn.Return<ReadonlyArray<Taken>, SqlError.SqlError> {
    const rows = yield* sql`
      SELECT taken.* FROM take_events(${branch}, ${except}::text[], ${batch}::int, ${mostOfType}::int) AS taken
    `
    const taken = yield* Effect.orDie(decodeRows(rows))
    return Object.values(groupBy(taken, (row) => keyText(entityOf(row)))).map(asTaken)
  })
