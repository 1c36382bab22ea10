import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

/** Tables as a company has them before it has Jarvis, in Jarvis's schema, with as many events. */
export const company = Effect.fnUntraced(function* ({ events }: { readonly events: number }) {
  const sql = yield* PgClient.PgClient
  const [{ path } = { path: "" }] = yield* sql<{ readonly path: string }>`
    SELECT current_setting('search_path') AS path
  `
  const statements = [
    `CREATE SCHEMA IF NOT EXISTS ${path}`,
    `CREATE TABLE events (id serial PRIMARY KEY, ts timestamptz DEFAULT now(), type text, ext_id text, payload jsonb,
       company_id int, processed boolean, ok boolean, attempts int, was text)`,
    `INSERT INTO events (type, payload, company_id, processed, ok, was)
     SELECT CASE n % 4 WHEN 3 THEN 'nonsense' ELSE 'car.update' END, jsonb_build_object('id', n, 'mileage', '[1, 2]'::jsonb),
       9247, CASE n % 4 WHEN 1 THEN true WHEN 2 THEN NULL ELSE false END, CASE n % 4 WHEN 1 THEN true END,
       (ARRAY['waiting', 'done', 'untold', 'nonsense'])[n % 4 + 1]
     FROM generate_series(1, ${events}) AS n`,
    `CREATE TABLE history (id serial PRIMARY KEY, ts timestamptz DEFAULT now(), description text, created_at timestamptz,
       processed boolean)`,
    `INSERT INTO history (description, created_at) VALUES
       ('Мария Ли изменила mileage с 1 на 3 в авто № 7', now() - interval '100 days'),
       ('Мария Ли изменила mileage с 1 на 3 в авто № 8', now() - interval '100 days'),
       ('Анна Смит создала платёж №9, приход наличными 30.0USD', now() - interval '100 days')`,
    "CREATE TABLE cars (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), rentprog_id text, mileage numeric, updated_at timestamptz)",
    "INSERT INTO cars (rentprog_id, mileage, updated_at) VALUES ('7', 1000, now() - interval '10 days')",
    "CREATE TABLE clients (id serial PRIMARY KEY, rentprog_id text UNIQUE, name varchar(50))",
    "INSERT INTO clients (rentprog_id, name) VALUES ('1', 'Anna')"
  ]
  yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
})
