/** Records that log entries wait for. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import { apart } from "./apart.ts"
import { historyRows, missing, tellLocked } from "./historyRows.ts"
import { isUndone } from "./isUndone.ts"
import { KnownBranches } from "./KnownBranches.ts"
import { sayRefusal } from "./refusal.ts"
import { touch } from "./touch.ts"

/** How many records are asked for at a time: far more than RentProg answers until the next sweep. */
const mostAsked = 1000

/** As `History.askForMissing` says. */
export const askForMissing = (sql: PgClient.PgClient): Effect.Effect<number, SqlError.SqlError> => {
  const { allowed, lacking, waiting } = historyRows(sql)
  const wanted = sql`substr(history.reason, ${missing.length + 1}::int)`
  const touchHistory = touch(sql, "history")

  // A record that arrived while its entry was being written down, or held, told nobody: the trigger tries these again.
  const isThere = sql`
    CASE split_part(history.reason, ' ', 2)
      WHEN 'car' THEN
        EXISTS (SELECT FROM cars WHERE cars.rentprog_id = split_part(history.reason, ' ', 3))
      WHEN 'client' THEN
        EXISTS (SELECT FROM clients WHERE clients.rentprog_id = split_part(history.reason, ' ', 3))
      WHEN 'booking' THEN
        EXISTS (SELECT FROM bookings WHERE bookings.rentprog_id = split_part(history.reason, ' ', 3))
    END
  `
  const hasArrived = sql`${lacking} AND ${allowed} AND ${isThere}`
  const tryArrived = touchHistory(hasArrived, sql`processed = false`).pipe(
    Effect.andThen(
      sql<{ readonly left: number }>`SELECT count(*)::int AS left FROM history WHERE ${hasArrived}`
    ),
    Effect.flatMap(([row]) => tellLocked(row?.left ?? 0))
  )

  // The event that was queued for a record says by its own end whether RentProg has the record.
  const parkLost = touchHistory(
    sql`
      ${waiting} AND ${lacking} AND ${allowed} AND EXISTS (
        SELECT FROM events
        WHERE events.metadata ->> 'asked_for' = ${wanted} AND events.branch = history.branch
          AND ${isUndone(sql, "events")} AND events.next_attempt_at = 'infinity'
          AND events.reason LIKE 'rentprog\\_not\\_found%'
      )
    `,
    sql`next_attempt_at = 'infinity', attempts = history.attempts + 1, revision = coalesce(history.revision, 0) + 1`
  )

  const insert = (records: ReadonlyArray<Lacking>) =>
    sql`
      INSERT INTO events (branch, type, ext_id, payload, metadata)
      SELECT lacking.branch, split_part(lacking.record, ' ', 1) || '_update', split_part(lacking.record, ' ', 2),
        jsonb_build_object('id', split_part(lacking.record, ' ', 2)), jsonb_build_object('asked_for', lacking.record)
      FROM jsonb_to_recordset(${sql.json(records)}) AS lacking (branch text, record text)
      RETURNING events.id
    `.pipe(sql.withTransaction)

  const ask = Effect.gen(function* () {
    // Two who ask at once would both find nothing queued, and whoever waited would keep the listener waiting.
    const [lock] = yield* sql<{ readonly isMine: boolean }>`
      SELECT pg_try_advisory_xact_lock(hashtext('jarvis asks for missing records')) AS "isMine"
    `
    if (!lock?.isMine) return 0
    const known = yield* KnownBranches
    const records = yield* Effect.flatMap(
      sql`
        SELECT lacking.branch, lacking.record
        FROM (
          SELECT history.branch, ${wanted} AS record, min(history.id) AS first FROM history
          -- Of a branch that somebody has made up RentProg cannot be asked.
          WHERE ${waiting} AND ${lacking} AND ${allowed} AND history.branch = ANY (${[...known.all()]}::text[])
            -- It came while its entry was held.
            AND NOT ${isThere}
          GROUP BY 1, 2
        ) AS lacking
        WHERE NOT EXISTS (
          SELECT FROM events
          WHERE events.metadata ->> 'asked_for' = lacking.record AND events.branch = lacking.branch
            AND (NOT events.processed OR events.reason LIKE 'discarded%')
        )
        -- A webhook's event that is under way brings the record as well. In words that fit no index: where PostgreSQL has not
        -- counted events yet, it would look through all those of the branch for each record.
        AND NOT EXISTS (
          SELECT FROM events
          WHERE concat_ws(' ', events.branch, split_part(events.type, '_', 1), events.ext_id)
              = concat_ws(' ', lacking.branch, lacking.record)
            AND NOT events.processed AND events.next_attempt_at < 'infinity'
        )
        ORDER BY lacking.first
        LIMIT ${mostAsked}
      `,
      decodeLacking
    )
    const { done, failed } = yield* apart(records, insert)
    const [refused] = failed
    if (refused !== undefined) {
      yield* Effect.logError(
        `${failed.length} records that the log tells of cannot be asked for: events takes no row: ${sayRefusal(refused[1])}`
      )
    }
    return done.length
  }).pipe(sql.withTransaction)

  return tryArrived.pipe(Effect.andThen(parkLost), Effect.andThen(ask))
}

/** What an entry waits for: `car 59439` of a branch. */
const Lacking = Schema.Struct({ branch: Schema.String, record: Schema.String })
type Lacking = typeof Lacking.Type

const decodeLacking = (rows: ReadonlyArray<unknown>) =>
  Effect.orDie(Schema.decodeUnknownEffect(Schema.Array(Lacking))(rows))
