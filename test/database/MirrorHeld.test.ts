/** Writers of the mirror side by side, and records that somebody holds. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Result } from "effect"
import { Mirror } from "../../src/database/Mirror.ts"
import type { MirrorRecord } from "../../src/domain/Entity.ts"
import { whileOpen } from "../support/history.ts"
import { countStatements } from "../support/statements.ts"
import { pool, TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { carNo, keyOf, record, row, state, tbilisi } from "./records.ts"

const tests = Mirror.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("Mirror", (it) => {
  it.effect("a record that somebody holds fails by itself; the others of its batch do not wait for it", () =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      const records = Array.from({ length: 500 }, (_, n) => carNo(`held-${n}`))
      const write = (some: ReadonlyArray<MirrorRecord>) =>
        Effect.forEach(some, (one) => Effect.result(mirror.write({ ...one, fetchedAt: 2000 })), {
          concurrency: "unbounded"
        })
      yield* Effect.forEach(records, mirror.write, { concurrency: "unbounded" })
      const [first, ...others] = records
      assert.isDefined(first)
      const statement = "SELECT FROM cars WHERE rentprog_id = 'held-0' FOR UPDATE"
      yield* whileOpen(
        statement,
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(write([first]))
          // What shares the statement is written while that one is still tried.
          assert.isTrue((yield* write(others)).every(Result.isSuccess))
          assert.isUndefined(fiber.pollUnsafe())
          const [result] = yield* Fiber.join(fiber)
          assert.isDefined(result)
          assert.isTrue(Result.isFailure(result))
          if (Result.isFailure(result)) {
            assert.strictEqual(result.failure.detail, "the record's row is locked")
          }
        })
      )
      assert.deepInclude(yield* state("held-0"), { fetched_at: 1000 })
      assert.deepInclude(yield* state("held-499"), { fetched_at: 2000 })
      assert.isTrue((yield* write([first])).every(Result.isSuccess))
    })
  )

  it.effect("a record that somebody holds for a moment is written all the same", () =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      const key = keyOf("car", "briefly")
      yield* mirror.write(carNo("briefly"))
      const fiber = yield* whileOpen(
        "UPDATE cars SET code = 'x' WHERE rentprog_id = 'briefly'",
        Effect.tap(Effect.forkChild(mirror.destroy(key, tbilisi, 3000)), () => Effect.sleep("100 millis"))
      )
      assert.strictEqual(yield* Fiber.join(fiber), "written")
      assert.deepInclude(yield* row(key), { code: "x", deleted_at: "1970-01-01T00:00:03+00:00" })
    })
  )

  it.effect("a record that a trigger of the table lets nobody write is not said to be written", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const mirror = yield* Mirror
      yield* sql`CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$`
      yield* sql`CREATE TRIGGER nothing BEFORE INSERT ON clients FOR EACH ROW EXECUTE FUNCTION nothing()`
      const error = yield* Effect.flip(mirror.write(record("client", "suppressed")))
      assert.include(error.detail, "a trigger or a policy of the table suppresses it")
      yield* sql`DROP FUNCTION nothing() CASCADE`
    })
  )

  it.effect("a thousand answers about ten records make a few statements", () =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      const records = Array.from({ length: 1000 }, (_, n) => carNo(`many-${n % 10}`, { fetchedAt: n }))
      const writes = Effect.forEach(records, mirror.write, { concurrency: "unbounded" })
      assert.isBelow(yield* countStatements("INSERT", "cars", writes), 50)
      assert.deepInclude(yield* state("many-3"), { fetched_at: 993 })
    })
  )

  it.effect("writers of the same records in opposite order do not lock each other out", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      // A row takes its time, so that the statements meet.
      yield* sql`CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$`
      yield* sql`CREATE TRIGGER slowly BEFORE UPDATE ON cars FOR EACH ROW EXECUTE FUNCTION slowly()`
      const ids = Array.from({ length: 100 }, (_, n) => `d${n}`)
      const write = (order: ReadonlyArray<string>, fetchedAt: number) =>
        Effect.gen(function* () {
          const mirror = yield* Mirror
          yield* Effect.forEach(order, (id) => mirror.write(carNo(id, { fetchedAt })), {
            concurrency: "unbounded"
          })
        })
      yield* write(ids, 1)
      // Each with a pool of its own: one connection would put them one after the other.
      const { url } = yield* TestDatabase
      const writer = (n: number) =>
        Effect.provide(
          write(n % 2 === 0 ? ids : ids.toReversed(), 10 + n),
          Layer.provide(Mirror.layer, pool(url)),
          { local: true }
        )
      // One that is locked out falls back to a statement for each of its records.
      const writers = Effect.forEach([0, 1, 2, 3], writer, { concurrency: "unbounded" })
      assert.isBelow(yield* countStatements("INSERT", "cars", writers), 100)
      for (const id of ids) assert.deepInclude(yield* state(id), { fetched_at: 13 })
    })
  )
})
