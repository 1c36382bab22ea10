import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch, Layer, Metric, Stream } from "effect"
import { Notifications } from "../../src/database/Notifications.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { whileOpen } from "../support/history.ts"
import { about, events, insert as insertEvents, makeDue, mirror, until, wake } from "../support/tables.ts"
import { readsOf } from "./calls.ts"
import { Log, service, surroundings, world } from "./world.ts"

const mileage = (car: number, to: number | string = 200) =>
  `Иван Петров изменил , mileage с 100 на ${to} в авто № ${car}`
const garbage = "Пользователь вошёл"

/** Writes sentences into the log of tbilisi, in one statement. */
const say = (...sentences: ReadonlyArray<string>) =>
  PgClient.PgClient.use(
    (sql) => sql`INSERT INTO history (branch, description) SELECT 'tbilisi', unnest(${sentences}::text[])`
  )

interface Row {
  readonly id: string
  readonly processed: boolean
  readonly reason: string | null
  readonly attempts: number
  readonly parked: boolean
}

const rows = PgClient.PgClient.use(
  (sql) => sql<Row>`
    SELECT id::text, processed, reason, attempts, coalesce(next_attempt_at = 'infinity', false) AS parked
    FROM history ORDER BY history.id
  `
)
const allApplied = until(rows, (all) => all.length > 0 && all.every(({ processed }) => processed))
const allParked = until(rows, (all) => all.length > 0 && all.every(({ parked }) => parked))

const putCar = (id: number) =>
  Simulator.use((simulator) => simulator.put("car", { id, company_id: 9247, mileage: 500 }))

/** A car that no waiting row is told of, whose mileage was never fetched. */
const arriveQuietly = (car: number) =>
  PgClient.PgClient.use((sql) =>
    sql.withTransaction(
      Effect.andThen(
        sql`SET LOCAL session_replication_role = replica`,
        sql`INSERT INTO cars (rentprog_id, branch, mileage, data) VALUES (${String(car)}, 'tbilisi', 100, '{}')`
      )
    )
  )

/** How often the log says so. */
const said = (message: string) =>
  Log.useSync(({ lines }) => lines.filter((line) => line.message.startsWith(message)).length)

const started = "✅ History processor started, listening for pg_notify events"

/** PostgreSQL that never tells of anything. */
const silent = Layer.succeed(Notifications, { listen: () => Stream.never })

