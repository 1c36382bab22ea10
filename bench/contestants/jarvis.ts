/** Jarvis itself: its tables and triggers, and its service as it runs in life. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, FileSystem, Redacted, Schedule } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { freePort } from "../../src/database/freePort.ts"
import { migrate } from "../../src/database/Migrations.ts"
import { publicSchema } from "../../src/database/SchemaName.ts"
import { BenchError } from "../Part.ts"
import { start } from "../Program.ts"
import { connect } from "../server.ts"
import type { Queue } from "./Queue.ts"
import { payload, payloadSql } from "./rows.ts"

/** Where RentProg is, for a service. */
export interface RentProgAt {
  readonly url: string
  readonly tokens: Readonly<Record<string, string>>
}

/** Brings a database up to date, and connects to it. */
export const jarvis = Effect.fnUntraced(function* (url: Redacted.Redacted, connections = 1) {
  const sql = yield* connect(url, connections)
  yield* migrate(publicSchema).pipe(
    Effect.provideService(PgClient.PgClient, sql),
    Effect.provide(NodeServices.layer),
    Effect.mapError(({ message }) => new BenchError({ message }))
  )
  const queue: Queue = {
    clear: sql`TRUNCATE events, history, entity_timeline, row_attempts, row_refusals, cars, clients, bookings, payments, maintenance`,
    insert: (n) => sql`INSERT INTO events (type, payload) VALUES ('car_destroy', ${sql.json(payload(n))})`,
    fill: (count) =>
      sql`INSERT INTO events (type, payload) SELECT 'car_destroy', ${sql.literal(payloadSql)} FROM generate_series(1, ${count}::int) AS n`
  }
  return {
    ...queue,
    sql,
    /** Inserts word of a change, for which the car has to be fetched. */
    update: (n: number) =>
      sql`INSERT INTO events (type, payload) VALUES ('car_update', ${sql.json(payload(n))})`,
    analyze: sql`ANALYZE`,
    isBusy: Effect.map(sql`SELECT FROM events WHERE NOT processed LIMIT 1`, (rows) => rows.length > 0),
    firstRecord: Effect.map(
      sql<{
        readonly at: number
      }>`SELECT (extract(epoch FROM min(created_at)) * 1000)::float8 AS at FROM cars`,
      ([row]) => row?.at ?? 0
    )
  }
})

/** Starts the service and waits until it is ready. */
export const serve = Effect.fnUntraced(
  function* (url: Redacted.Redacted, rentprog: RentProgAt, readsPerMinute = 6000) {
    const fs = yield* FileSystem.FileSystem
    const port = yield* Effect.orDie(freePort())
    const log = `${yield* Effect.orDie(fs.makeTempDirectoryScoped({ prefix: "jarvis-bench-log-" }))}/service.log`
    const program = yield* start({
      file: "dist/main.js",
      env: {
        DATABASE_URL: Redacted.value(url),
        RENTPROG_BASE_URL: rentprog.url,
        RENTPROG_TOKENS: JSON.stringify(rentprog.tokens),
        RENTPROG_READS_PER_MINUTE: String(readsPerMinute),
        JARVIS_PORT: String(port),
        LOG_FORMAT: "logfmt"
      },
      log
    })
    const address = `http://127.0.0.1:${port}`
    const client = HttpClient.filterStatusOk(yield* HttpClient.HttpClient)
    yield* client.get(`${address}/health/ready`).pipe(
      Effect.retry(Schedule.max([Schedule.spaced("20 millis"), Schedule.recurs(1500)])),
      Effect.mapError(() => new BenchError({ message: `the service does not get ready, see ${log}` })),
      Effect.raceFirst(program.ended)
    )
    return { ...program, address, log }
  },
  Effect.provide([FetchHttpClient.layer, NodeServices.layer])
)
