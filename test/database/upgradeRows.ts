/** Rows in flight, of every kind that an early version knows. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { Early } from "./upgradeFrom.ts"

/** Since which version there can be such a row, and how it gets there. */
type Step = readonly [since: number, statement: string]

/** What people and senders write, each in their way. */
const written: ReadonlyArray<Step> = [
  [1, "UPDATE branches SET code = 'old-town' WHERE company_id = 9247"],
  [1, "INSERT INTO branches (company_id, code, name) VALUES (77, 'harbour', 'Гавань')"],
  [
    1,
    `INSERT INTO cars (rentprog_id, branch, company_id, car_name, code, mileage, data, fetched_at, updated_at) VALUES
       ('5', 'harbour', 77, 'Kia Rio', 'Rio 5', 100, '{"mileage": 100, "note": "x"}', '2026-01-01', '2026-01-02'),
       ('6', 'tbilisi', 9110, NULL, NULL, NULL, '{}', NULL, NULL)`
  ],
  [
    1,
    `INSERT INTO clients (rentprog_id, branch, name, phone, data, fetched_at) VALUES
       ('5', 'harbour', 'Нина', '+995', '{"phone": "+995"}', '2026-01-01')`
  ],
  [
    1,
    `INSERT INTO bookings (rentprog_id, branch, car_id, client_id, state, start_date, data, fetched_at, deleted_at) VALUES
       ('5', 'harbour', '5', '5', 'Новая', '2026-01-03 10:00+04', '{"state": "Новая"}', '2026-01-01', '2026-02-01')`
  ],
  // Pending, in three spellings, then what the service will have met, then what nobody can do anything with.
  [
    1,
    `INSERT INTO events (branch, type, ext_id, company_id, payload) VALUES
       (NULL, 'car.update', NULL, 77, '"{\\"id\\"=>[5, 5], \\"mileage\\"=>[100, 120]}"'),
       (NULL, 'Client_Update', '', NULL, '{"id": 5, "phone": ["+995", "+996"]}'),
       ('tbilisi', 'booking_create', '8', NULL, '{"id": 8}'),
       ('tbilisi', 'car_update', '101', NULL, '{"id": 101}'),
       ('tbilisi', 'car_update', '102', NULL, '{"id": 102}'),
       ('tbilisi', 'car_update', '103', NULL, '{"id": 103}'),
       ('tbilisi', 'car_update', '104', NULL, '{"id": 104}'),
       ('tbilisi', 'car_update', '105', NULL, '{"id": 105}'),
       ('tbilisi', 'teapot', '106', NULL, '{"id": 106}'),
       (NULL, 'car_create', '107', 4, '{"id": 107}')`
  ],
  [
    5,
    `INSERT INTO events (branch, type, ext_id, payload, metadata) VALUES
       ('tbilisi', 'car_update', '59', '{"id": "59"}', '{"asked_for": "car 59", "from": "somebody"}')`
  ],
  [5, "INSERT INTO history_progress VALUES ('tbilisi', '2026-03-01 10:00:00.123+00')"],
  [5, `UPDATE cars SET field_times = '{"mileage": "2026-01-02T00:00:00+00:00"}' WHERE rentprog_id = '5'`],
  [5, "INSERT INTO payments (rentprog_id, branch, amount, currency) VALUES ('900', 'tbilisi', 30.5, 'USD')"],
  [5, "INSERT INTO maintenance (rentprog_id, branch, car_id, state) VALUES ('901', 'tbilisi', '5', 'open')"],
  [
    5,
    `INSERT INTO entity_timeline (entity_type, entity_id, source, source_id, operation, changes, log_entry) VALUES
       ('car', '5', 'history', '70', 'update', '{"mileage": ["90", "100"]}', 'harbour:70'),
       ('car', '5', 'sync', NULL, 'update', NULL, NULL)`
  ],
  // One that applies, one that waits for a car, one that says nothing, and what the service will have met.
  [
    5,
    `INSERT INTO history (branch, operation_id, description, created_at) VALUES
       ('harbour', '71', 'Иван Петров изменил , mileage с 100 на 130 в авто № 5', '2026-03-01'),
       ('tbilisi', '72', 'Иван Петров изменил , mileage с 1 на 2 в авто № 59', '2026-03-01'),
       ('tbilisi', '73', 'Иван Петров подумал', '2026-03-01'),
       ('tbilisi', '74', 'Мария Ли создала платёж №1834893, приход наличными 30.0USD', '2026-03-01'),
       ('tbilisi', '75', 'Иван Петров изменил , phone с 1 на 2 в клиенте № 78', '2026-03-01'),
       ('tbilisi', '76', 'Иван Петров изменил , phone с 1 на 3 в клиенте № 78', '2026-03-01')`
  ],
  [
    8,
    `INSERT INTO events (branch, type, ext_id, payload, receipt, trace_id)
     VALUES ('tbilisi', 'car_update', '108', '{"id": 108}', '00000000-0000-4000-8000-000000000001', 'a trace')`
  ]
]

