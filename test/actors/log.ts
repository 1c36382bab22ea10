/** An operations log in tests: payments made in RentProg, read at a time that a test says. */
import { PgClient } from "@effect/sql-pg"
import { Clock, Effect } from "effect"
import { readLog } from "../../src/actors/readLog.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"

export const tbilisi = Branch.make("tbilisi")
export const kutaisi = Branch.make("kutaisi")

export const noon = Date.UTC(2026, 2, 2, 12)
export const minutes = (count: number) => count * 60_000

/** The clock of PostgreSQL and HTTP, for whom it is always this late. */
const atTime = Effect.fnUntraced(function* <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>) {
  const live = yield* Clock.Clock
  return yield* Effect.provideService(effect, Clock.Clock, {
    currentTimeMillis: Effect.succeed(millis),
    currentTimeMillisUnsafe: () => millis,
    currentTimeNanos: live.currentTimeNanos,
    currentTimeNanosUnsafe: () => live.currentTimeNanosUnsafe(),
    monotonicTimeNanos: live.monotonicTimeNanos,
    monotonicTimeNanosUnsafe: () => live.monotonicTimeNanosUnsafe(),
    sleep: (duration) => live.sleep(duration)
  })
})

/** Reads the log of a branch, so many minutes after noon. */
export const readAt = (minute: number, branch = tbilisi) => atTime(noon + minutes(minute), readLog(branch))

/** A payment is made, so many minutes after noon. */
export const pay = (payment: number, minute: number, branch = tbilisi) =>
  Simulator.use((simulator) =>
    simulator.log(branch, {
      description: `Иван Петров создал платёж №${payment}, расход наличными 60.0GEL`,
      created_at: new Date(noon + minutes(minute)).toISOString()
    })
  )

/** The payments that were applied, by their number, each as often as it was written down. */
export const paid = PgClient.PgClient.use(
  (sql) => sql<{ readonly number: number }>`
    SELECT entity_id::int AS number FROM history WHERE processed ORDER BY entity_id::int, history.id
  `
).pipe(Effect.map((rows) => rows.map(({ number }) => number)))

/** The pages that the readings asked for so far. */
export const pages = Simulator.use((simulator) =>
  Effect.map(simulator.calls, (calls) =>
    calls
      .filter(({ path }) => path === "/search_operations")
      .map(({ method, status }) => `${method} ${status}`)
  )
)

/** Until when the log of tbilisi has been read, in minutes after noon. */
export const readUntil = PgClient.PgClient.use(
  (sql) => sql<{ readonly millis: number }>`
    SELECT (extract(epoch FROM read_until) * 1000)::float8 AS millis FROM history_progress WHERE branch = 'tbilisi'
  `
).pipe(Effect.map(([row]) => (row === undefined ? undefined : (row.millis - noon) / minutes(1))))

export const search = { path: "/search_operations" }
