/** The events of a crowded record, of which `take` reads the first few alone: settled by PostgreSQL itself, page by page. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, type Exit, Option, Result, Schema, Semaphore } from "effect"
import type { SqlError } from "effect/sql"
import { PendingEvent, type Taken } from "../domain/Event.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { type Counted, countEvents } from "./countEvents.ts"
import { asDatabaseError } from "./Database.ts"
import {
  type Ending,
  type Outcome,
  outcomeOf,
  settling,
  storableReason,
  unsettled,
  waitOf
} from "./eventOutcomes.ts"
import { eventRows } from "./eventRows.ts"
import type { Settled } from "./settleEvents.ts"

/** How many are settled at a time. */
const mostInPage = 2000

/** How many pages are under way at once, of whatever records: the pool's other connections are for everybody else. */
const pagesAtOnce = 2

/** How many events came to stand how. */
export interface Tally {
  readonly processed: number
  readonly waiting: number
  readonly parked: number
  readonly refusing: number
  /** Somebody holds the row: it stays as it is. */
  readonly locked: number
}

/** Null of one that somebody has touched meanwhile. */
const standingOf = (settled: Settled): keyof Tally | null => {
  if (settled === "refused") return "refusing"
  if (settled === "touched") return null
  if (settled === "locked") return "locked"
  if (settled.processed) return "processed"
  return settled.retryIn === null ? "parked" : "waiting"
}

/** What became of a page. */
interface Page {
  /** How many rows were to be settled, and the last of them. */
  readonly picked: number
  readonly last: string | null
  readonly locked: number
  /** A trigger or a policy of the table lets nothing through for these. */
  readonly suppressed: number
  /** Those that were, by how they stand. */
  readonly settled: ReadonlyArray<Counted & { readonly processed: boolean; readonly parked: boolean }>
}

const statements = (sql: PgClient.PgClient) => {
  const { columns, fit, waiting } = eventRows(sql)

  /** The events after the row `last`, in the order of their numbers, which nothing changes: no row is met twice. */
  const isOther = ({ branch, crowded, events, record, upTo }: Taken, { processed }: Ending, last: string) => {
    const { taken_at } = events[0]
    return sql`
      events.branch = ${branch} AND events.ext_id = ${record.entityId} AND events.type = ANY (${crowded})
      AND ${waiting} AND ${fit}
      AND events.id > ${last}::text::bigint AND events.id <= ${upTo}::text::bigint
      AND events.id <> ALL (${events.map(({ id }) => id)}::text[]::bigint[])
      -- A success settles those that failed before and wait for their time. Any other that was not due has been touched since.
      AND (events.next_attempt_at <= ${taken_at}::timestamptz OR ${processed} AND events.attempts > 0)
    `
  }

  return {
    settlePage: (taken: Taken, ending: Ending, last: string): Effect.Effect<Page, SqlError.SqlError> =>
      Effect.map(
        sql<{ readonly page: Page }>`
          ${settling(
            sql,
            sql`
              SELECT events.id, events.branch, events.type, events.ext_id, events.attempts,
                ${taken.events[0].taken_at}::timestamptz AS taken_at, ${ending.processed}::boolean AS processed,
                ${storableReason(ending.reason)}::text AS reason,
                -- Beyond the last one there is none, and the row is parked.
                (${ending.waits.map((wait) => waitOf(ending.took, wait))}::float8[])[events.attempts + 1] AS wait,
                ${ending.traceId}::text AS trace_id
              FROM events
              WHERE ${isOther(taken, ending, last)}
              ORDER BY events.id
              LIMIT ${mostInPage}
            `
          )}, others AS (
            ${unsettled(sql)}
          )
          SELECT jsonb_build_object(
            'picked', (SELECT count(*) FROM outcome),
            'last', (SELECT max(outcome.id)::text FROM outcome),
            'locked', (SELECT count(*) FROM others WHERE others.became = 'locked'),
            'suppressed', (SELECT count(*) FROM others WHERE others.became = 'suppressed'),
            'settled', (
              SELECT coalesce(jsonb_agg(alike.*), '[]')
              FROM (
                SELECT settled.branch, settled.type, settled.processed, settled.reason, settled.parked, count(*) AS count,
                  coalesce(jsonb_agg(settled.seconds) FILTER (WHERE settled.seconds IS NOT NULL), '[]') AS seconds
                FROM settled
                GROUP BY settled.branch, settled.type, settled.processed, settled.reason, settled.parked
              ) AS alike
            )
          ) AS page
        `.unprepared,
        ([row]) => row?.page ?? { picked: 0, last: null, locked: 0, suppressed: 0, settled: [] }
      ),

    readPage: (taken: Taken, ending: Ending, last: string) => {
      const { taken_at } = taken.events[0]
      return sql<{ readonly id: string }>`
        SELECT ${columns}, events.next_attempt_at <= ${taken_at}::timestamptz AS due, ${taken_at}::text AS taken_at
        FROM events
        WHERE ${isOther(taken, ending, last)}
        ORDER BY events.id
        LIMIT ${mostInPage}
      `.unprepared
    }
  }
}

const decode = Schema.decodeUnknownOption(PendingEvent)

/** As `Events.settleRest` says. */
export const settleRest = (
  sql: PgClient.PgClient,
  settleEach: (
    outcomes: ReadonlyArray<Outcome>
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<Settled, DatabaseError>>>
) => {
  const { readPage, settlePage } = statements(sql)
  const pages = Semaphore.makeUnsafe(pagesAtOnce)

  return Effect.fn("Events.settleRest")(function* (
    taken: Taken,
    ending: Ending
  ): Effect.fn.Return<Tally, DatabaseError> {
    const tally = { processed: 0, waiting: 0, parked: 0, refusing: 0, locked: 0 }

    /** Row by row, where PostgreSQL does not take them together. */
    const settleRows = Effect.fnUntraced(function* (last: string) {
      const rows = yield* asDatabaseError(readPage(taken, ending, last))
      // What does not read is left to the next take.
      const events = rows.flatMap((row) => Option.toArray(decode(row)))
      const exits = yield* settleEach(events.map((event) => outcomeOf(event, ending)))
      for (const exit of exits) {
        const standing = standingOf(yield* exit)
        if (standing !== null) tally[standing] += 1
      }
      return rows.length < mostInPage ? undefined : rows.at(-1)?.id
    })

    const settleNext = Effect.fnUntraced(function* (last: string) {
      const result = yield* Effect.result(settlePage(taken, ending, last))
      if (Result.isFailure(result)) return yield* settleRows(last)
      const page = result.success
      for (const alike of page.settled) {
        yield* countEvents(alike)
        tally[alike.processed ? "processed" : alike.parked ? "parked" : "waiting"] += alike.count
      }
      // Those that are settled are not met again.
      if (page.suppressed > 0) return yield* settleRows(last)
      tally.locked += page.locked
      return page.picked < mostInPage ? undefined : (page.last ?? undefined)
    }, pages.withPermits(1))

    let last: string | undefined = "-9223372036854775808"
    while (last !== undefined) last = yield* settleNext(last)
    return tally
  })
}
