/** Rows of another system's tables that could not be forwarded at once. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { inject } from "vitest"
import { sayWhy } from "../../src/database/Database.ts"
import { forward } from "../../src/database/forwarding.ts"
import { count, dueNow, insertOne, misses, oldEvents, swept, table } from "../support/forwarded.ts"
import { whileOpen } from "../support/history.ts"
import { run } from "../support/refusing.ts"
import { quiet } from "../support/rows.ts"
import { guest, schema, testDatabase } from "../support/TestDatabase.ts"

layer(testDatabase, { timeout: "2 minutes", excludeTestServices: true })(
  "what cannot be forwarded at once",
  (it) => {
    it.effect("is written by the sweep: a table that somebody holds, and thousands of rows", () =>
      Effect.gen(function* () {
        yield* table(oldEvents)
        yield* whileOpen(
          "LOCK TABLE events IN ACCESS EXCLUSIVE MODE",
          run(`INSERT INTO crm.events (company_id, type, rentprog_id, payload)
          SELECT 9247, 'car_update', n, json_build_object('id', n) FROM generate_series(1, 2000) AS n`)
        )
        assert.strictEqual(yield* count, 0)
        assert.lengthOf(yield* misses, 2000)
        assert.deepStrictEqual(yield* swept, [])
        assert.strictEqual(yield* count, 2000)
        assert.deepStrictEqual(yield* misses, [])
      })
    )

    it.effect(
      "is told of in PostgreSQL's words, tried again ever more rarely, and comes when nothing is in its way",
      () =>
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          yield* table(oldEvents)
          yield* run("ALTER TABLE events ADD CONSTRAINT small CHECK (ext_id <> '5')", insertOne)
          const says =
            '1 row of crm.events could not be forwarded yet: new row for relation "events" violates check constraint "small" (23514); see forward_misses'
          assert.deepStrictEqual(yield* swept, [says])
          assert.deepStrictEqual(yield* swept, [says])
          const [miss] = yield* sql`SELECT missed.attempts FROM forward_misses AS missed`
          assert.deepStrictEqual(miss, { attempts: 2 })
          yield* run("ALTER TABLE events DROP CONSTRAINT small")
          yield* dueNow
          assert.deepStrictEqual(yield* swept, [])
          assert.strictEqual(yield* count, 1)
        })
    )

    it.effect("quotes nothing of a row that a trigger of the company's own quotes", () =>
      Effect.gen(function* () {
        yield* table(oldEvents)
        yield* run(
          `CREATE FUNCTION crm.refuse() RETURNS trigger LANGUAGE plpgsql
           AS $$ BEGIN RAISE 'Анна Смит' USING ERRCODE = '23514'; END $$`,
          "CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION crm.refuse()",
          insertOne,
          "DROP FUNCTION crm.refuse() CASCADE"
        )
        assert.deepStrictEqual(
          (yield* misses).map(({ why }) => why),
          ["error 23514"]
        )
        yield* swept
        assert.strictEqual(yield* count, 1)
      })
    )

    /** No table takes the row, nor a note of it. */
    const lose = run(
      "ALTER TABLE forward_misses RENAME TO gone",
      "ALTER TABLE events ADD CONSTRAINT none CHECK (false) NOT VALID",
      insertOne,
      "ALTER TABLE events DROP CONSTRAINT none",
      "ALTER TABLE gone RENAME TO forward_misses"
    )

    it.effect("is found by its time where not even a note could be written", () =>
      Effect.gen(function* () {
        yield* table(oldEvents)
        yield* lose
        assert.strictEqual(yield* count, 0)
        assert.deepStrictEqual(yield* swept, [])
        assert.strictEqual(yield* count, 1)
        yield* swept
        assert.strictEqual(yield* count, 1)
      }).pipe(Effect.provide(quiet))
    )

    it.effect("is told of where it cannot be found", () =>
      Effect.gen(function* () {
        yield* table(oldEvents.replace(" ts timestamp", " at timestamp"))
        yield* lose
        const says = [
          "a row of crm.events may be lost, which cannot be looked for: an error (42703) in PL/pgSQL function forward_since"
        ]
        for (const _ of [1, 2]) {
          assert.deepStrictEqual(
            (yield* swept)?.map((one) => one.split("(text")[0]),
            says
          )
        }
      }).pipe(Effect.provide(quiet))
    )

    it.effect("the service writes it with the rights of jarvis_service", () =>
      Effect.gen(function* () {
        yield* table(oldEvents)
        const service = yield* guest(
          `SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${inject("schema")}"`
        )
        yield* run(
          "ALTER TABLE events ADD CONSTRAINT none CHECK (false) NOT VALID",
          insertOne,
          "ALTER TABLE events DROP CONSTRAINT none"
        )
        assert.deepStrictEqual(yield* Effect.provide(swept, service.pool), [])
        assert.strictEqual(yield* count, 1)
      }).pipe(Effect.scoped)
    )

    it.effect("fails nobody, whatever is missing", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* table(oldEvents)
        for (const [away, back] of [
          ["ALTER TABLE events RENAME TO gone", "ALTER TABLE gone RENAME TO events"],
          [
            "ALTER TABLE events RENAME COLUMN receipt TO gone",
            "ALTER TABLE events RENAME COLUMN gone TO receipt"
          ],
          ["ALTER TABLE forwarded_tables RENAME TO gone", "ALTER TABLE gone RENAME TO forwarded_tables"],
          [
            "ALTER FUNCTION forward(text, text, jsonb) RENAME TO gone",
            "ALTER FUNCTION gone(text, text, jsonb) RENAME TO forward"
          ]
        ] as const) {
          yield* run("TRUNCATE crm.events, events, forward_misses", away, insertOne, back)
          assert.lengthOf(yield* misses, 1, away)
          yield* swept
          assert.strictEqual(yield* count, 1, away)
        }
        assert.lengthOf(yield* sql`SELECT FROM crm.events`, 1)
      }).pipe(Effect.provide(quiet))
    )

    it.effect("a statement that is cancelled meanwhile is cancelled", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* table(oldEvents)
        const why = yield* whileOpen(
          "LOCK TABLE events IN ACCESS EXCLUSIVE MODE",
          run("SET LOCAL statement_timeout = '50ms'", insertOne).pipe(sql.withTransaction, Effect.flip)
        )
        assert.include(sayWhy(why), "statement timeout")
        assert.lengthOf(yield* sql`SELECT FROM crm.events`, 0)
        assert.deepStrictEqual(yield* misses, [])
      })
    )

    it.effect("a trigger that is gone or disabled is told of", () =>
      Effect.gen(function* () {
        yield* table(oldEvents)
        assert.deepStrictEqual(yield* swept, [])
        yield* run("ALTER TABLE crm.events DISABLE TRIGGER USER")
        const says =
          "crm.events is not forwarded any more: its trigger is gone or disabled; run jarvis forward crm.events, or with --remove"
        assert.deepStrictEqual(yield* swept, [says])
        yield* forward(yield* schema, ["crm.events"], false)
        assert.deepStrictEqual(yield* swept, [])
        yield* run("DROP TABLE crm.events")
        assert.deepStrictEqual(yield* swept, [says])
      })
    )

    it.effect("nothing is said where nothing is forwarded", () =>
      Effect.gen(function* () {
        yield* run("TRUNCATE forwarded_tables, forward_misses")
        assert.isNull(yield* swept)
      })
    )
  }
)
