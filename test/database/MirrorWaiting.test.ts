/** Log entries that are written down while their record is. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { Mirror } from "../../src/database/Mirror.ts"
import { whileOpen } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"
import { carNo } from "./records.ts"
import { insert, mileage, rows } from "./waiting.ts"

/** Whether a record is written whose transaction waits before it commits. */
const commitWaits = PgClient.PgClient.use(
  (sql) => sql`SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 59439 AND NOT granted`
)

layer(Layer.provideMerge(Mirror.layer, testDatabase), { excludeTestServices: true })("Mirror", (it) => {
  it.effect(
    "an entry that comes between a new record's trigger and its commit is applied by who wrote that",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const mirror = yield* Mirror
        yield* sql`
        CREATE FUNCTION commit_waits() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(59439); RETURN NULL; END $$
      `
        yield* sql`
        CREATE CONSTRAINT TRIGGER commit_waits AFTER INSERT ON cars DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION commit_waits()
      `
        const writing = yield* whileOpen(
          "SELECT pg_advisory_xact_lock(59439)",
          Effect.gen(function* () {
            const writing = yield* Effect.forkChild(
              mirror.write(carNo("1", { columns: { mileage: 100 }, data: { mileage: 100 } }))
            )
            yield* until(commitWaits, ({ length }) => length > 0)
            yield* insert({ description: mileage(1) })
            const [waiting] = yield* rows
            assert.strictEqual(waiting?.reason, "entity_not_found: car 1")
            return writing
          })
        )
        assert.strictEqual(yield* Fiber.join(writing), "written")
        const [applied] = yield* rows
        assert.deepInclude(applied, { processed: true, ok: true, reason: null })
        assert.deepStrictEqual<unknown>(yield* sql`SELECT cars.mileage::int FROM cars`, [{ mileage: 200 }])
      })
  )
})
