/** A day of webhooks for the program to process, and what is to come of it. */
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Effect, Schedule, Stream } from "effect"
import { compareMirror } from "../../src/demo/Ledger.ts"
import { day, populate } from "../../src/simulator/Day.ts"
import { makeDue, until, wake } from "../support/tables.ts"

/** Inserts a day's webhooks, one after the other; each again until the database has taken it. */
export const receive = Effect.fnUntraced(function* (webhooks: number) {
  const sql = yield* PgClient.PgClient
  yield* populate({ cars: 30, clients: 30, bookings: 30 })
  yield* day({ events: webhooks }).pipe(
    Stream.runForEach(({ event, payload }) =>
      sql`INSERT INTO events (type, payload) VALUES (${event}, ${sql.json(payload)})`.pipe(
        Effect.retry(Schedule.spaced("50 millis")),
        Effect.andThen(Effect.sleep("5 millis"))
      )
    )
  )
})

/** How many events are processed, or nothing while the database does not answer. */
export const processed = PgClient.PgClient.use(
  (sql) => sql<{ readonly count: number }>`SELECT count(*)::int AS count FROM events WHERE processed`
).pipe(
  Effect.map(([row]) => row?.count ?? 0),
  Effect.retry(Schedule.spaced("50 millis"))
)

/** Waits until every event is processed, and sees that the mirror is as RentProg is. Nobody waits for a retry. */
export const allIsWell = Effect.fnUntraced(function* (webhooks: number) {
  const sql = yield* PgClient.PgClient
  const look = Effect.gen(function* () {
    yield* makeDue
    for (const branch of ["tbilisi", "kutaisi", "batumi", "service-center"]) yield* wake(branch)
    return yield* sql`SELECT id::text, type, ext_id, attempts, reason FROM events WHERE NOT processed LIMIT 20`
  })
  yield* until(look, (rows) => rows.length === 0)
  assert.isAtLeast(yield* processed, webhooks)
  const { compared, wrong } = yield* compareMirror
  assert.deepStrictEqual(wrong, [])
  assert.isAbove(compared, 0)
})
