import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readCatalog } from "../../src/database/catalog.ts"
import { migrate, plan, Unfit } from "../../src/database/Migrations.ts"
import { SchemaName } from "../../src/database/SchemaName.ts"
import { emptyDatabase, migrated, schema, testDatabase } from "../support/TestDatabase.ts"
import { emptySchema, planned, run, worse } from "./preflightCase.ts"
import { customer, foundAtCustomer } from "./preflightCustomer.ts"

/** All rows of all tables of the schema. */
const contents = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const own = yield* schema
  const tables = yield* sql<{ readonly name: string }>`
    SELECT pg_class.relname AS name FROM pg_class
    WHERE pg_class.relnamespace = to_regnamespace(quote_ident(${own})) AND pg_class.relkind = 'r' ORDER BY 1
  `
  return yield* Effect.forEach(tables, ({ name }) =>
    Effect.map(
      sql`SELECT jsonb_agg(to_jsonb(one.*) ORDER BY to_jsonb(one.*)) AS rows FROM ${sql(name)} AS one`,
      (rows) => ({ name, rows })
    )
  )
})

const everything = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return { catalog: yield* readCatalog(sql, yield* schema), contents: yield* contents }
})

/** The plan's names of what would run. */
const whole = [
  "0001_baseline",
  "0002_indexes",
  "0003_truth",
  "0004_unknown_branch",
  "0005_rows",
  "0006_forward",
  "0007_writes",
  "0008_processes",
  "functions"
]

