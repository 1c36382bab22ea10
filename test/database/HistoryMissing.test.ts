import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { History } from "../../src/database/History.ts"
import { events, until } from "../support/tables.ts"
import { arriveQuietly, fresh, insert, kutaisi, mileage, numbers, rows, tests } from "./waiting.ts"

const ask = History.use((history) => history.askForMissing)

layer(tests, { excludeTestServices: true })("History.askForMissing", (it) => {
  /** Settles all events as the service would. */
  const settle = Effect.fnUntraced(function* (reason: string | null) {
    const sql = yield* PgClient.PgClient
    yield* sql`
      UPDATE events SET revision = revision + 1, attempts = attempts + 1, processed = ${reason === null}, ok = ${reason === null},
        reason = ${reason}::text, next_attempt_at = CASE WHEN ${reason}::text IS NOT NULL THEN 'infinity'::timestamptz END
      WHERE NOT processed
    `
  })
  const parked = Effect.map(rows, (all) => all.map((row) => row.parked))

  it.effect(
    "queues one event for each record of a branch, however many rows wait and however often asked",
    () =>
      Effect.gen(function* () {
        yield* fresh
        const sql = yield* PgClient.PgClient
        yield* insert(
          ...numbers(1, 20).map((n) => ({ description: mileage(1, n) })),
          { description: mileage(1), branch: kutaisi },
          { description: "Иван Петров изменил клиента № 1" },
          { description: "Иван Петров изменил бронь № 514142" },
          { description: mileage(9), branch: null },
          { description: "Пользователь вошёл" }
        )
        assert.strictEqual(yield* ask, 4)
        assert.strictEqual(yield* ask, 0)
        assert.sameDeepMembers(
          [...(yield* sql`SELECT branch, type, ext_id, payload, metadata, reason FROM events`)],
          [
            ["tbilisi", "car", "1"],
            ["kutaisi", "car", "1"],
            ["tbilisi", "client", "1"],
            ["tbilisi", "booking", "514142"]
          ].map(([branch, kind, id]) => ({
            ...{ branch, type: `${kind}_update`, ext_id: id, payload: { id }, reason: null },
            metadata: { asked_for: `${kind} ${id}` }
          }))
        )
      })
  )

  it.effect("queues none for what a webhook's event is under way for, until that one is parked", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO events (branch, type, payload) VALUES ('tbilisi', 'car_update', '{"id": 1}')`
      yield* insert({ description: mileage(1) }, { description: "Иван Петров изменил клиента № 1" })
      assert.strictEqual(yield* ask, 1)
      yield* settle("rentprog_unauthorized: no token")
      assert.strictEqual(yield* ask, 1)
    })
  )

  it.effect("queues one event when two ask at once, and the second does not wait for the first", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* insert({ description: mileage(1) })
      // Whoever queues an event has to wait before it is committed.
      yield* sql`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$`
      yield* sql`CREATE TRIGGER hold AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION hold()`
      const waiting = sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
      const held = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const holder = yield* sql`SELECT pg_advisory_xact_lock(7)`.pipe(
        Effect.andThen(Deferred.succeed(held, undefined)),
        Effect.andThen(Deferred.await(release)),
        sql.withTransaction,
        Effect.forkChild
      )
      yield* Deferred.await(held)
      const first = yield* Effect.forkChild(ask)
      yield* until(waiting, ({ length }) => length === 1)
      assert.strictEqual(yield* ask, 0)
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(holder)
      assert.strictEqual(yield* Fiber.join(first), 1)
      yield* sql`DROP FUNCTION hold() CASCADE`
    })
  )

  it.effect("asks again after an event that is done, where the record is still missing", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* insert({ description: mileage(1) })
      assert.strictEqual(yield* ask, 1)
      yield* settle(null)
      assert.strictEqual(yield* ask, 1)
      assert.strictEqual(yield* ask, 0)
    })
  )

  it.effect("parks the rows whose record RentProg lacks too, and asks again for whom a person touches", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* insert({ description: mileage(1) }, { description: mileage(1) })
      yield* ask
      yield* settle("rentprog_not_found: gone")
      yield* insert(
        { description: mileage(1), branch: kutaisi },
        { description: mileage(11) },
        { description: "Иван Петров изменил клиента № 1" }
      )
      assert.strictEqual(yield* ask, 3)
      assert.deepStrictEqual(yield* parked, [true, true, false, false, false])
      const reasons = (yield* rows).map(({ reason }) => reason)
      assert.deepStrictEqual(reasons.slice(0, 2), ["entity_not_found: car 1", "entity_not_found: car 1"])
      assert.strictEqual(yield* ask, 0)

      yield* sql`UPDATE history SET processed = false WHERE reason = 'entity_not_found: car 1' AND branch = 'tbilisi'`
      yield* sql`UPDATE events SET processed = false WHERE ext_id = '1' AND type = 'car_update' AND branch = 'tbilisi'`
      assert.strictEqual(yield* ask, 0)
      assert.deepStrictEqual(yield* parked, [false, false, false, false, false])
      assert.isTrue((yield* events).every((event) => event.ok === null && !event.parked))
    })
  )

  it.effect("does not ask for what arrived unnoticed, and has the trigger try again", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* insert({ description: mileage(1) }, { description: mileage(1) }, { description: mileage(2) })
      yield* sql`UPDATE history SET revision = revision + 1, attempts = 3, next_attempt_at = 'infinity' WHERE id = (SELECT min(id) FROM history)`
      yield* arriveQuietly(1)
      assert.strictEqual(yield* ask, 1)
      assert.deepStrictEqual(
        (yield* rows).map(({ attempts, done }) => [done, attempts]),
        [
          [true, 0],
          [true, 0],
          [false, 0]
        ]
      )
      assert.deepStrictEqual<unknown>(yield* sql`SELECT ext_id FROM events`, [{ ext_id: "2" }])
    })
  )

  it.effect("does not ask again where a person discarded the event", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* insert({ description: mileage(1) })
      yield* ask
      yield* settle("rentprog_not_found: gone")
      yield* ask
      yield* sql`UPDATE events SET processed = true, ok = false, reason = 'discarded'`
      assert.strictEqual(yield* ask, 0)
      yield* sql`UPDATE history SET processed = false`
      assert.strictEqual(yield* ask, 0)
    })
  )
})
