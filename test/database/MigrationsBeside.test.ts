import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { adopt } from "../../src/database/adoption.ts"
import { insertEvent, isPending, readEvents } from "../support/events.ts"
import { emptyDatabase, migrated, schema } from "../support/TestDatabase.ts"

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

const run = Effect.fnUntraced(function* (statements: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  yield* sql`CREATE SCHEMA IF NOT EXISTS ${sql(yield* schema)}`
  for (const statement of statements) yield* sql.unsafe(statement)
})

const adopted = adopt(() => Effect.void)

describe("migrate", () => {
  it.live("beside tables that are there already", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* run(before)
      const old = sql`
        SELECT id, ts, branch, type, ext_id, payload, company_id, metadata, processed, ok, reason FROM events ORDER BY id
      `
      const oldBefore = yield* old
      yield* migrated
      assert.deepStrictEqual(yield* old, oldBefore)
      assert.deepStrictEqual(yield* adopted, [])

      const [pending, untold, done, unasked] = yield* readEvents(["1", "2", "3", "4"])
      assert.isDefined(pending)
      assert.isDefined(untold)
      assert.isTrue(isPending(pending) && isPending(untold))
      assert.deepInclude(pending, {
        ...{ type: "car_update", branch: "old-town", ext_id: "7", payload: { id: 7, company_id: 9247 } },
        payload_received: '{"id"=>[1, 7], "company_id"=>9247}'
      })
      assert.deepInclude(untold, { branch: "harbour", ext_id: "8", payload: { id: 8, mileage: 2 } })
      assert.deepInclude(done, {
        ...{ branch: "elsewhere", ext_id: "x", processed: true, ok: true, reason: "done by hand" },
        payload: { id: 9, mileage: [1, 2] }
      })
      assert.deepInclude(unasked, { ok: false, reason: "unknown_branch: not asked yet" })

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
      assert.deepStrictEqual(yield* migrated, [])
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("a hopeless row that is there already does not keep the tables from being made", () =>
    Effect.gen(function* () {
      yield* run([
        "CREATE TABLE events (id serial PRIMARY KEY, type text, ext_id text, payload jsonb)",
        `INSERT INTO events (type, ext_id, payload)
         SELECT 'car_update', string_agg(md5(n::text), ''), '{}' FROM generate_series(1, 400) AS n`
      ])
      yield* migrated
      assert.deepStrictEqual(yield* adopted, [])
      const [row] = yield* readEvents(["1"])
      assert.deepInclude(row, { ok: false, next_attempt_at: "infinity" })
    }).pipe(Effect.provide(emptyDatabase))
  )
})
