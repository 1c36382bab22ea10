/** Rows of another system's tables, forwarded to Jarvis's own: what is written, and what it costs whoever writes. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { inject } from "vitest"
import { forward } from "../../src/database/forwarding.ts"
import { storable } from "../../src/database/storable.ts"
import { count, inTransaction, misses, oldEvents, table, written } from "../support/forwarded.ts"
import { samples } from "../support/history.ts"
import { run } from "../support/refusing.ts"
import { size } from "../support/size.ts"
import { guest, schema, testDatabase } from "../support/TestDatabase.ts"

layer(testDatabase, { timeout: "2 minutes", excludeTestServices: true })("forwarding", (it) => {
  it.effect("each row becomes an event like any other, which says where it is from", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* table(oldEvents)
      yield* run(`INSERT INTO crm.events (company_id, type, rentprog_id, payload)
        VALUES (9247, 'car.update', '65311', '{"id": 65311, "mileage": [1, 2]}')`)
      assert.deepStrictEqual(yield* written, [
        {
          ...{ type: "car_update", ext_id: "65311", branch: "tbilisi", code: null },
          payload: { id: 65311, mileage: 2 }
        }
      ])
      const origins = yield* sql`
        SELECT FROM events JOIN crm.events AS old
          ON events.metadata = jsonb_build_object('source_table', 'crm.events', 'source_id', old.id::text)
      `
      assert.lengthOf(origins, 1)
    })
  )

  it.effect("a row that is overwritten is another event each time, and none when it is marked as done", () =>
    Effect.gen(function* () {
      yield* table(oldEvents)
      const upsert = (payload: string) =>
        run(`INSERT INTO crm.events (company_id, type, rentprog_id, payload) VALUES (9247, 'car_update', '7', '${payload}')
          ON CONFLICT (company_id, type, rentprog_id) DO UPDATE SET payload = excluded.payload, ts = excluded.ts`)
      yield* upsert('{"clean_state": [true, false]}')
      yield* upsert('{"clean_state": [false, true]}')
      yield* upsert('{"clean_state": [true, false]}')
      yield* upsert('{"clean_state": [true, false]}')
      assert.strictEqual(yield* count, 4)
      yield* run(
        "UPDATE crm.events SET processed = true",
        "UPDATE crm.events SET payload = payload, company_id = 9248"
      )
      assert.strictEqual(yield* count, 4)
      yield* run("UPDATE crm.events SET type = 'car_destroy'")
      assert.deepStrictEqual(
        (yield* written).map(({ type }) => type),
        ["car_update", "car_update", "car_update", "car_update", "car_destroy"]
      )
    })
  )

  const payloads: ReadonlyArray<readonly [what: string, type: string, payload: string, code: string | null]> =
    [
      ["jsonb", "jsonb", '{"id": 5}', null],
      ["json", "json", '{"id": 5}', null],
      ["json that jsonb cannot be", "json", '{"id": 5, "name": "\\u0000"}', "invalid_payload"],
      ["json with half a character", "json", '{"id": 5, "name": "\\ud83d"}', "invalid_payload"],
      ["a text that is JSON", "text", '{"id": 5}', null],
      ["a text that is a Ruby hash", "text", '{"id"=>5, "vin"=>nil}', null],
      ["a JSON text that holds one", "jsonb", '"{\\"id\\"=>5}"', null],
      ["a short type", "varchar(200)", '{"id": 5}', null],
      ["nonsense", "text", "nonsense", "invalid_payload"]
    ]
  it.effect.each(payloads)("a payload may be %s", ([, type, payload, code]) =>
    Effect.gen(function* () {
      yield* table(`id serial PRIMARY KEY, event_name text, payload ${type}, done boolean`)
      yield* run(
        `INSERT INTO crm.events (event_name, payload) VALUES ('client_update', '${payload}')`,
        "UPDATE crm.events SET done = true"
      )
      const [row, ...others] = yield* written
      assert.deepStrictEqual(others, [])
      assert.strictEqual(row?.code, code ?? "unknown_branch")
      assert.strictEqual(row?.type, "client_update")
    })
  )

  it.effect("columns may come and go, within one session, too", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* table("id text PRIMARY KEY, type text, ext_id int, payload jsonb")
      yield* sql.withTransaction(
        run(
          "INSERT INTO crm.events VALUES ('a', 'car_update', 1, '{}')",
          "ALTER TABLE crm.events ADD COLUMN branch text, ADD COLUMN event_name text, ADD COLUMN company_id uuid",
          "INSERT INTO crm.events VALUES ('b', 'Update', 2, '{}', 'batumi', 'car_update', gen_random_uuid())",
          "ALTER TABLE crm.events DROP COLUMN type, ALTER COLUMN payload TYPE text, ALTER COLUMN ext_id TYPE text",
          "INSERT INTO crm.events VALUES ('c', '3', '{}', 'kutaisi', 'client_update', NULL)",
          "ALTER TABLE crm.events DROP COLUMN payload",
          "INSERT INTO crm.events VALUES ('d', '4', 'kutaisi', 'client_update', NULL)"
        )
      )
      assert.deepStrictEqual(
        (yield* written).map(({ branch, code, ext_id, type }) => [type, ext_id, branch, code]),
        [
          ["car_update", "1", null, "unknown_branch"],
          ["car_update", "2", "batumi", null],
          ["client_update", "3", "kutaisi", null],
          ["client_update", "4", "kutaisi", null]
        ]
      )
    })
  )

  it.effect("an entry of the log is applied, as of the time when it was made", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* table(
        "id bigserial, description text, operation_id bigint, created_at timestamp, branch text, done boolean",
        "history"
      )
      yield* run(
        "INSERT INTO cars (rentprog_id, branch, mileage, fetched_at) VALUES ('7', 'tbilisi', 1, now() - interval '1 day')"
      )
      yield* run(
        "SET LOCAL TimeZone = 'Asia/Tokyo'",
        `INSERT INTO crm.history (description, operation_id, branch, created_at) VALUES
          ('Мария Ли изменила mileage с 1 на 2 в авто № 7', 900, 'tbilisi', now()::timestamp - interval '1 hour'),
          ('Мария Ли изменила mileage с 0 на 1 в авто № 7', 800, 'tbilisi', now()::timestamp - interval '2 days')`,
        "UPDATE crm.history SET done = true"
      ).pipe(inTransaction)
      const rows = yield* sql`
        SELECT history.operation_id, history.reason, history.metadata ->> 'source_id' AS source_id,
          round(extract(epoch FROM now() - history.created_at) / 3600)::int AS hours
        FROM history ORDER BY history.id
      `
      assert.deepStrictEqual(rows, [
        { operation_id: "900", reason: null, source_id: "1", hours: 1 },
        { operation_id: "800", reason: "superseded", source_id: "2", hours: 48 }
      ])
      assert.deepStrictEqual(yield* sql`SELECT cars.mileage::int FROM cars`, [{ mileage: 2 }])
    })
  )

  it.effect("an entry whose sentence is overwritten is another one, and none when anything else is", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* table("id int, description text, ts timestamptz DEFAULT now(), branch text", "history")
      yield* run(
        "INSERT INTO crm.history (id, description, branch) VALUES (1, 'Мария Ли создала', 'tbilisi')",
        "UPDATE crm.history SET description = 'Мария Ли создала бронь №507616'",
        "UPDATE crm.history SET ts = now(), branch = 'batumi'"
      )
      const rows = yield* sql`SELECT history.description FROM history ORDER BY history.id`
      assert.deepStrictEqual(rows, [
        { description: "Мария Ли создала" },
        { description: "Мария Ли создала бронь №507616" }
      ])
    })
  )

  const Said = Schema.Struct({
    type: Schema.NullOr(Schema.Literals(["car_update", "Booking.Create", "nonsense"])),
    ext_id: Schema.NullOr(Schema.Literals(["5", " ", "1|2"])),
    branch: Schema.NullOr(Schema.Literals(["batumi", ""])),
    company_id: Schema.NullOr(Schema.Literals([9247, 4])),
    payload: Schema.Union([
      Schema.Record(Schema.String, Schema.Json),
      Schema.String,
      Schema.Array(Schema.Json)
    ])
  })

  it.effect("whatever it says, a row comes to what it would have come to without the detour", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* table("id int, type text, ext_id text, branch text, company_id bigint, payload jsonb")
      const rows = (yield* samples(Arbitrary.schema(Said), 500)).map((said, id) => ({ id, ...said }))
      const sent = sql`
        jsonb_to_recordset(${sql.json(storable(rows))}) AS sent (
          id int, type text, ext_id text, branch text, company_id bigint, payload jsonb
        )
      `
      const written = sql`
        SELECT coalesce(events.metadata ->> 'source_id', events.metadata ->> 'n')::int AS n,
          (to_jsonb(events.*) - ARRAY['id', 'ts', 'metadata', 'receipt', 'next_attempt_at'])::text AS row
        FROM events ORDER BY 1
      `
      yield* sql`INSERT INTO crm.events (id, type, ext_id, branch, company_id, payload) SELECT sent.* FROM ${sent}`
      const forwarded = yield* written
      yield* run("TRUNCATE events")
      yield* sql`
        INSERT INTO events (metadata, type, ext_id, branch, company_id, payload)
        SELECT jsonb_build_object('n', sent.id), sent.type, sent.ext_id, sent.branch, sent.company_id, sent.payload FROM ${sent}
      `
      assert.lengthOf(forwarded, rows.length)
      assert.deepStrictEqual(forwarded, yield* written)
    })
  )

  it.effect("who writes there needs no right on Jarvis's schema, and may look elsewhere for everything", () =>
    Effect.gen(function* () {
      yield* table("id serial PRIMARY KEY, type text, payload jsonb")
      const writer = yield* guest()
      yield* run(
        `REVOKE ALL ON SCHEMA "${inject("schema")}" FROM ${writer.name}`,
        "REVOKE CREATE, USAGE ON SCHEMA public FROM PUBLIC",
        `GRANT USAGE ON SCHEMA crm TO ${writer.name}`,
        `GRANT INSERT ON crm.events TO ${writer.name}`,
        `GRANT USAGE ON crm.events_id_seq TO ${writer.name}`
      )
      yield* run(
        "CREATE TEMP TABLE events (id int)",
        "CREATE TEMP TABLE forwarded_tables (source text)",
        "SET LOCAL search_path = pg_temp",
        `INSERT INTO crm.events (type, payload) VALUES ('car_update', '{"id": 5, "company_id": 9247}')`
      ).pipe(inTransaction, Effect.provide(writer.pool))
      assert.deepInclude((yield* written)[0], { ext_id: "5", branch: "tbilisi" })
    }).pipe(Effect.scoped)
  )

  it.effect("what is rolled back was never there", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* table("id serial PRIMARY KEY, type text, payload jsonb")
      yield* run(`INSERT INTO crm.events (type, payload) VALUES ('car_update', '{"id": 5}')`).pipe(
        Effect.andThen(Effect.fail("no")),
        sql.withTransaction,
        Effect.ignore
      )
      assert.strictEqual(yield* count, 0)
      assert.deepStrictEqual(yield* misses, [])
    })
  )

  it.effect("rows of all partitions", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* run(
        "DROP SCHEMA IF EXISTS crm CASCADE",
        "CREATE SCHEMA crm",
        "TRUNCATE events, forwarded_tables"
      )
      yield* run(
        "CREATE TABLE crm.events (day date, id int, type text, payload jsonb) PARTITION BY RANGE (day)",
        "CREATE TABLE crm.events_1 PARTITION OF crm.events FOR VALUES FROM ('2025-01-01') TO ('2025-02-01')"
      )
      yield* forward(yield* schema, ["crm.events"], false)
      yield* run(
        "CREATE TABLE crm.events_2 (payload jsonb, type text, id int, day date)",
        "ALTER TABLE crm.events ATTACH PARTITION crm.events_2 FOR VALUES FROM ('2025-02-01') TO ('2025-03-01')",
        `INSERT INTO crm.events (day, id, type, payload) VALUES
          ('2025-01-05', 1, 'car_update', '{"id": 1}'), ('2025-02-05', 2, 'car_update', '{"id": 2}')`,
        `INSERT INTO crm.events_2 (day, id, type, payload) VALUES ('2025-02-06', 3, 'car_update', '{"id": 3}')`
      )
      const rows = yield* sql<{ readonly origin: string }>`
        SELECT concat(events.metadata ->> 'source_table', ' ', events.metadata ->> 'source_id') AS origin
        FROM events ORDER BY events.ext_id
      `
      assert.deepStrictEqual(
        rows.map(({ origin }) => origin),
        ["crm.events 1", "crm.events 2", "crm.events 3"]
      )
    })
  )

  it.effect("a statement of very many rows", () =>
    Effect.gen(function* () {
      const rows = size({ usual: 5000, long: 50_000 })
      yield* table(oldEvents)
      yield* run(`INSERT INTO crm.events (company_id, type, rentprog_id, payload)
        SELECT 9247, 'car_update', n, json_build_object('id', n) FROM generate_series(1, ${rows}) AS n`)
      assert.strictEqual(yield* count, rows)
    })
  )
})
