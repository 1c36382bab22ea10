/** Which events are due, and what waits with them for the same records. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Option, Result, Schema } from "effect"
import { dedupe, groupBy, map, type NonEmptyReadonlyArray, partition } from "effect/Array"
import type { SqlError } from "effect/sql"
import { Branch } from "../domain/Branch.ts"
import { keyText } from "../domain/Entity.ts"
import { EventId, entityOf, eventTypes, PendingEvent, type Taken } from "../domain/Event.ts"
import { sayWhy } from "./Database.ts"
import { eventRows } from "./eventRows.ts"
import { refuse } from "./Refusals.ts"

/**
 * How many events a branch takes at a time. The more it sees at once, the better the choice between single reads and list
 * pages; the fewer, the sooner new ones get their turn.
 */
const batch = 500

/** How many due events are looked through for those, because any number of them may be about records in flight. */
const mostSeen = 5000

/** How many events of each type come with a record. The others of a crowded one are read when they are settled. */
const mostOfType = 10

const decodeBranch = Schema.decodeUnknownOption(Schema.Struct({ branch: Branch }))

/** The branches that have something due and are not paused. */
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
      WHERE NOT EXISTS (SELECT FROM paused_branches WHERE paused_branches.branch = known.branch)
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
const decodeRow = Schema.decodeUnknownOption(TakenRow)

const asTaken = (rows: NonEmptyReadonlyArray<TakenRow>): Taken => ({
  branch: rows[0].branch,
  record: entityOf(rows[0]),
  events: map(rows, ({ is_crowded: _, least_attempts: __, up_to: ___, ...event }) => event),
  crowded: dedupe(rows.flatMap(({ is_crowded, type }) => (is_crowded ? [type] : []))),
  leastAttempts: rows[0].least_attempts,
  upTo: rows[0].up_to
})

/** As `Events.take` says. */
export const take = (sql: PgClient.PgClient) => {
  const { columns, due, fit, waiting } = eventRows(sql)

  return Effect.fnUntraced(function* (
    branch: Branch,
    except: ReadonlyArray<string>
  ): Effect.fn.Return<ReadonlyArray<Taken>, SqlError.SqlError> {
    const rows = yield* sql<{ readonly id: string }>`
      WITH RECURSIVE seen AS (
        SELECT events.type, events.ext_id, ${fit} AS is_fit
        FROM events
        WHERE events.branch = ${branch} AND ${due}
          AND NOT EXISTS (SELECT FROM paused_branches WHERE paused_branches.branch = ${branch})
        ORDER BY events.next_attempt_at, events.id
        LIMIT ${mostSeen}
      ), soonest AS (
        SELECT seen.type, seen.ext_id FROM seen
        WHERE seen.is_fit AND split_part(seen.type, '_', 1) || ':' || seen.ext_id <> ALL (${except}::text[])
        LIMIT ${batch}
      ), numbers AS (
        -- Where all that was seen is in flight: from one record's number to the next, past all the rows of each.
        SELECT CASE WHEN NOT EXISTS (SELECT FROM soonest) AND (SELECT count(*) FROM seen) = ${mostSeen} THEN (
          SELECT min(events.ext_id) FROM events WHERE events.branch = ${branch} AND ${waiting}
        ) END AS ext_id
        UNION ALL
        SELECT (
          SELECT min(events.ext_id) FROM events
          WHERE events.branch = ${branch} AND ${waiting} AND events.ext_id > numbers.ext_id
        ) FROM numbers WHERE numbers.ext_id IS NOT NULL
      ), later AS (
        SELECT idle.type, numbers.ext_id FROM numbers CROSS JOIN LATERAL (
          SELECT events.type FROM events
          WHERE events.branch = ${branch} AND events.ext_id = numbers.ext_id AND ${due} AND ${fit}
            AND events.type = ANY (ARRAY(
              SELECT known.type FROM unnest(${[...eventTypes]}::text[]) AS known (type)
              WHERE split_part(known.type, '_', 1) || ':' || numbers.ext_id <> ALL (${except}::text[])
            ))
          LIMIT 1
        ) AS idle
        LIMIT ${batch}
      ), wanted AS (
        SELECT DISTINCT split_part(found.type, '_', 1) AS kind, found.ext_id
        FROM (SELECT soonest.* FROM soonest UNION ALL SELECT later.* FROM later) AS found
      )
      SELECT gathered.*, to_jsonb(now()) #>> '{}' AS taken_at, (SELECT max(events.id)::text FROM events) AS up_to
      FROM wanted CROSS JOIN LATERAL (
        SELECT ${columns}, events.next_attempt_at <= now() AS due,
          row_number() OVER (PARTITION BY events.type ORDER BY events.next_attempt_at, events.id) AS place,
          count(*) OVER (PARTITION BY events.type) > ${mostOfType} AS is_crowded,
          min(events.attempts) OVER () AS least_attempts
        FROM events
        WHERE events.branch = ${branch} AND events.ext_id = wanted.ext_id AND ${waiting} AND ${fit}
          AND split_part(events.type, '_', 1) = wanted.kind
      ) AS gathered
      WHERE gathered.place <= ${mostOfType}
      ORDER BY gathered.id::bigint
    `
    // A row that does not read, whatever somebody made of the table, stops no other.
    const [read, unread] = partition(rows, (row) => Result.fromOption(decodeRow(row), () => row.id))
    const refusals = unread.map((id) => ({ id, since: null, why: "it does not read as an event" }))
    yield* Effect.catch(refuse(sql, "events", refusals), (error) =>
      Effect.logError(`${unread.length} rows do not read as events: ${sayWhy(error)}`)
    )
    return Object.values(groupBy(read, (row) => keyText(entityOf(row)))).map(asTaken)
  })
}
