/** The tables as a test fills and reads them, and a way to wait for what they come to say. */
import { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Schema } from "effect"
import type { EntityType } from "../../src/domain/Entity.ts"
import { insertEvents, type NewEvent } from "./events.ts"

const Row = Schema.Struct({
  id: Schema.String,
  branch: Schema.NullOr(Schema.String),
  type: Schema.NullOr(Schema.String),
  ext_id: Schema.NullOr(Schema.String),
  processed: Schema.Boolean,
  ok: Schema.NullOr(Schema.Boolean),
  /** The reason's code, without its detail. */
  code: Schema.NullOr(Schema.String),
  reason: Schema.NullOr(Schema.String),
  attempts: Schema.Int,
  parked: Schema.Boolean,
  /** Seconds from now until the next attempt; null where there is none. */
  wait: Schema.NullOr(Schema.Number)
})
export type Row = typeof Row.Type

/** An event of tbilisi about a record, with the least payload there is. */
export const about = (type: string, id: number, branch = "tbilisi"): NewEvent => ({
  type,
  branch,
  ext_id: String(id),
  payload: { id }
})

/** Inserts events in one statement. */
export const insert = (...events: ReadonlyArray<NewEvent>) => insertEvents(events)

/** All events, oldest first. */
export const events = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql`
    SELECT id::text, branch, type, ext_id, processed, ok, split_part(reason, ':', 1) AS code, reason, attempts,
      coalesce(next_attempt_at = 'infinity', false) AS parked,
      CASE WHEN next_attempt_at < 'infinity' THEN extract(epoch FROM next_attempt_at - now())::float8 END AS wait
    FROM events ORDER BY events.id
  `
  return yield* Schema.decodeUnknownEffect(Schema.Array(Row))(rows)
})

const pause = { minimum: Duration.millis(20), maximum: Duration.millis(500) }

/**
 * Asks again and again until the answer is as wished; where that never comes, says what the answer was. The longer a look
 * takes, the longer is the pause: what is waited for needs the machine, too.
 */
export const until = <A, E, R>(look: Effect.Effect<A, E, R>, wished: (answer: A) => boolean) =>
  Effect.gen(function* () {
    while (true) {
      const [took, answer] = yield* Effect.timed(look)
      if (wished(answer)) return answer
      yield* Effect.sleep(Duration.clamp(Duration.times(took, 3), pause))
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: "45 seconds",
      orElse: () =>
        Effect.flatMap(look, (answer) => Effect.die(`it stays at ${JSON.stringify(answer)?.slice(0, 2000)}`))
    })
  )

/** Waits until this is true of each event, and answers them. To read them takes longer than to ask. */
const allAre = (what: string) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const isNot = sql.literal(`(${what}) IS NOT TRUE`)
    const state = sql<{ readonly count: number; readonly left: number }>`
      SELECT count(*)::int AS count, count(*) FILTER (WHERE ${isNot})::int AS left,
        array_agg(DISTINCT reason) FILTER (WHERE ${isNot}) AS reasons
      FROM events
    `
    yield* until(state, ([row]) => row !== undefined && row.count > 0 && row.left === 0)
    return yield* events
  })

/** Waits until each event is processed, and answers them. */
export const allProcessed = allAre("processed")

/** Waits until each event was handled, well or badly, and answers them. */
export const allHandled = allAre("ok IS NOT NULL")

/** Ends the wait of all events that failed but are not parked. */
export const makeDue = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`
    UPDATE events SET revision = revision + 1, next_attempt_at = now() - interval '1 second'
    WHERE NOT processed AND attempts > 0 AND next_attempt_at < 'infinity'
  `
})

/** Tells the service that a branch may have something to do. */
export const wake = Effect.fnUntraced(function* (branch = "tbilisi") {
  const sql = yield* PgClient.PgClient
  yield* sql`SELECT pg_notify(notification_channel('rentprog_event_auto_process'), ${`0|${branch}|car_update|0`})`
})

const Mirrored = Schema.Struct({
  id: Schema.String,
  branch: Schema.NullOr(Schema.String),
  deleted: Schema.Boolean,
  data: Schema.NullOr(Schema.Record(Schema.String, Schema.Json))
})

const tables = { car: "cars", client: "clients", booking: "bookings" } as const

/** What the mirror holds of a kind, by number. */
export const mirror = Effect.fnUntraced(function* (kind: EntityType) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql`
    SELECT rentprog_id AS id, branch, deleted_at IS NOT NULL AS deleted, data
    FROM ${sql(tables[kind])} ORDER BY length(rentprog_id), rentprog_id
  `
  return yield* Schema.decodeUnknownEffect(Schema.Array(Mirrored))(rows)
})
