/** Rows of history that refuse to be updated, because a company has something of its own on the table. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer, References } from "effect"
import { History } from "../../src/database/History.ts"
import { endRefusals, refusals, refuse, refuseNoMore, run } from "../support/refusing.ts"
import { arriveQuietly, fresh, insert, makeDue, mileage, numbers, rows, tests } from "./waiting.ts"

const retry = History.use((history) => history.retry(() => Effect.succeed(Duration.hours(1))))
const ask = History.use((history) => history.askForMissing)
const refusing = History.use((history) => history.refusing)

/** Entries about these cars, none of which the mirror has. */
const begin = Effect.fnUntraced(function* (...cars: ReadonlyArray<number>) {
  yield* fresh
  yield* run("TRUNCATE row_attempts, row_refusals", "ALTER SEQUENCE history_id_seq RESTART")
  yield* insert(...cars.map((car) => ({ description: mileage(car) })))
})

/** The mileage that the mirror has of its cars, by number: 100 before the log said otherwise. */
const mileages = PgClient.PgClient.use((sql) =>
  Effect.map(
    sql<{ readonly car: string; readonly mileage: string }>`
      SELECT cars.rentprog_id AS car, cars.mileage FROM cars ORDER BY cars.rentprog_id
    `,
    (all) => Object.fromEntries(all.map(({ car, mileage }) => [car, Number(mileage)]))
  )
)

const said = Effect.map(retry, ({ due, outcomes }) => ({
  due,
  outcomes: outcomes.map(({ entity_id, reason }) => `${entity_id}: ${reason ?? "applied"}`)
}))

/** What refuses the row about car 2. */
const ofCar2 = (body: string) => refuse("history", "NEW.entity_id = '2'", body)

const obstacles = [
  {
    what: "a trigger that raises",
    put: ofCar2("RAISE '% stays', NEW.description;"),
    away: refuseNoMore,
    why: /^an error \(P0001\) in PL\/pgSQL function .*refuse\(\) line \d+ at RAISE$/
  },
  {
    what: "a trigger that lets nothing through",
    put: ofCar2("RETURN NULL;"),
    away: refuseNoMore,
    why: /^the update has no effect: a trigger or a policy of the table suppresses it$/
  },
  {
    what: "a constraint that no update passes",
    put: run("ALTER TABLE history ADD CONSTRAINT untouched CHECK (entity_id <> '2' OR attempts = 0)"),
    away: run("ALTER TABLE history DROP CONSTRAINT untouched"),
    why: /^new row for relation "history" violates check constraint "untouched" \(23514\)$/
  }
]

const quiet = Layer.mergeAll(tests, Layer.succeed(References.MinimumLogLevel, "None"))

