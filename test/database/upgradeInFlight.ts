/** What becomes of the rows that were in flight when their database was upgraded. */
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { Events } from "../../src/database/Events.ts"
import { History } from "../../src/database/History.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { insertEvent, isParked, isPending, readEvents } from "../support/events.ts"
import { insertEntry, isApplied, isParkedEntry, mirrored, readHistory } from "../support/history.ts"
import type { Early } from "./upgradeFrom.ts"

const tbilisi = Branch.make("tbilisi")

const idOf = Effect.fnUntraced(function* (table: "events" | "history", column: string, value: string) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{ readonly id: string }>`
    SELECT id::text FROM ${sql(table)} WHERE ${sql(column)} = ${value} AND branch = 'tbilisi'
  `
  return row?.id ?? assert.fail(`${table} has no ${column} ${value}`)
})

const event = Effect.fnUntraced(function* (id: string) {
  const [row] = yield* readEvents([id])
  return row ?? assert.fail(`no event ${id}`)
})
const eventOf = (car: string) => Effect.flatMap(idOf("events", "ext_id", car), event)

const entryOf = Effect.fnUntraced(function* (operation: string) {
  const [row] = yield* readHistory([yield* idOf("history", "operation_id", operation)])
  return row ?? assert.fail(`no entry ${operation}`)
})

/** Whoever came before there was a trigger, or met a lock, is normalised now; who was parked stays so until touched. */
export const eventsGoOn = Effect.fnUntraced(function* ({ version }: Early) {
  const sql = yield* PgClient.PgClient
  const events = yield* Events
  assert.strictEqual(yield* events.normaliseAgain, version < 3 ? 5 : 1)

  const car = yield* event("1")
  assert.deepInclude(car, {
    type: "car_update",
    branch: "harbour",
    ext_id: "5",
    payload: { id: 5, mileage: 120 }
  })
  const client = yield* event("2")
  assert.deepInclude(client, {
    type: "client_update",
    branch: "harbour",
    ext_id: "5",
    payload: { id: 5, phone: "+996" }
  })
  assert.isTrue(isPending(car) && isPending(client) && isPending(yield* eventOf("105")))
  const hopeless = [yield* eventOf("106"), yield* event("10")]
  // RentProg has not been asked yet for the branch of one that nobody had parked.
  assert.isTrue(hopeless.slice(0, version < 3 ? 1 : 2).every(isParked))
  assert.deepStrictEqual(
    hopeless.map(({ reason }) => reason?.split(":")[0]),
    ["unknown_event_type", "unknown_branch"]
  )

  const parked = yield* eventOf("102")
  assert.isTrue(isParked(parked))
  yield* sql`UPDATE events SET processed = false WHERE id = ${parked.id}::bigint`
  assert.isTrue(isPending(yield* event(parked.id)))

  const taken = (yield* events.take(tbilisi, [])).flatMap(({ events }) => events)
  const due = ["8", "102", "105", ...(version < 5 ? [] : ["59"]), ...(version < 8 ? [] : ["108"])]
  assert.deepStrictEqual(taken.map(({ ext_id }) => ext_id).sort(), due.sort())

  // The attempts go on behind those that are written down: three of 101, and five of 102.
  const [attempt] = yield* sql`
    INSERT INTO row_attempts (source, source_id, attempt, reason) VALUES ('event', 101, 4, 'rentprog_timeout')
    RETURNING id::int
  `
  assert.deepStrictEqual(attempt, { id: version < 9 ? 1 : 9 })
  assert.isTrue(isPending(yield* insertEvent({ type: "car.update", company_id: 77, payload: { id: 5 } })))
})

/** What waits applies when its record comes; what came before there was a trigger is applied by the sweep. */
export const historyGoesOn = Effect.fnUntraced(function* ({ version }: Early) {
  const sql = yield* PgClient.PgClient
  const history = yield* History
  const due = yield* sql`SELECT FROM history WHERE NOT processed AND next_attempt_at <= now()`
  assert.lengthOf(due, version === 5 || version === 6 ? 3 : 0)
  yield* history.retry(({ reason }) =>
    Effect.succeed(reason?.startsWith("entity") ? Duration.minutes(1) : null)
  )

  const change = "Иван Петров изменил , mileage с 1 на 2 в авто № 59"
  if (version < 5) yield* insertEntry({ operation_id: "72", description: change })
  else {
    assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 130, branch: "harbour" })
    assert.isTrue(isParkedEntry(yield* entryOf("73")))
    assert.isTrue(isParkedEntry(yield* entryOf("75")))
    yield* sql`INSERT INTO clients (rentprog_id, branch, data) VALUES ('78', 'tbilisi', '{"phone": "1"}')`
    assert.isTrue(isApplied(yield* entryOf("75")))
    assert.deepInclude(yield* mirrored("clients", "78"), { phone: "2" })
    assert.deepInclude(yield* entryOf("76"), { processed: true, ok: false })
    assert.deepInclude(yield* entryOf("74"), { processed: false, attempts: 4 })
  }
  assert.deepInclude(yield* entryOf("72"), { reason: "entity_not_found: car 59" })
  yield* sql`INSERT INTO cars (rentprog_id, branch, mileage, data) VALUES ('59', 'tbilisi', 1, '{"mileage": 1}')`
  assert.isTrue(isApplied(yield* entryOf("72")))
  assert.deepInclude(yield* mirrored("cars", "59"), { mileage: 2, data: { mileage: 2 } })
})
