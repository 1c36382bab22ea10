/** What no queue can beat: a table with the columns of events and its key, and no trigger. */
import { Effect, type Redacted } from "effect"
import { connect } from "../server.ts"
import type { Queue } from "./Queue.ts"
import { payload, payloadSql } from "./rows.ts"

/** In Jarvis's own database, in a schema of its own. */
export const bare = Effect.fnUntraced(function* (url: Redacted.Redacted, connections = 1) {
  const sql = yield* connect(url, connections)
  yield* sql`CREATE SCHEMA IF NOT EXISTS bare`
  for (const table of ["events", "history"] as const) {
    yield* sql`
      CREATE TABLE IF NOT EXISTS ${sql(`bare.${table}`)} (
        LIKE ${sql(`public.${table}`)} INCLUDING DEFAULTS INCLUDING IDENTITY, PRIMARY KEY (id)
      )
    `
  }
  const queue: Queue = {
    clear: sql`TRUNCATE bare.events, bare.history`,
    insert: (n) =>
      sql`INSERT INTO bare.events (type, payload) VALUES ('car_destroy', ${sql.json(payload(n))})`,
    fill: (count) =>
      sql`INSERT INTO bare.events (type, payload) SELECT 'car_destroy', ${sql.literal(payloadSql)} FROM generate_series(1, ${count}::int) AS n`
  }
  return queue
})
