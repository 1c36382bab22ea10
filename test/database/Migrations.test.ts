import { readdirSync } from "node:fs"
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Redacted } from "effect"
import * as Database from "../../src/database/Database.ts"
import { migrate } from "../../src/database/Migrations.ts"
import { insertEvent, isPending, random, readEvents } from "../support/events.ts"
import { emptyDatabase, TestDatabase } from "../support/TestDatabase.ts"

const files = readdirSync(new URL("../../sql/", import.meta.url))
  .map((file) => /^(\d+)_(\w+)\.sql$/.exec(file))
  .filter((match) => match !== null)
  .map(([, id, name = ""]) => [Number(id), name] as const)
  .sort(([a], [b]) => a - b)

const run = Effect.provide(migrate, NodeServices.layer)

/** Every column, function, trigger and index there is, as text. */
const schema = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return yield* sql`
    SELECT table_name || '.' || column_name || ' ' || data_type AS it FROM information_schema.columns
    WHERE table_schema = 'public'
    UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    ORDER BY 1
  `
})

/** The tables as companies have them before they have Jarvis, with an old trigger under our trigger's name. */
const before = [
  `CREATE TABLE events (id serial PRIMARY KEY, ts timestamptz DEFAULT now(), branch text, type text, ext_id text,
     payload jsonb, company_id int, metadata jsonb, processed boolean, ok boolean, reason text)`,
  `CREATE TABLE history (id serial PRIMARY KEY, ts timestamptz DEFAULT now(), branch text, operation_type text,
     operation_id text, description text, entity_type text, entity_id text, user_name text, company_id int,
     raw_data jsonb, created_at timestamptz DEFAULT now(), processed boolean, ok boolean, reason text)`,
  `CREATE TABLE branches (company_id int PRIMARY KEY, code text)`,
  `CREATE TABLE cars (id serial PRIMARY KEY, rentprog_id text, code text, notes text NOT NULL DEFAULT 'none')`,
  `CREATE TABLE clients (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), rentprog_id text UNIQUE, name varchar(50))`,
  `CREATE TABLE bookings (id serial PRIMARY KEY, state text)`,
  `CREATE FUNCTION auto_process_event() RETURNS trigger LANGUAGE plpgsql
     AS $$ BEGIN RAISE 'of old'; END $$`,
  `INSERT INTO branches VALUES (9247, 'old-town'), (77, 'harbour')`,
  `INSERT INTO events (type, payload, company_id, processed, ok, reason, branch, ext_id) VALUES
     ('car.update', '"{\\"id\\"=>[1, 7], \\"company_id\\"=>9247}"', NULL, false, NULL, NULL, NULL, NULL),
     ('car_update', '{"id": 8, "mileage": [1, 2]}', 77, NULL, NULL, 'tried once', NULL, ''),
     ('car_update', '{"id": 9, "mileage": [1, 2]}', 77, true, true, 'done by hand', 'elsewhere', 'x'),
     ('car_update', '{"id": 10}', 4, false, false, NULL, NULL, NULL)`,
  `CREATE TRIGGER auto_process_event_trigger AFTER INSERT OR UPDATE ON events
     FOR EACH ROW EXECUTE FUNCTION auto_process_event()`,
  `INSERT INTO history (description) VALUES ('of old')`,
  `INSERT INTO cars (rentprog_id, code) VALUES ('7', 'Solaris 17'), (NULL, 'Rio 5')`,
  `INSERT INTO clients (rentprog_id, name) VALUES ('1', 'Anna')`,
  `INSERT INTO bookings (state) VALUES ('x')`
]

/** A pool of somebody who is no superuser. */
const asSomebody = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const role = `somebody_${random(8)}`
  yield* Effect.acquireRelease(sql.unsafe(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'`), () =>
    Effect.orDie(Effect.andThen(sql.unsafe(`DROP OWNED BY ${role}`), sql.unsafe(`DROP ROLE ${role}`)))
  )
  const url = new URL(Redacted.value((yield* TestDatabase).url))
  url.username = role
  url.password = "secret"
  return { role, pool: Database.layer(Redacted.make(url.href)) }
})

