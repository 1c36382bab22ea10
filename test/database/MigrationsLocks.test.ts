import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { whileOpen } from "../support/history.ts"
import { emptyDatabase, migrated, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"
import { company } from "./company.ts"
import { again, run } from "./functionsAgain.ts"
import { migrateAs } from "./MigrationsProgram.ts"

const write = "INSERT INTO events (type, payload) VALUES ('car_update', '{}')"

/** Looks until it is as wished, or until the migration ends, which it should not have done. */
const meanwhile = <A, E, R, A2, E2>(
  migration: Fiber.Fiber<A2, E2>,
  look: Effect.Effect<A, E, R>,
  wished: (answer: A) => boolean
) => Effect.raceFirst(until(look, wished), Fiber.join(migration))

/** How many sessions wait for the table. */
const waiting = PgClient.PgClient.use(
  (sql) => sql`SELECT FROM pg_locks WHERE pg_locks.relation = to_regclass('events') AND NOT pg_locks.granted`
).pipe(Effect.map((rows) => rows.length))

/** An index, as it stands. */
const index = Effect.fnUntraced(function* (name: string) {
  const sql = yield* PgClient.PgClient
  const [found] = yield* sql<{ readonly valid: boolean; readonly definition: string }>`
    SELECT pg_index.indisvalid AS valid, pg_get_indexdef(pg_index.indexrelid) AS definition
    FROM pg_index WHERE pg_index.indexrelid = to_regclass(${name})
  `
  return found
})

/** The indexes are made again where they are missing. */
const indexAgain = Effect.andThen(run("DELETE FROM jarvis_migrations WHERE id = 2"), migrated)

/** More than is indexed in a moment. Three rows each have the same trace. */
const many = run(`
  INSERT INTO events (processed, payload, trace_id)
  SELECT true, to_jsonb(long.text), n / 3
  FROM generate_series(1, 6000) AS n,
    LATERAL (SELECT string_agg(md5(n || ' ' || part), '') AS text FROM generate_series(1, 50) AS part) AS long
`)

const held = [
  { title: "what puts functions in place", database: testDatabase, before: Effect.void, migrate: again },
  {
    title: "the first migration",
    database: emptyDatabase,
    before: company({ events: 10 }),
    migrate: migrated
  }
]

describe("while somebody writes to a table", () => {
  for (const { before, database, migrate, title } of held) {
    it.live(`${title} waits for that, and nobody waits for it`, () =>
      Effect.gen(function* () {
        yield* before
        const fiber = yield* whileOpen(
          write,
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(migrate)
            for (let round = 0; round < 3; round++) {
              yield* meanwhile(fiber, waiting, (count) => count > 0)
              yield* run(write)
              yield* meanwhile(fiber, waiting, (count) => count === 0)
            }
            assert.isUndefined(fiber.pollUnsafe(), "it is still at it")
            return fiber
          })
        )
        assert.include(yield* Fiber.join(fiber), "functions")
        assert.deepStrictEqual(yield* migrated, [])
      }).pipe(Effect.provide(database))
    )
  }

  it.live("an index of a large table is made beside it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const before = yield* index("events_ts")
      yield* many
      yield* run("DROP INDEX events_ts")
      const fiber = yield* whileOpen(
        write,
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(indexAgain)
          yield* meanwhile(
            fiber,
            sql`SELECT FROM pg_stat_progress_create_index WHERE phase = 'waiting for writers before build'`,
            (found) => found.length > 0
          )
          yield* run(write)
          assert.isUndefined(fiber.pollUnsafe(), "it is still at it")
          return fiber
        })
      )
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["0002_indexes"])
      assert.deepStrictEqual(yield* index("events_ts"), before)
    }).pipe(Effect.provide(testDatabase))
  )
})

describe("an index that could not be finished", () => {
  it.live("is made anew", () =>
    Effect.gen(function* () {
      const before = yield* index("cars_rentprog_id_key")
      yield* run("DROP INDEX cars_rentprog_id_key", "INSERT INTO cars (rentprog_id) VALUES ('1'), ('1')")
      yield* Effect.flip(run("CREATE UNIQUE INDEX CONCURRENTLY cars_rentprog_id_key ON cars (rentprog_id)"))
      assert.deepStrictEqual(yield* index("cars_rentprog_id_key"), { ...before, valid: false })
      yield* run("UPDATE cars SET rentprog_id = id")
      assert.deepStrictEqual(yield* indexAgain, ["0002_indexes"])
      assert.deepStrictEqual(yield* index("cars_rentprog_id_key"), before)
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("by a migration of a large table says why, and is made anew by the next try", () =>
    Effect.gen(function* () {
      yield* many
      const migrate = migrateAs({
        "migrations/0093_once.sql": `-- no transaction
          CREATE TABLE IF NOT EXISTS :SCHEMA.beside (id int);
          CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS events_once ON :SCHEMA.events (trace_id);
        `
      })
      for (let twice = 0; twice < 2; twice++) {
        const { message } = yield* Effect.flip(migrate)
        assert.match(message, /^sql\/migrations\/0093_once\.sql: could not create unique index "events_once"/)
        assert.deepInclude(yield* index("events_once"), { valid: false })
      }
      yield* run("UPDATE events SET trace_id = id")
      assert.deepStrictEqual(yield* migrate, ["0093_once"])
      assert.deepInclude(yield* index("events_once"), { valid: true })
      assert.deepStrictEqual(yield* migrate, [])
    }).pipe(Effect.provide(testDatabase))
  )
})
