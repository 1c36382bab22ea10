/** What stands in the trigger's way: locks, permissions, other people's schemas. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Redacted } from "effect"
import * as Database from "../../src/database/Database.ts"
import { Events } from "../../src/database/Events.ts"
import {
  insertEvent,
  insertEvents,
  isParked,
  isPending,
  type NewEvent,
  random,
  readEvents
} from "../support/events.ts"
import { TestDatabase, testDatabase } from "../support/TestDatabase.ts"

const good: NewEvent = { type: "car_update", branch: "tbilisi", ext_id: "1", payload: { id: 1 } }
const byCompany: NewEvent = { type: "car_update", company_id: 9247, payload: { id: [1, 2], pair: [[1, 2]] } }

/** Holds `branches` locked in another session while `effect` runs. */
const whileLocked = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const locked = yield* Deferred.make<void>()
    const release = yield* Deferred.make<void>()
    const lock = yield* Effect.forkChild(
      sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`LOCK TABLE branches IN ACCESS EXCLUSIVE MODE`
          yield* Deferred.succeed(locked, undefined)
          yield* Deferred.await(release)
        })
      )
    )
    yield* Deferred.await(locked)
    const result = yield* Effect.ensuring(effect, Deferred.succeed(release, undefined))
    yield* Fiber.join(lock)
    return result
  })

/** The rows the trigger could not normalise become due, and the trigger tries again. */
const healed = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const events = yield* Events
  // Written without the trigger: this is time that passes, not somebody who touches the rows.
  yield* sql.withTransaction(
    Effect.gen(function* () {
      yield* sql`SET LOCAL session_replication_role = replica`
      yield* sql`UPDATE events SET next_attempt_at = now() WHERE id = ANY (${ids}::bigint[])
        AND next_attempt_at < 'infinity'`
    })
  )
  const count = yield* events.normaliseAgain
  return { count, rows: yield* readEvents(ids) }
})

const tests = Events.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("a locked table", (it) => {
  it.effect("costs a statement one wait, and the rows heal later", () =>
    Effect.gen(function* () {
      // With a wait for each row this would outlast the test.
      const rows = yield* whileLocked(
        insertEvents([
          good,
          ...Array.from({ length: 100 }, () => byCompany),
          { ...byCompany, ext_id: random(10_000) }
        ])
      )
      const [unaffected, ...others] = rows
      const parked = others.pop()
      assert.isDefined(unaffected)
      assert.isDefined(parked)
      assert.isTrue(isPending(unaffected))
      assert.isTrue(isParked(parked))
      for (const row of others) {
        assert.include(row.reason, "database_error: ")
        assert.deepStrictEqual([row.ok, row.processed, row.attempts, row.branch], [false, false, 0, null])
        assert.notStrictEqual(row.next_attempt_at, "infinity")
      }
      const { count, rows: afterwards } = yield* healed(others.map(({ id }) => id))
      assert.strictEqual(count, 100)
      for (const row of afterwards) {
        assert.isTrue(isPending(row))
        assert.deepStrictEqual([row.branch, row.payload], ["tbilisi", { id: 2, pair: [1, 2] }])
      }
    })
  )

  it.effect("the wait is over with its statement", () =>
    Effect.gen(function* () {
      assert.isTrue(isPending(yield* insertEvent(byCompany)))
      assert.strictEqual((yield* healed([])).count, 0)
    })
  )
})

layer(tests, { excludeTestServices: true })("who may insert and no more", (it) => {
  it.effect("inserts all the same, and the rows heal later", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const role = `guest_${random(8)}`
      yield* Effect.acquireRelease(sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'; `), () =>
        Effect.orDie(Effect.andThen(sql.unsafe(`DROP OWNED BY ${role}`), sql.unsafe(`DROP ROLE ${role}`)))
      )
      yield* sql.unsafe(`GRANT INSERT ON events TO ${role}`)
      const url = new URL(Redacted.value((yield* TestDatabase).url))
      url.username = role
      url.password = "secret"
      yield* Effect.gen(function* () {
        const guest = yield* PgClient.PgClient
        yield* guest`INSERT INTO events (type, payload, company_id) VALUES ('car_update', '{"id": 1}', 9247)`
        yield* guest`INSERT INTO events (type, payload, company_id, ext_id)
          VALUES ('car_update', '{}', 9247, ${random(10_000)})`
        yield* guest`INSERT INTO events (type, payload, branch) VALUES ('car_update', '{"id": 1}', 'tbilisi')`
        yield* guest`INSERT INTO events (type, payload) VALUES ('car_update', '{"id": 1}')`
      }).pipe(Effect.provide(Database.layer(Redacted.make(url.href))))

      const ids = yield* sql<{ readonly id: string }>`SELECT id::text FROM events ORDER BY events.id`
      const { rows, count } = yield* healed([])
      assert.deepStrictEqual([rows, count], [[], 0])
      const reasons = (yield* readEvents(ids.map(({ id }) => id))).map(
        ({ reason }) => reason?.split(" (")[0] ?? null
      )
      assert.deepStrictEqual(
        reasons.map((reason) => reason?.split(" ")[0] ?? null),
        ["database_error:", "invalid_payload:", null, "database_error:"]
      )
      assert.include(reasons[0], "permission denied for table branches")
      const again = yield* healed(ids.map(({ id }) => id))
      assert.deepStrictEqual([again.count, again.rows.map(isPending)], [2, [true, false, true, false]])
    })
  )

  it.effect("the functions look nowhere but in public", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const unpinned = yield* sql`
        SELECT proname FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT 'search_path=public, pg_temp' = ANY (coalesce(proconfig, '{}'))
      `
      assert.deepStrictEqual(unpinned, [])
      const row = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`CREATE TEMP TABLE branches (company_id bigint, code text) ON COMMIT DROP`
          yield* sql`INSERT INTO pg_temp.branches VALUES (9247, 'nowhere')`
          yield* sql`CREATE FUNCTION pg_temp.event_type(text) RETURNS text LANGUAGE sql AS $$ SELECT 'x_y' $$`
          yield* sql`SET LOCAL search_path = pg_temp`
          yield* sql`INSERT INTO public.events (type, payload, company_id) VALUES ('car.update', '{"id": 1}', 9247)`
          yield* sql`SET LOCAL search_path = public`
          return yield* sql`SELECT type, branch FROM events ORDER BY id DESC LIMIT 1`
        })
      )
      assert.deepStrictEqual(row, [{ type: "car_update", branch: "tbilisi" }])
    })
  )
})
