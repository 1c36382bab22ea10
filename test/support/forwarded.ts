/** Tables of another system, and what became of their rows. */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { forward, sweep } from "../../src/database/forwarding.ts"
import { run } from "./refusing.ts"
import { schema } from "./TestDatabase.ts"

/** A table of the other system's, which is forwarded from the beginning. */
export const table = Effect.fnUntraced(function* (columns: string, name = "events") {
  yield* run(
    "DROP SCHEMA IF EXISTS crm CASCADE",
    "CREATE SCHEMA crm",
    `CREATE TABLE crm.${name} (${columns})`,
    "TRUNCATE events, history, forwarded_tables, forward_misses, cars"
  )
  yield* forward(yield* schema, [`crm.${name}`], false)
})

/** As the owner of RentProg's table of old: one row a record and type. */
export const oldEvents = `id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ts timestamp DEFAULT now(), company_id int NOT NULL,
  type text NOT NULL, rentprog_id text, payload json, processed boolean DEFAULT false, UNIQUE (company_id, type, rentprog_id)`

interface Written {
  readonly type: string | null
  readonly ext_id: string | null
  readonly branch: string | null
  readonly payload: unknown
  readonly code: string | null
}

/** What has become an event, in that order. */
export const written = PgClient.PgClient.use(
  (sql) => sql<Written>`
    SELECT events.type, events.ext_id, events.branch, events.payload, split_part(events.reason, ':', 1) AS code
    FROM events ORDER BY events.id
  `
)
export const count = Effect.map(written, ({ length }) => length)

export const misses = PgClient.PgClient.use(
  (sql) => sql<{ readonly why: string }>`SELECT missed.why FROM forward_misses AS missed ORDER BY missed.id`
)
/** On one connection. */
export const inTransaction = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  PgClient.PgClient.use((sql) => sql.withTransaction(effect))

export const dueNow = run("UPDATE forward_misses SET next_attempt_at = now()")
export const swept = Effect.flatMap(schema, sweep)

/** One row of it. */
export const insertOne = `INSERT INTO crm.events (company_id, type, rentprog_id, payload) VALUES (9247, 'car_update', '5', '{"id": 5}')`
