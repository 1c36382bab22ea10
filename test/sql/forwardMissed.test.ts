/** Rows of another system's tables that could not be forwarded at once. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { inject } from "vitest"
import { sayWhy } from "../../src/database/Database.ts"
import { forward, forwardNoLonger } from "../../src/database/forwarding.ts"
import { count, dueNow, insertOne, misses, oldEvents, swept, table, written } from "../support/forwarded.ts"
import { whileOpen } from "../support/history.ts"
import { run } from "../support/refusing.ts"
import { only, quiet } from "../support/rows.ts"
import { guest, schema, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

const lockTimeout = PgClient.PgClient.use(
  (sql) => sql<{ readonly now: string }>`SELECT current_setting('lock_timeout') AS now`
).pipe(Effect.map((rows) => only(rows).now))

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
      "is told of in PostgreSQL's words, tried again after a while, and comes when nothing is in its way",
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
          ["ALTER TABLE events RENAME TO put_away", "ALTER TABLE put_away RENAME TO events"],
          [
            "ALTER TABLE events RENAME COLUMN receipt TO put_away",
            "ALTER TABLE events RENAME COLUMN put_away TO receipt"
          ],
          [
            "ALTER TABLE forwarded_tables RENAME TO put_away",
            "ALTER TABLE put_away RENAME TO forwarded_tables"
          ],
          [
            "ALTER FUNCTION forward(text, text, jsonb) RENAME TO put_away",
            "ALTER FUNCTION put_away(text, text, jsonb) RENAME TO forward"
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

    it.effect("fails nobody: an ASSERT in somebody's trigger, and no word for why", () =>
      Effect.gen(function* () {
        yield* table(oldEvents)
        yield* run(
          "CREATE FUNCTION crm.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ASSERT false; END $$",
          "CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION crm.refuse()",
          insertOne,
          "ALTER FUNCTION forward_why(text, text, text) RENAME TO put_away",
          insertOne.replace("'5'", "'6'"),
          "ALTER FUNCTION put_away(text, text, text) RENAME TO forward_why",
          "CREATE TRIGGER refuse BEFORE INSERT ON forward_misses FOR EACH ROW EXECUTE FUNCTION crm.refuse()",
          insertOne.replace("'5'", "'7'"),
          "DROP TRIGGER refuse ON forward_misses"
        )
        assert.deepStrictEqual(yield* misses, [{ why: "error P0004" }])
        yield* until(swept, (wrong) => wrong?.length === 1)
        yield* run("DROP FUNCTION crm.refuse() CASCADE")
        yield* dueNow
        yield* until(swept, (wrong) => wrong?.length === 0)
        const ids = new Set((yield* written).map(({ ext_id }) => ext_id))
        assert.deepStrictEqual(Array.from(ids).sort(), ["5", "6", "7"])
      }).pipe(Effect.provide(quiet))
    )

    const waits = ["lock_timeout = 0", "lock_timeout = '20ms'", "statement_timeout = '1s'"]
    it.effect.each(waits)("who writes waits no longer than it would: %s", (setting) =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const [name = ""] = setting.split(" ")
        yield* table(oldEvents)
        const kept = yield* whileOpen(
          "LOCK TABLE events, forward_misses IN ACCESS EXCLUSIVE MODE",
          Effect.andThen(
            run(
              `SET LOCAL ${setting}`,
              `INSERT INTO crm.events (company_id, type, rentprog_id, payload)
               SELECT 9247, 'car_update', n, json_build_object('id', n) FROM generate_series(1, 50) AS n`
            ),
            sql`SELECT current_setting(${name}) AS now, current_setting('lock_timeout') AS lock_timeout`
          ).pipe(sql.withTransaction)
        )
        const now = setting.split(" = ")[1]?.replaceAll("'", "")
        assert.deepStrictEqual(kept, [
          { now, lock_timeout: name === "lock_timeout" ? now : yield* lockTimeout }
        ])
        yield* until(swept, (wrong) => wrong?.length === 0)
        assert.strictEqual(yield* count, 50)
      }).pipe(Effect.provide(quiet))
    )

    it.effect("a statement that is cancelled meanwhile is cancelled", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* table(oldEvents)
        yield* run(
          "CREATE FUNCTION crm.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$",
          "CREATE TRIGGER wait BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION crm.wait()"
        )
        const why = yield* run("SET LOCAL statement_timeout = '50ms'", insertOne).pipe(
          sql.withTransaction,
          Effect.flip
        )
        yield* run("DROP FUNCTION crm.wait() CASCADE")
        assert.include(sayWhy(why), "statement timeout")
        assert.lengthOf(yield* sql`SELECT FROM crm.events`, 0)
        assert.deepStrictEqual(yield* misses, [])
      })
    )

    it.effect("a trigger that somebody's language tells of quotes nothing either", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const why = (context: string) =>
          sql`SELECT forward_why('23514', 'Анна Смит', ${context}) AS why`.pipe(Effect.map(only))
        assert.deepStrictEqual(yield* why("функция PL/pgSQL f(), строка 1, оператор RAISE"), {
          why: "error 23514"
        })
        assert.deepStrictEqual(yield* why('SQL-оператор: "INSERT INTO events"'), {
          why: "Анна Смит (23514)"
        })
      })
    )

    it.effect(
      "a table that was renamed is told of, and forwarded under its new name when that is asked",
      () =>
        Effect.gen(function* () {
          yield* table(oldEvents)
          yield* run("ALTER TABLE crm.events RENAME TO old")
          assert.include((yield* swept)?.[0], "crm.events is not forwarded any more")
          yield* forward(yield* schema, ["crm.old"], false)
          yield* forwardNoLonger(yield* schema, ["crm.events"])
          yield* run(insertOne.replace("crm.events", "crm.old"))
          assert.strictEqual(yield* count, 1)
          yield* run("ALTER TABLE crm.old RENAME TO older", "CREATE TABLE crm.old (LIKE crm.older)")
          assert.include((yield* swept)?.[0], "crm.old is not forwarded any more")
        })
    )

    it.effect("a trigger that is gone or disabled is told of", () =>
      Effect.gen(function* () {
        yield* table(oldEvents)
        assert.deepStrictEqual(yield* swept, [])
        yield* run("ALTER TABLE crm.events DISABLE TRIGGER USER")
        const says =
          "crm.events is not forwarded any more: its trigger is gone, disabled or another table's; run jarvis forward crm.events, or with --remove"
        assert.deepStrictEqual(yield* swept, [says])
        yield* forward(yield* schema, ["crm.events"], false)
        assert.deepStrictEqual(yield* swept, [])
        yield* run("DROP TABLE crm.events")
        assert.deepStrictEqual(yield* swept, [says])
      })
    )

    it.effect(
      "tables that have changed their names with each other are told of, and each can be put right",
      () =>
        Effect.gen(function* () {
          yield* table(oldEvents)
          yield* run("CREATE TABLE crm.more (LIKE crm.events INCLUDING ALL)")
          const both = ["crm.events", "crm.more"]
          yield* forward(yield* schema, both, false)
          yield* run(
            "ALTER TABLE crm.events RENAME TO other",
            "ALTER TABLE crm.more RENAME TO events",
            "ALTER TABLE crm.other RENAME TO more"
          )
          assert.lengthOf((yield* swept) ?? [], 2)
          yield* forward(yield* schema, both, false)
          assert.deepStrictEqual(yield* swept, [])
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
