/** What stands in the trigger's way: locks, permissions, other people's schemas. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { inject } from "vitest"
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
import { guest, testDatabase } from "../support/TestDatabase.ts"

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
  it.effect("has events normalised all the same", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { pool } = yield* guest("INSERT ON events", "SELECT (id, receipt) ON events")
      const ids = yield* Effect.gen(function* () {
        const mine = yield* PgClient.PgClient
        return yield* mine<{ readonly id: string }>`
          INSERT INTO events (type, payload, company_id, ext_id, branch, receipt) VALUES
            ('car.update', '{"id": [1, 7]}', 9247, NULL, NULL, NULL),
            ('car_update', '{}', 9247, ${random(10_000)}, NULL, NULL),
            ('car_update', '{"id": 1}', NULL, NULL, 'tbilisi', NULL),
            ('car_update', '{"id": 9}', NULL, NULL, NULL, gen_random_uuid())
          ON CONFLICT (receipt) DO NOTHING
          RETURNING id::text
        `
      }).pipe(Effect.provide(pool))
      const rows = yield* readEvents(ids.map(({ id }) => id))
      assert.deepStrictEqual(
        rows.map(({ reason }) => reason?.split(":")[0] ?? null),
        [null, "invalid_payload", null, "unknown_branch"]
      )
      assert.deepInclude(rows[0], { branch: "tbilisi", ext_id: "7", type: "car_update" })
      const functions = yield* sql`
        SELECT proname FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND prosecdef
          AND has_function_privilege('public', oid, 'EXECUTE')
          -- These tell a number each.
          AND proname NOT IN ('forward_lost', 'forward_lost_for_good')
      `
      assert.deepStrictEqual(functions, [], "nobody else may hang our triggers on a table of their own")
    })
  )

  it.effect("whose search path leads elsewhere leads no function astray", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      // Either the path is pinned, or the names were bound when the function was made.
      const unpinned = yield* sql`
        SELECT proname FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND prosqlbody IS NULL
          AND NOT format('search_path=%I, pg_temp', current_schema()) = ANY (coalesce(proconfig, '{}'))
      `
      assert.deepStrictEqual(unpinned, [])
      const place = inject("schema")
      const row = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`CREATE TEMP TABLE branches (company_id bigint, code text) ON COMMIT DROP`
          yield* sql`INSERT INTO pg_temp.branches VALUES (9247, 'nowhere')`
          yield* sql`CREATE FUNCTION pg_temp.event_type(text) RETURNS text LANGUAGE sql AS $$ SELECT 'x_y' $$`
          yield* sql`CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT 'astray' $$`
          yield* sql`SET LOCAL search_path = pg_temp, pg_catalog`
          yield* sql`
            INSERT INTO ${sql(place)}.events (type, payload, company_id) VALUES ('car.update', '{"id": 1}', 9247)
          `
          return yield* sql`
            SELECT events.type, events.branch FROM ${sql(place)}.events ORDER BY events.id DESC LIMIT 1
          `
        })
      )
      assert.deepStrictEqual(row, [{ type: "car_update", branch: "tbilisi" }])
    })
  )
})