describe("the preflight", () => {
  it.live("finds nothing worse than harmless in an empty database, nor in one that was migrated", () =>
    Effect.gen(function* () {
      const before = yield* planned
      assert.deepStrictEqual([worse(before.findings), before.pending, before.instead], [[], whole, null])
      yield* migrated
      const after = yield* planned
      assert.deepStrictEqual([worse(after.findings), after.pending], [[], []])
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("finds nothing in a migrated database whose tables are crowded", () =>
    Effect.gen(function* () {
      yield* run(
        'ALTER TABLE cars ADD COLUMN "Примечание" text, ADD COLUMN "Осмотр" timestamptz NOT NULL DEFAULT now()'
      )
      assert.deepStrictEqual(worse((yield* planned).findings), [])
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("changes nothing, not even where something was to be counted", () =>
    Effect.gen(function* () {
      yield* emptySchema
      yield* run(...customer)
      const before = yield* everything
      yield* planned
      assert.deepStrictEqual(yield* everything, before)
    }).pipe(Effect.provide(emptyDatabase))
  )
})

describe("a company's own system under the same names", () => {
  it.live("is found, thing by thing, and refused", () =>
    Effect.gen(function* () {
      yield* emptySchema
      yield* run(...customer)
      const { findings, instead, pending } = yield* planned
      assert.deepStrictEqual(worse(findings), foundAtCustomer)
      assert.deepStrictEqual([pending, instead], [whole, "jarvis"])
      assert.isTrue(findings.every(({ cured }, n) => cured || findings[n]?.object === "schema public"))
      const waiting = findings.find(({ is }) => is.includes("rows"))
      assert.deepInclude(waiting, { object: "table events", is: "with 1,234 rows to be processed" })

      const before = yield* everything
      const error = yield* Effect.flip(migrated)
      assert.instanceOf(error, Unfit)
      assert.match(error.message, /^Jarvis cannot work with this database .*; nothing has been changed\n/)
      for (const name of foundAtCustomer.filter((found) => found.startsWith("fatal"))) {
        assert.include(error.message, name.replace("fatal ", "fatal  "))
      }
      assert.match(error.message, /\nwhat works instead: JARVIS_SCHEMA=jarvis \(.+\)$/)
      assert.deepStrictEqual(yield* everything, before)
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("stays as it is while Jarvis lives in the schema that was named instead", () =>
    Effect.gen(function* () {
      yield* emptySchema
      yield* run(...customer)
      const before = yield* everything
      const jarvis = SchemaName.make("jarvis")
      const dry = yield* plan(jarvis)
      assert.deepStrictEqual([worse(dry.findings), dry.pending], [[], whole])
      assert.deepStrictEqual(yield* migrate(jarvis), whole)
      const after = yield* plan(jarvis)
      assert.deepStrictEqual([worse(after.findings), after.pending], [[], []])
      assert.deepStrictEqual(yield* everything, before)
      yield* run(
        `INSERT INTO jarvis.events (type, payload) VALUES ('car.update', '{"id": 7, "company_id": 9247}')`
      )
      const sql = yield* PgClient.PgClient
      assert.deepStrictEqual(yield* sql`SELECT branch, ext_id FROM jarvis.events`, [
        { branch: "tbilisi", ext_id: "7" }
      ])
      // Whoever forgets the setting is told where Jarvis is.
      assert.strictEqual((yield* planned).instead, "jarvis")
    }).pipe(Effect.provide([emptyDatabase, NodeServices.layer]))
  )

  it.live("is told another name where that schema is somebody else's", () =>
    Effect.gen(function* () {
      yield* emptySchema
      yield* run(...customer, "CREATE SCHEMA jarvis", "CREATE SCHEMA jarvis_2")
      assert.strictEqual((yield* planned).instead, "jarvis_3")
    }).pipe(Effect.provide(emptyDatabase))
  )
})

describe("tables of no other shape", () => {
  const before = [
    `CREATE TABLE events (id serial PRIMARY KEY, ts timestamptz DEFAULT now(), branch text, type text, ext_id text,
       payload jsonb, company_id int, metadata jsonb, processed boolean, ok boolean, reason text)`,
    "CREATE TABLE history (id serial PRIMARY KEY, ts timestamptz DEFAULT now(), description text, company_id int)",
    "CREATE TABLE branches (company_id int PRIMARY KEY, code text)",
    "CREATE TABLE cars (id serial PRIMARY KEY, rentprog_id text, code text, notes text NOT NULL DEFAULT 'none')",
    "CREATE TABLE clients (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), rentprog_id text UNIQUE, name varchar(50))",
    "CREATE FUNCTION auto_process_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    `CREATE TRIGGER auto_process_event_trigger AFTER INSERT OR UPDATE ON events
       FOR EACH ROW EXECUTE FUNCTION auto_process_event()`
  ]

  it.live("are migrated, and what is replaced is said before", () =>
    Effect.gen(function* () {
      yield* emptySchema
      yield* run(...before)
      const risks = [
        "risk column clients.name",
        "risk function auto_process_event()",
        "risk trigger events.auto_process_event_trigger"
      ]
      assert.deepStrictEqual(worse((yield* planned).findings), risks)
      const heard: Array<string> = []
      yield* migrate(yield* schema, ({ findings }) => Effect.sync(() => heard.push(...worse(findings))))
      assert.deepStrictEqual(heard, risks)
      assert.deepStrictEqual(worse((yield* planned).findings), ["risk column clients.name"])
    }).pipe(Effect.provide([emptyDatabase, NodeServices.layer]))
  )
})

describe("a database that Jarvis has migrated", () => {
  const broken: ReadonlyArray<readonly [what: string, statement: string, ...found: ReadonlyArray<string>]> = [
    [
      "a trigger",
      "DROP TRIGGER auto_process_event_trigger ON events",
      "fatal trigger events.auto_process_event_trigger"
    ],
    [
      "a trigger that is disabled",
      "ALTER TABLE history DISABLE TRIGGER auto_process_history_trigger",
      "risk trigger history.auto_process_history_trigger"
    ],
    [
      "a trigger that is another",
      `CREATE OR REPLACE TRIGGER auto_process_event_trigger AFTER INSERT ON events
         FOR EACH ROW EXECUTE FUNCTION auto_process_event()`,
      "fatal trigger events.auto_process_event_trigger"
    ],
    [
      "a function",
      "DROP FUNCTION row_state",
      "fatal function row_state(boolean,boolean,text,timestamp with time zone)"
    ],
    ["a table", "DROP TABLE row_refusals", "fatal table row_refusals"],
    ["a column", "ALTER TABLE cars DROP COLUMN fetched_at", "fatal column cars.fetched_at"],
    ["an index", "DROP INDEX events_due", "risk index events_due"],
    ["a key", "DROP INDEX cars_rentprog_id_key", "fatal table cars"],
    ["the default of a key", "ALTER TABLE events ALTER COLUMN id DROP IDENTITY", "fatal column events.id"]
  ]
  for (const [what, statement, ...found] of broken) {
    it.live(`lacks ${what}, and no other schema cures that`, () =>
      Effect.gen(function* () {
        yield* run(statement)
        const { findings, instead } = yield* planned
        assert.deepStrictEqual(worse(findings), found)
        assert.isTrue(findings.every(({ cured }) => !cured))
        assert.isNull(instead)
        // What is advised cures it.
        const [{ todo } = { todo: "" }] = findings
        const [, forget] = /^(DELETE FROM .*), and run jarvis migrate$/.exec(todo) ?? []
        if (forget !== undefined) {
          yield* run(forget)
          assert.deepStrictEqual(yield* migrated, ["functions"])
        } else if (/^(ALTER|CREATE) [^,]*$/.test(todo)) {
          yield* run(todo)
        } else return
        assert.deepStrictEqual(worse((yield* planned).findings), [])
      }).pipe(Effect.provide(testDatabase))
    )
  }

  it.live("has functions that are its own, whatever they became", () =>
    Effect.gen(function* () {
      yield* run(
        "DROP FUNCTION history_changes",
        "CREATE FUNCTION history_changes(said text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DELETE FROM jarvis_functions"
      )
      assert.deepStrictEqual(worse((yield* planned).findings), [])
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("has what stands on a function of its that is to be made anew", () =>
    Effect.gen(function* () {
      yield* run(
        "DROP FUNCTION history_changes",
        "CREATE FUNCTION history_changes(said text) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE VIEW changed AS SELECT history_changes('car') AS field",
        "DELETE FROM jarvis_functions"
      )
      const [finding] = (yield* planned).findings
      assert.deepInclude(finding, { level: "fatal", object: "sql/functions", cured: false })
      assert.match(finding?.todo ?? "", /changed depends on .*history_changes/)
    }).pipe(Effect.provide(testDatabase))
  )
})