describe("migrate", () => {
  it.live("runs every file once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* run, files)
      const first = yield* schema
      assert.deepStrictEqual(yield* run, [])
      assert.deepStrictEqual(yield* schema, first)
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("processes that start together do not collide", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { url } = yield* TestDatabase
      for (let round = 0; round < 5; round++) {
        yield* sql`DROP SCHEMA public CASCADE`
        yield* sql`CREATE SCHEMA public`
        const ran = yield* Effect.replicateEffect(
          Effect.provide(run, Database.layer(url), { local: true }),
          4,
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual<unknown>(ran.flat(), files)
      }
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("beside tables that are there already", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      for (const statement of before) yield* sql.unsafe(statement)
      const done = sql`
        SELECT id, ts, branch, type, ext_id, payload, company_id, metadata, processed, ok, reason
        FROM events WHERE processed
      `
      const doneBefore = yield* done
      yield* run

      const [pending, untold, , parked] = yield* readEvents(["1", "2", "3", "4"])
      assert.isDefined(pending)
      assert.isDefined(untold)
      assert.isTrue(isPending(pending) && isPending(untold))
      assert.deepInclude(pending, {
        ...{ type: "car_update", branch: "old-town", ext_id: "7", payload: { id: 7, company_id: 9247 } },
        payload_received: '{"id"=>[1, 7], "company_id"=>9247}'
      })
      assert.deepInclude(untold, { branch: "harbour", ext_id: "8", payload: { id: 8, mileage: 2 } })
      assert.deepStrictEqual(yield* done, doneBefore)
      assert.isDefined(parked)
      assert.deepInclude(parked, { ok: false, next_attempt_at: "infinity" })

      const kept = yield* sql`
        SELECT (SELECT json_agg(json_build_array(rentprog_id, code, notes) ORDER BY id) FROM cars) AS cars,
          (SELECT json_agg(json_build_array(rentprog_id, name)) FROM clients) AS clients,
          (SELECT json_agg(state) FROM bookings) AS bookings,
          (SELECT json_agg(description) FROM history) AS history,
          (SELECT json_agg(code ORDER BY company_id) FROM branches WHERE company_id IN (77, 9247, 9248)) AS branches
      `
      assert.deepStrictEqual(kept, [
        {
          cars: [
            ["7", "Solaris 17", "none"],
            [null, "Rio 5", "none"]
          ],
          clients: [["1", "Anna"]],
          bookings: ["x"],
          history: ["of old"],
          branches: ["harbour", "old-town", "kutaisi"]
        }
      ])

      const row = yield* insertEvent({ type: "client.create", company_id: 9248, payload: { id: 1 } })
      assert.isTrue(isPending(row))
      assert.strictEqual(row.branch, "kutaisi")
      assert.deepStrictEqual(yield* run, [])
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("a hopeless row that is there already does not keep the tables from being made", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`CREATE TABLE events (id serial PRIMARY KEY, type text, ext_id text, payload jsonb)`
      yield* sql`
        INSERT INTO events (type, ext_id, payload)
        SELECT 'car_update', string_agg(md5(n::text), ''), '{}' FROM generate_series(1, 400) AS n
      `
      yield* run
      const [row] = yield* readEvents(["1"])
      assert.deepInclude(row, { ok: false, next_attempt_at: "infinity" })
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("who may create nothing is told so", () =>
    Effect.gen(function* () {
      const { pool } = yield* asSomebody
      const exit = yield* Effect.exit(Effect.provide(run, pool))
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isFailure(exit))
        assert.include(Cause.pretty(exit.cause), "permission denied for schema public")
    }).pipe(Effect.scoped, Effect.provide(emptyDatabase))
  )

  it.live("who does not own the tables is told so, and nothing is left half done", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { pool, role } = yield* asSomebody
      yield* sql.unsafe(`GRANT ALL ON SCHEMA public TO ${role}`)
      yield* sql`CREATE TABLE cars (id serial PRIMARY KEY)`
      const exit = yield* Effect.exit(Effect.provide(run, pool))
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isFailure(exit)) assert.include(Cause.pretty(exit.cause), "must be owner of table cars")
      const tables = yield* sql`SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`
      assert.deepStrictEqual(tables, [{ tablename: "cars" }, { tablename: "jarvis_migrations" }])
    }).pipe(Effect.scoped, Effect.provide(emptyDatabase))
  )
})
