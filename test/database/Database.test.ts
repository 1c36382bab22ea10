import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { pool, TestDatabase, testDatabase } from "../support/TestDatabase.ts"

it.live(
  "a row that somebody holds keeps no other statement waiting, and the one that wants it not for ever",
  () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { url } = yield* TestDatabase
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('held'), ('free')`

      const held = yield* Deferred.make<void>()
      const release = yield* Deferred.make<void>()
      const holder = Effect.gen(function* () {
        const other = yield* PgClient.PgClient
        yield* other`UPDATE cars SET mileage = 1 WHERE rentprog_id = 'held'`
        yield* Deferred.succeed(held, undefined)
        yield* Deferred.await(release)
      }).pipe((work) => Effect.flatMap(PgClient.PgClient, (other) => other.withTransaction(work)))
      const holding = yield* Effect.forkChild(Effect.provide(holder, Layer.fresh(pool(url))))
      yield* Deferred.await(held)

      const wanting = yield* Effect.forkChild(
        Effect.flip(sql`UPDATE cars SET mileage = 2 WHERE rentprog_id = 'held'`)
      )
      const waiting = sql`
      SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%mileage = 2%'
    `
      yield* Effect.repeat(waiting, { until: (rows) => rows.length === 1 })
      // Each of them ends while the one is still waiting.
      yield* Effect.replicateEffect(sql`SELECT 1`, 200, { concurrency: "unbounded" })
      assert.isUndefined(wanting.pollUnsafe())
      assert.strictEqual((yield* Fiber.join(wanting)).reason._tag, "LockTimeoutError")
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(holding)
    }).pipe(Effect.provide(testDatabase))
)