layer(quiet, { excludeTestServices: true })("an entry that refuses every update", (it) => {
  it.effect.each(obstacles)(
    "applies nothing and waits outside of itself, and the others apply: $what",
    ({ away, put, why }) =>
      Effect.gen(function* () {
        yield* begin(1, 2, 3)
        yield* makeDue
        yield* Effect.forEach([1, 2, 3], arriveQuietly)
        yield* put
        assert.deepStrictEqual(yield* said, { due: 3, outcomes: ["1: applied", "3: applied"] })
        assert.deepStrictEqual(yield* mileages, { 1: 200, 2: 100, 3: 200 })
        const [refusal, ...others] = yield* refusals
        assert.isDefined(refusal)
        assert.deepInclude(refusal, { source: "history", id: 2, attempts: 1, wait: 30 })
        assert.match(refusal.why, why)
        assert.deepStrictEqual(others, [])
        assert.deepStrictEqual(yield* refusing, { count: 1, why: refusal.why })
        // Left alone by every sweep until its time has come.
        assert.deepStrictEqual(yield* said, { due: 0, outcomes: [] })
        assert.strictEqual(yield* ask, 0)
        assert.deepStrictEqual(yield* refusals, [refusal])

        yield* endRefusals
        assert.deepStrictEqual(yield* said, { due: 1, outcomes: [] })
        assert.deepInclude((yield* refusals)[0], { attempts: 2, wait: 60 })
        yield* away
        yield* endRefusals
        assert.deepStrictEqual(yield* said, { due: 1, outcomes: ["2: applied"] })
        assert.deepStrictEqual(yield* mileages, { 1: 200, 2: 200, 3: 200 })
        assert.deepStrictEqual([yield* refusals, yield* refusing], [[], { count: 0, why: null }])
      })
  )

  it.effect("keeps none of those from their attempt that come after a hundred of its kind", () =>
    Effect.gen(function* () {
      yield* begin(...numbers(1, 100).map(() => 2), 1)
      yield* makeDue
      yield* ofCar2("RAISE 'no';")
      assert.deepStrictEqual(yield* said, { due: 100, outcomes: [] })
      assert.deepStrictEqual(yield* said, { due: 1, outcomes: ["1: entity_not_found: car 1"] })
      assert.strictEqual((yield* refusing).count, 100)
      yield* refuseNoMore
    })
  )

  it.effect("keeps no record from being asked for, and no other entry from what arrived or is lost", () =>
    Effect.gen(function* () {
      yield* begin(1, 2, 3, 4)
      yield* insert({ description: mileage(5) }, { description: mileage(6) })
      yield* run(
        "INSERT INTO events (branch, type, payload, metadata) VALUES ('tbilisi', 'car_update', '{\"id\": 5}', '{\"asked_for\": \"car 5\"}')"
      )
      yield* run(
        "UPDATE events SET revision = revision + 1, attempts = 5, ok = false, reason = 'rentprog_not_found: gone', next_attempt_at = 'infinity'"
      )
      yield* Effect.forEach([1, 2, 3], arriveQuietly)
      yield* ofCar2("RAISE 'no';")
      // Cars 4 and 6.
      assert.strictEqual(yield* ask, 2)
      assert.deepStrictEqual(yield* mileages, { 1: 200, 2: 100, 3: 200 })
      assert.deepStrictEqual(
        (yield* rows).map(({ done, parked }) => (done ? "done" : parked ? "parked" : "waits")),
        ["done", "waits", "done", "waits", "parked", "waits"]
      )
      assert.deepStrictEqual(
        (yield* refusals).map(({ attempts, id }) => [id, attempts]),
        [[2, 1]]
      )
      yield* ask
      assert.strictEqual((yield* refusals)[0]?.attempts, 1)
      yield* refuseNoMore
      yield* endRefusals
      yield* ask
      assert.deepStrictEqual(yield* mileages, { 1: 200, 2: 200, 3: 200 })
      assert.deepStrictEqual(yield* refusals, [])
    })
  )

  it.effect("that is lost keeps no other lost one from being parked", () =>
    Effect.gen(function* () {
      yield* begin(1, 2, 3)
      yield* ask
      yield* run(
        "UPDATE events SET revision = revision + 1, attempts = 5, ok = false, reason = 'rentprog_not_found: gone', next_attempt_at = 'infinity'"
      )
      yield* ofCar2("RAISE 'no';")
      assert.strictEqual(yield* ask, 0)
      assert.deepStrictEqual(
        (yield* rows).map(({ parked }) => parked),
        [true, false, true]
      )
      assert.lengthOf(yield* refusals, 1)
      yield* refuseNoMore
    })
  )
})

layer(quiet, { excludeTestServices: true })("an entry that refuses what came of it", (it) => {
  it.effect("says that it failed, applies nothing, and is tried again as others are", () =>
    Effect.gen(function* () {
      yield* begin(1, 2, 3)
      yield* makeDue
      yield* Effect.forEach([1, 2, 3], arriveQuietly)
      yield* run("ALTER TABLE history ADD CONSTRAINT never_done CHECK (entity_id <> '2' OR NOT processed)")
      const reason = 'database_error: new row for relation "history" violates check constraint "never_done"'
      assert.deepStrictEqual(yield* said, { due: 3, outcomes: ["1: applied", "3: applied", `2: ${reason}`] })
      assert.deepStrictEqual(yield* mileages, { 1: 200, 2: 100, 3: 200 })
      assert.deepInclude((yield* rows)[1], { processed: false, ok: false, reason, attempts: 1 })
      assert.deepStrictEqual(yield* refusals, [])
      const sql = yield* PgClient.PgClient
      assert.lengthOf(yield* sql`SELECT FROM row_attempts WHERE row_attempts.reason = ${reason}`, 1)
      yield* run("ALTER TABLE history DROP CONSTRAINT never_done")
      yield* makeDue
      assert.deepStrictEqual(yield* said, { due: 1, outcomes: ["2: applied"] })
    })
  )

  it.effect("in a column that is too narrow for it, waits outside of itself", () =>
    Effect.gen(function* () {
      yield* begin(1, 2)
      yield* makeDue
      yield* arriveQuietly(1)
      yield* run("ALTER TABLE history ALTER COLUMN reason TYPE varchar(10) USING left(reason, 10)")
      assert.deepStrictEqual(yield* said, { due: 2, outcomes: ["1: applied"] })
      const [refusal] = yield* refusals
      assert.deepInclude(refusal, { id: 2, why: "value too long for type character varying(10) (22001)" })
      yield* run("ALTER TABLE history ALTER COLUMN reason TYPE text")
    })
  )
})

layer(quiet, { excludeTestServices: true })("an event that cannot be queued", (it) => {
  it.effect("keeps no other record from being asked for", () =>
    Effect.gen(function* () {
      yield* begin(1, 2, 3)
      yield* run("ALTER TABLE events ADD CONSTRAINT no_car_2 CHECK (ext_id <> '2')")
      assert.strictEqual(yield* ask, 2)
      assert.strictEqual(yield* ask, 0)
      yield* run("ALTER TABLE events DROP CONSTRAINT no_car_2")
      assert.strictEqual(yield* ask, 1)
    })
  )
})