describe("an entry about a car that the mirror lacks", () => {
  it.live("ends applied, with the car fetched by one call however many entries wait", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const stand = yield* Latch.make(false)
      // No answer before all of them stand there: one that is written beside the car is found by a sweep only.
      const rentprog = Layer.effect(
        RentProg,
        RentProg.useSync((rentprog) =>
          RentProg.of({
            ...rentprog,
            fetch: (branch, key) => Effect.andThen(stand.await, rentprog.fetch(branch, key))
          })
        )
      )
      yield* putCar(65311)
      yield* Effect.gen(function* () {
        yield* until(said(started), (times) => times === 1)
        yield* say(mileage(65311))
        yield* say(...Array.from({ length: 20 }, (_, n) => mileage(65311, n)))
        yield* stand.open
        yield* allApplied
      }).pipe(Effect.provide(service({ rentprog })))
      assert.strictEqual(yield* readsOf("/cars/65311"), 1)
      // What the entries say is older than what was fetched.
      assert.strictEqual((yield* mirror("car"))[0]?.data?.["mileage"], 500)
      assert.lengthOf(yield* events, 1)
      assert.lengthOf(yield* sql`SELECT FROM entity_timeline WHERE entity_id = '65311'`, 21)
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("that was written while the service was down is asked for at its start", () =>
    Effect.gen(function* () {
      yield* putCar(1)
      yield* say(mileage(1), mileage(1))
      yield* Effect.provide(allApplied, service())
      assert.strictEqual(yield* readsOf("/cars/1"), 1)
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("and RentProg as well is parked with its car's event, and goes on when a person lets both", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* say(mileage(1), mileage(1), mileage(1))
      const attempts: Array<number> = []
      yield* until(
        Effect.gen(function* () {
          yield* makeDue
          yield* wake()
          const [event] = yield* events
          attempts.push(event?.attempts ?? 0)
          return event
        }),
        (event) => event?.parked === true
      )
      assert.strictEqual(attempts.at(-1), 5)
      assert.strictEqual((yield* events)[0]?.code, "rentprog_not_found")
      for (const row of yield* allParked) {
        assert.strictEqual(row.reason, "entity_not_found: car 1")
      }
      assert.lengthOf(yield* events, 1)

      yield* putCar(1)
      yield* sql`UPDATE events SET processed = false`
      yield* sql`UPDATE history SET processed = false`
      yield* allApplied
      assert.lengthOf(yield* events, 1)
    }).pipe(Effect.provide(world({ fallbackInterval: "100 millis" })))
  )
})

describe("without notifications", () => {
  it.live("what waits for a record is found by looking round", () =>
    Effect.gen(function* () {
      yield* putCar(1)
      yield* say(mileage(1))
      yield* allApplied
    }).pipe(Effect.provide(world({ notifications: silent, fallbackInterval: "100 millis" })))
  )

  it.live("what is due is tried again, however much it is", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* say(...Array.from({ length: 250 }, (_, n) => mileage(1, n)))
      yield* arriveQuietly(1)
      yield* sql`UPDATE history SET revision = revision + 1, attempts = 7, next_attempt_at = now() - interval '1 second'`
      const told = until(said("history applied"), (times) => times === 250)
      yield* Effect.provide(told, service({ notifications: silent, fallbackInterval: "100 millis" }))
      assert.isTrue((yield* rows).every(({ attempts, processed }) => processed && attempts === 8))
    }).pipe(Effect.provide(surroundings()))
  )

  it.live.each([
    { sentence: mileage(1), attempts: 500, parked: false },
    // The trigger's own attempt, which nobody counted, makes 19 and 20.
    { sentence: mileage(2, "много"), attempts: 17, parked: false },
    { sentence: mileage(2, "много"), attempts: 18, parked: true }
  ])("a row that fails again waits, until its attempts are spent: %o", ({ attempts, parked, sentence }) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* arriveQuietly(2)
      yield* say(sentence)
      yield* sql`UPDATE history SET revision = revision + 1, attempts = ${attempts}::int, next_attempt_at = now() - interval '1 second'`
      const tried = until(rows, ([row]) => row?.attempts === attempts + 1)
      yield* Effect.provide(tried, service({ notifications: silent, fallbackInterval: "100 millis" }))
      const [row] = yield* rows
      assert.strictEqual(row?.parked, parked)
      // What waits for a record is moved by its arrival: that it is tried all the same is for once a day.
      const late =
        yield* sql`SELECT FROM history WHERE next_attempt_at BETWEEN now() + interval '23 hours' AND '9999-12-31'`
      assert.strictEqual(late.length, attempts === 500 ? 1 : 0)
    }).pipe(Effect.provide(surroundings()))
  )
})

describe("a row that somebody holds", () => {
  it.live("is passed over with a line in the log, keeps no other from its attempt, and is done later", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* say(mileage(1), mileage(2))
      yield* arriveQuietly(1)
      yield* arriveQuietly(2)
      yield* sql`UPDATE history SET revision = revision + 1, next_attempt_at = now() - interval '1 second'`
      yield* Effect.gen(function* () {
        yield* whileOpen(
          "SELECT FROM history WHERE entity_id = '1' FOR UPDATE",
          Effect.gen(function* () {
            yield* Layer.build(service({ fallbackInterval: "100 millis" }))
            yield* until(said("1 row is locked, next time"), (times) => times > 0)
            assert.deepStrictEqual(
              (yield* rows).map(({ processed }) => processed),
              [false, true]
            )
            // The listener hears what comes meanwhile.
            yield* say(garbage)
            yield* until(said("history waits"), (times) => times > 0)
          })
        )
        yield* until(rows, (all) => all.filter(({ processed }) => processed).length === 2)
      }).pipe(Effect.scoped)
    }).pipe(Effect.provide(surroundings()))
  )
})

