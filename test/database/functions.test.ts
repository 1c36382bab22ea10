import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { guest, testDatabase } from "../support/TestDatabase.ts"
import { again, grants, parameters, run, types, whole } from "./functionsAgain.ts"
import { migrateAs } from "./MigrationsProgram.ts"

/** What CREATE OR REPLACE FUNCTION cannot make row_state of. */
const strangers: ReadonlyArray<readonly [title: string, statement: string]> = [
  ["another result", `FUNCTION row_state(${parameters}) RETURNS int LANGUAGE sql RETURN 1`],
  [
    "a set as its result",
    `FUNCTION row_state(${parameters}) RETURNS SETOF text LANGUAGE sql AS $$ SELECT 'x' $$`
  ],
  [
    "a table as its result",
    `FUNCTION row_state(${parameters}) RETURNS TABLE (a text, b text) LANGUAGE sql AS $$ SELECT 'x', 'y' $$`
  ],
  [
    "other names of parameters",
    "FUNCTION row_state(a boolean, b boolean, c text, d timestamptz) RETURNS text LANGUAGE sql RETURN c"
  ],
  ["a default", `FUNCTION row_state(${parameters} DEFAULT now()) RETURNS text LANGUAGE sql RETURN reason`],
  [
    "a parameter to write to",
    "FUNCTION row_state(processed boolean, ok boolean, INOUT reason text, next_attempt_at timestamptz) LANGUAGE sql RETURN reason"
  ],
  ["another kind", `PROCEDURE row_state(${parameters}) LANGUAGE sql AS $$ SELECT 1 $$`],
  ["a third kind", `AGGREGATE row_state(${types}) (SFUNC = keep, STYPE = text)`]
]

describe("a function with", () => {
  for (const [title, statement] of strangers) {
    it.live(`${title} is made anew, and keeps its grants`, () =>
      Effect.gen(function* () {
        const before = yield* whole
        const [friend, other, late] = [yield* guest(), yield* guest(), yield* guest()]
        yield* run(
          "CREATE FUNCTION keep(text, boolean, boolean, text, timestamptz) RETURNS text LANGUAGE sql RETURN $1",
          `DROP FUNCTION row_state(${types})`,
          `CREATE ${statement}`,
          `REVOKE ALL ON ROUTINE row_state(${types}) FROM PUBLIC`,
          `GRANT EXECUTE ON ROUTINE row_state(${types}) TO ${friend.name} WITH GRANT OPTION`,
          `GRANT EXECUTE ON ROUTINE row_state(${types}) TO ${other.name}`,
          // Whoever gets something of all that is new gets nothing of what is only made anew.
          `ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON ROUTINES TO ${late.name}`
        )
        const granted = yield* grants("row_state")
        assert.lengthOf(granted, 3)
        assert.deepStrictEqual(yield* again, ["functions"])
        assert.deepStrictEqual(yield* grants("row_state"), granted)
        yield* run(
          `REVOKE ALL ON FUNCTION row_state(${types}) FROM ${friend.name}, ${other.name}`,
          `GRANT EXECUTE ON FUNCTION row_state(${types}) TO PUBLIC`,
          "DROP FUNCTION keep"
        )
        assert.deepStrictEqual(yield* whole, before)
      }).pipe(Effect.scoped, Effect.provide(testDatabase))
    )
  }
})

describe("functions", () => {
  it.live("that stand on one that is made anew come back with their own grants", () =>
    Effect.gen(function* () {
      const before = yield* whole
      const { name } = yield* guest()
      yield* run(
        "DROP FUNCTION event_changes(jsonb)",
        "DROP FUNCTION read_payload(jsonb)",
        "CREATE FUNCTION read_payload(other jsonb) RETURNS jsonb LANGUAGE sql RETURN other",
        "CREATE FUNCTION event_changes(received jsonb) RETURNS jsonb LANGUAGE sql RETURN read_payload(received)",
        `GRANT EXECUTE ON FUNCTION event_changes(jsonb) TO ${name}`
      )
      const granted = yield* grants("event_changes")
      assert.deepStrictEqual(yield* again, ["functions"])
      assert.deepStrictEqual(yield* grants("event_changes"), granted)
      yield* run(`REVOKE ALL ON FUNCTION event_changes(jsonb) FROM ${name}`)
      assert.deepStrictEqual(yield* whole, before)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("that run with their owner's rights are for nobody else, whatever was granted before", () =>
    Effect.gen(function* () {
      const { name } = yield* guest()
      yield* run(
        "DROP FUNCTION auto_process_event() CASCADE",
        "CREATE FUNCTION auto_process_event() RETURNS int LANGUAGE sql RETURN 1",
        `GRANT EXECUTE ON FUNCTION auto_process_event() TO PUBLIC, ${name}`
      )
      assert.deepStrictEqual(yield* again, ["functions"])
      const left = (yield* grants("auto_process_event")).map(({ grantee }) => grantee)
      assert.lengthOf(left, 2)
      assert.notInclude(left, "0", "PUBLIC")
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("that only have another text stay what they are, with all that stands on them", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* run("CREATE VIEW report AS SELECT row_state(true, true, NULL, NULL) AS state")
      const look = sql`SELECT 'row_state'::regproc::oid::text AS oid, state FROM report`
      const [before] = yield* look
      const text = `CREATE OR REPLACE FUNCTION :SCHEMA.row_state(${parameters}) RETURNS text LANGUAGE sql RETURN 'another'`
      assert.deepStrictEqual(yield* migrateAs({ "functions/09_more.sql": text }), ["functions"])
      assert.deepStrictEqual(yield* look, [{ ...before, state: "another" }])
    }).pipe(Effect.provide(testDatabase))
  )
})
