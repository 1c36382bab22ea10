/** Which events are due, and what waits with them for the same records. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Option, Result, Schema } from "effect"
import { dedupe, groupBy, map, type NonEmptyReadonlyArray, partition } from "effect/Array"
import type { SqlError } from "effect/sql"
import { Branch } from "../domain/Branch.ts"
import { EntityType, keyText } from "../domain/Entity.ts"
import { EventId, entityOf, eventTypes, meaning, PendingEvent, type Taken } from "../domain/Event.ts"
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
  leastAttempts: Math.min(...rows.map(({ least_attempts }) => least_attempts)),
  upTo: rows[0].up_to
})

/** The types of event that are about a kind of record. */
const typesOf = (kind: string) => eventTypes.filter((type) => meaning[type].entityType === kind)

const Found = Schema.Struct({ kind: EntityType, number: Schema.String })
const decodeFound = Schema.decodeUnknownEffect(Schema.Array(Found))

/**
 * As `Events.take` says. Each statement passes over the waiting rows once or twice at most, even where PostgreSQL has
 * not counted them yet and chooses a bad plan; and it is planned anew each time.
 */
export const take = (sql: PgClient.PgClient) => {
  const { allowed, columns, due, fit, handled, waiting } = eventRows(sql)

  /** The records that the oldest due events are about. */
  const find = (branch: Branch, except: ReadonlyArray<string>) => {
    const held = except.flatMap((key) => {
      const [kind = "", number = ""] = key.split(":")
      return typesOf(kind).map((type) => ({ number, type }))
    })
    const isFree = sql`
      (events.ext_id, events.type) NOT IN (
        SELECT held.ext_id, held.type
        FROM unnest(${held.map(({ number }) => number)}::text[], ${held.map(({ type }) => type)}::text[]) AS held (ext_id, type)
      )
    `
    const isOpen = sql`
      events.branch = ${branch} AND ${due}
      AND NOT EXISTS (SELECT FROM paused_branches WHERE paused_branches.branch = ${branch})
    `
    const soonest = sql<{ readonly busy: number | null }>`
      WITH seen AS (
        SELECT events.id, events.type, events.ext_id, events.ok, events.attempts FROM events
        WHERE ${isOpen}
        ORDER BY events.next_attempt_at, events.id
        LIMIT ${mostSeen}
      ), found AS (
        SELECT events.type, events.ext_id FROM seen AS events WHERE ${isFree} AND ${fit} LIMIT ${batch}
      )
      SELECT DISTINCT split_part(found.type, '_', 1) AS kind, found.ext_id AS number, NULL::int AS busy FROM found
      UNION ALL
      SELECT NULL, NULL, (SELECT count(*)::int FROM seen) WHERE NOT EXISTS (SELECT FROM found)
    `.unprepared
    /** What costs more is asked of the free ones alone. */
    const later = sql`
      SELECT DISTINCT split_part(found.type, '_', 1) AS kind, found.ext_id AS number
      FROM (
        SELECT events.type, events.ext_id
        FROM (
          SELECT events.id, events.type, events.ext_id, events.ok, events.attempts FROM events
          WHERE ${isOpen} AND ${isFree}
          ORDER BY events.next_attempt_at, events.id
          OFFSET 0
        ) AS events
        WHERE ${fit}
        LIMIT ${batch}
      ) AS found
    `.unprepared
    return Effect.flatMap(soonest, (rows) => {
      const busy = rows[0]?.busy ?? null
      if (busy === null) return Effect.orDie(decodeFound(rows))
      // Where all of those are in flight, there may be others behind them.
      return busy < mostSeen
        ? Effect.succeed([])
        : Effect.flatMap(later, (rows) => Effect.orDie(decodeFound(rows)))
    })
  }

  /** What waits for these records. */
  const gather = (branch: Branch, found: ReadonlyArray<typeof Found.Type>) => {
    const isAboutOne = sql.or(
      Object.entries(groupBy(found, ({ kind }) => kind)).map(
        ([kind, records]) => sql`
          events.type = ANY (${typesOf(kind)}::text[])
          AND events.ext_id = ANY (${records.map(({ number }) => number)}::text[])
        `
      )
    )
    return sql<{ readonly id: string }>`
      WITH gathered AS (
        SELECT count(*) > ${mostOfType} AS is_crowded, min(events.attempts) AS least_attempts,
          (array_agg(events.id ORDER BY events.id))[1:${mostOfType}] AS first
        FROM events
        WHERE events.branch = ${branch} AND events.ext_id = ANY (${found.map(({ number }) => number)}::text[])
          AND ${isAboutOne} AND ${waiting} AND ${handled} AND ${allowed}
        GROUP BY events.type, events.ext_id
      )
      SELECT ${columns}, events.next_attempt_at <= now() AS due, gathered.is_crowded, gathered.least_attempts,
        to_jsonb(now()) #>> '{}' AS taken_at, (SELECT max(events.id)::text FROM events) AS up_to
      FROM gathered JOIN events ON events.id = ANY (gathered.first)
      ORDER BY events.id
    `.unprepared
  }

  return Effect.fnUntraced(function* (
    branch: Branch,
    except: ReadonlyArray<string>
  ): Effect.fn.Return<ReadonlyArray<Taken>, SqlError.SqlError> {
    const found = yield* find(branch, except)
    if (found.length === 0) return []
    const rows = yield* gather(branch, found)
    // A row that does not read, whatever somebody made of the table, stops no other.
    const [read, unread] = partition(rows, (row) => Result.fromOption(decodeRow(row), () => row.id))
    const refusals = unread.map((id) => ({ id, since: null, why: "it does not read as an event" }))
    yield* Effect.catch(refuse(sql, "events", refusals), (error) =>
      Effect.logError(`${unread.length} rows do not read as events: ${sayWhy(error)}`)
    )
    return Object.values(groupBy(read, (row) => keyText(entityOf(row)))).map(asTaken)
  })
}
