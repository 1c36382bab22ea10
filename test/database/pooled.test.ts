import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Queue } from "effect"
import * as Database from "../../src/database/Database.ts"
import { channel, schema, TestDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

/** A pool as the service has it beside a pooler; that there is none here shows what it leaves behind. */
const pool = Layer.unwrap(
  Effect.gen(function* () {
    const { url } = yield* TestDatabase
    return Database.layer(url, yield* schema, Option.some(url))
  })
).pipe(Layer.provideMerge(TestDatabase.from("migrated")))

const limit = PgClient.PgClient.use(
  (sql) => sql<{ readonly limit: string }>`SELECT current_setting('lock_timeout') AS limit`
).pipe(Effect.map(([row]) => row?.limit))

const sessions = PgClient.PgClient.use(
  (sql) => sql<{ readonly state: string }>`
    SELECT DISTINCT state FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = ${Database.applicationName} AND pid <> pg_backend_pid()
  `
).pipe(Effect.map((rows) => rows.map(({ state }) => state)))

layer(pool, { excludeTestServices: true })("a client through a pooler", (it) => {
  it.effect("asks for everything in the transaction, and leaves nothing in the session", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      assert.strictEqual(yield* limit, "2s")
      assert.strictEqual(yield* sql.withTransaction(limit), "2s")
      const reserved = yield* Effect.flatMap(sql.reserve, (connection) =>
        connection.executeValues(
          "SELECT current_setting('lock_timeout'), (SELECT count(*)::int FROM pg_prepared_statements)",
          []
        )
      ).pipe(Effect.scoped)
      assert.deepStrictEqual(reserved, [["0", 0]])
    })
  )

  it.effect("what fails is an error as ever, and takes back no more than itself", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const insert = sql`INSERT INTO branches (company_id, code) VALUES (77, 'one')`
      yield* insert
      const error = yield* Effect.flip(insert)
      assert.strictEqual(error.reason._tag, "UniqueViolation")
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SET LOCAL lock_timeout = '7s'`
          yield* sql`UPDATE branches SET code = 'two' WHERE company_id = 77`
          yield* Effect.flip(sql.withTransaction(insert))
          assert.strictEqual(yield* sql.withTransaction(limit), "7s")
        })
      )
      assert.deepStrictEqual(yield* sql`SELECT code FROM branches WHERE company_id = 77`, [{ code: "two" }])
      assert.deepStrictEqual(yield* sessions, ["idle"])
    })
  )

  it.effect("what fails when it is committed is an error, and leaves no transaction behind", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)`
      const twice = sql`INSERT INTO late VALUES (1), (1)`
      for (const insert of [twice, sql.withTransaction(twice)]) {
        const error = yield* Effect.flip(insert)
        assert.strictEqual(error.reason._tag, "UniqueViolation")
      }
      assert.deepStrictEqual(yield* sql`SELECT id FROM late`, [])
      assert.deepStrictEqual(yield* sessions, ["idle"])
    })
  )

  it.effect("a connection that is lost is an error, and the next statement has another one", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const error = yield* Effect.flip(sql`SELECT pg_terminate_backend(pg_backend_pid())`)
      assert.strictEqual(error._tag, "SqlError")
      assert.strictEqual(yield* limit, "2s")
    })
  )

  it.effect("a statement that is given up holds nothing any more", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO branches (company_id) VALUES (78)`
      const slow = sql`UPDATE branches SET code = pg_sleep(60)::text WHERE company_id = 78`
      const fiber = yield* Effect.forkChild(slow)
      yield* until(sessions, (states) => states.includes("active"))
      yield* Fiber.interrupt(fiber)
      yield* sql`UPDATE branches SET code = 'free' WHERE company_id = 78`
      assert.deepStrictEqual(yield* sessions, ["idle"])
    })
  )

  it.effect("notifications come past the pooler", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const queue = yield* sql.listen(channel("heard"))
      yield* sql.notify(channel("heard"), "x")
      assert.strictEqual((yield* Queue.take(queue)).payload, "x")
    }).pipe(Effect.scoped)
  )
})
