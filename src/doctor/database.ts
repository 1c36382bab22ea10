/** What doctor sees of a server that takes its connection. */
import { statfs } from "node:fs/promises"
import { PgClient } from "@effect/sql-pg"
import { Clock, Effect, Option } from "effect"
import { asDatabaseError } from "../database/Database.ts"
import { isHeard, unheard } from "../database/isHeard.ts"
import { Settings } from "../Settings.ts"
import { type Check, none, ok, wrong } from "./Check.ts"

const notifications = Effect.gen(function* () {
  return (yield* isHeard(yield* PgClient.PgClient)) ? ok("one to itself came back") : wrong(unheard)
}).pipe(asDatabaseError)

/** How far the clocks may be apart, in ms: a record counts as fetched by the one, a log entry as arrived by the other. */
const apart = 2000

const clock = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const before = yield* Clock.currentTimeMillis
  const [row] = yield* sql<{ readonly at: number }>`
    SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS at
  `
  const after = yield* Clock.currentTimeMillis
  const at = row?.at ?? after
  const ahead = at < before ? before - at : at > after ? after - at : 0
  if (Math.abs(ahead) <= apart) return ok("this machine's and the server's are less than 2 s apart")
  const seconds = Math.round(Math.abs(ahead) / 1000).toLocaleString("en")
  return wrong(
    `this machine's is ${seconds} s ${ahead > 0 ? "ahead of" : "behind"} the server's: set both by a time server (NTP)`
  )
}).pipe(asDatabaseError)

/** Less than this is not enough for long, in bytes. */
const leastFree = 1e9
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

const disk = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const { databaseUrl, dataDirectory } = yield* Settings
  if (Option.isSome(databaseUrl)) {
    const [row] = yield* sql<{ readonly size: string }>`
      SELECT pg_size_pretty(pg_database_size(current_database())) AS size
    `
    return none(`the server's cannot be seen from here; the database takes ${row?.size ?? "nothing"} of it`)
  }
  const { bavail, bsize } = yield* Effect.promise(() => statfs(dataDirectory))
  const said = `${gigabytes(bavail * bsize)} are free in ${dataDirectory}`
  return bavail * bsize < leastFree ? wrong(`only ${said}: make room`) : ok(said)
}).pipe(asDatabaseError)

export const checks: ReadonlyArray<Check<PgClient.PgClient | Settings>> = [
  { name: "notifications", look: notifications },
  { name: "clock", look: clock },
  { name: "disk", look: disk }
]