describe("a row that somebody holds when its record arrives", () => {
  it.live("is told of in the log, and is done at the next look", () =>
    Effect.gen(function* () {
      yield* say(mileage(1))
      yield* Effect.gen(function* () {
        yield* whileOpen(
          "SELECT FROM history FOR UPDATE",
          Effect.gen(function* () {
            yield* arriveQuietly(1)
            yield* Layer.build(service({ fallbackInterval: "100 millis" }))
            yield* until(said("1 row is locked, next time"), (times) => times > 0)
          })
        )
        yield* allApplied
      }).pipe(Effect.scoped)
    }).pipe(Effect.provide(surroundings()))
  )
})

describe("a listener whose connection is cut", () => {
  it.live("listens again, and sweeps what nobody told it meanwhile", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* until(said(started), (times) => times === 1)
      const cut = yield* sql`
        SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE datname = current_database() AND query ILIKE 'LISTEN%history_item_processed%'
      `
      assert.lengthOf(cut, 1)
      yield* putCar(1)
      yield* say(mileage(1))
      yield* allApplied
      yield* until(said("History processor listens again"), (times) => times === 1)
      assert.strictEqual(yield* said(started), 1)
    }).pipe(Effect.provide(world()))
  )
})

describe("every outcome", () => {
  it.live("is logged with its row, its branch and its reason, and counted", () =>
    Effect.gen(function* () {
      yield* until(said(started), (times) => times === 1)
      yield* say("Иван Петров создал платёж №1834894, расход наличными 60.0GEL", garbage, " ", mileage(1))
      const [paid, unread, empty, missing] = yield* rows
      const lines = yield* until(
        Log.useSync((log) => log.lines.filter(({ message }) => /^history (applied|waits)$/.test(message))),
        ({ length }) => length === 4
      )
      assert.sameDeepMembers(
        lines.map(({ labels, level, message }) => ({
          level,
          message,
          ...{ id: labels["history_id"], branch: labels["branch"], reason: labels["reason"] }
        })),
        [
          { level: "Info", message: "history applied", id: paid?.id, branch: "tbilisi", reason: undefined },
          ...[unread, empty, missing].map((row) => ({
            ...{
              level: "Warn",
              message: "history waits",
              id: row?.id,
              branch: "tbilisi",
              reason: row?.reason?.split(":", 1)[0]
            }
          }))
        ]
      )
      yield* putCar(1)
      // The car's own event waits for its backoff by now: another one brings it.
      yield* insertEvents(about("car_create", 1))
      yield* until(said("history done"), (times) => times === 1)
      const counted = (yield* Metric.snapshot).flatMap((metric) =>
        metric.id === "jarvis_history_total" && metric.type === "Counter"
          ? [{ ...metric.attributes, times: metric.state.count }]
          : []
      )
      const told = { branch: "tbilisi", times: 1 }
      assert.sameDeepMembers<unknown>(counted, [
        { ...told, type: "payment", outcome: "processed" },
        // The car was fetched after the entry was made.
        { ...told, type: "car", outcome: "superseded" },
        { ...told, type: "", outcome: "unparsed_description" },
        { ...told, type: "", outcome: "empty_description" },
        { ...told, type: "car", outcome: "entity_not_found" }
      ])
    }).pipe(Effect.provide(world()), Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.live("is told of rows of any number", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* until(said(started), (times) => times === 1)
      yield* sql`INSERT INTO history (id, branch, description) VALUES (-7, 'tbilisi', ${garbage})`
      const { lines } = yield* Log
      yield* until(said("history waits"), (times) => times === 1)
      assert.isTrue(lines.some(({ labels }) => labels["history_id"] === "-7"))
    }).pipe(Effect.provide(world()))
  )
})