/** What the service and people made of them. */
const handled: ReadonlyArray<Step> = [
  [
    1,
    `UPDATE events SET attempts = 3, ok = false, reason = 'rentprog_timeout: slow', next_attempt_at = '2100-01-01'
     WHERE ext_id = '101'`
  ],
  [
    1,
    `UPDATE events SET attempts = 5, ok = false, reason = 'rentprog_not_found: car 102', next_attempt_at = 'infinity'
     WHERE ext_id = '102'`
  ],
  [
    1,
    `UPDATE events SET attempts = 1, processed = true, ok = true, next_attempt_at = NULL, processed_at = '2026-02-02'
     WHERE ext_id = '103'`
  ],
  [
    1,
    `UPDATE events SET processed = true, ok = false, reason = 'discarded: a test', next_attempt_at = NULL,
       processed_at = '2026-02-03'
     WHERE ext_id = '104'`
  ],
  // Its branch was locked when it came.
  [
    1,
    `UPDATE events SET ok = false, reason = 'database_error: canceling statement due to lock timeout',
       next_attempt_at = '2026-02-04'
     WHERE ext_id = '105'`
  ],
  [
    5,
    `UPDATE history SET attempts = 4, processed = false, ok = false, reason = 'apply_failed: no', next_attempt_at = '2100-01-01'
     WHERE operation_id = '74'`
  ],
  [
    5,
    `UPDATE history SET attempts = 20, ok = false, reason = 'entity_not_found: client 78', next_attempt_at = 'infinity'
     WHERE operation_id = '75'`
  ],
  [
    5,
    `UPDATE history SET processed = true, ok = false, reason = 'discarded: a test', next_attempt_at = NULL,
       processed_at = '2026-03-03'
     WHERE operation_id = '76'`
  ],
  [9, "INSERT INTO paused_branches (branch, paused_by) VALUES ('kutaisi', 'Нина Ли')"],
  [
    9,
    `INSERT INTO row_attempts (source, source_id, attempt, reason, trace_id)
     SELECT 'event', id, n, reason, 'a trace' FROM events, generate_series(1, attempts) AS n WHERE ext_id IN ('101', '102')`
  ],
  [
    10,
    `INSERT INTO operator_actions (by, address, action, source_table, reason, count)
     VALUES ('Нина Ли', '192.0.2.7', 'discard', 'events', 'a test', 1), ('Нина Ли', '192.0.2.7', 'undo', 'history', NULL, 1)`
  ],
  [10, "UPDATE operator_actions SET undone_by = 2 WHERE id = 1"],
  [
    10,
    `INSERT INTO operator_action_rows SELECT 1, id, '{"ok": null, "attempts": 0}' FROM events WHERE ext_id = '104'`
  ]
]

/** Puts them into a database of that version. */
export const fill = Effect.fnUntraced(function* ({ attempts, version }: Early) {
  const sql = yield* PgClient.PgClient
  const run = (steps: ReadonlyArray<Step>) =>
    Effect.forEach(
      steps.filter(([since]) => since <= version),
      ([, statement]) => sql.unsafe(attempts ? statement.replace("row_attempts", "attempts") : statement),
      { discard: true }
    )
  yield* run(written)
  // The trigger would take some of these for a person's touch.
  yield* sql.withTransaction(Effect.andThen(sql`SET LOCAL session_replication_role = replica`, run(handled)))
})

const Table = Schema.Struct({
  table: Schema.String,
  rows: Schema.Array(Schema.Record(Schema.String, Schema.Json))
})

/** The rows of each table, by its name. */
export type Rows = ReadonlyMap<string, (typeof Table.Type)["rows"]>

/** All rows but what a migration writes down itself. */
export const readRows = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const tables = yield* sql<{ readonly name: string }>`
    SELECT tablename AS name FROM pg_tables
    WHERE schemaname = 'public' AND tablename NOT IN ('reasons', 'jarvis_migrations', 'jarvis_functions')
  `
  const read = yield* Effect.forEach(tables, ({ name }) =>
    Effect.flatMap(
      sql`SELECT ${name} AS "table", coalesce(jsonb_agg(to_jsonb(one)), '[]') AS rows FROM ${sql(name)} AS one`,
      Schema.decodeUnknownEffect(Schema.Array(Table))
    )
  )
  return new Map(read.flat().map(({ rows, table }) => [table, rows]))
})
