import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { schema, testDatabase } from "../support/TestDatabase.ts"
import { again, parameters, run, types, whole } from "./functionsAgain.ts"
import { migrateAs } from "./MigrationsProgram.ts"

const call = "row_state(a, b, c, d)"

/** What of a company's may stand on row_state: what it is called, how it is made, and how it goes. */
const dependents: ReadonlyArray<{
  readonly titles: ReadonlyArray<string>
  readonly made: ReadonlyArray<string>
  readonly gone: string
}> = [
  {
    titles: ["view theirs.report"],
    made: [`CREATE VIEW theirs.report AS SELECT ${call} AS state FROM theirs.rows`],
    gone: "DROP VIEW theirs.report"
  },
  {
    titles: ["view theirs.summary", "materialized view theirs.report"],
    made: [
      `CREATE MATERIALIZED VIEW theirs.report AS SELECT ${call} AS state FROM theirs.rows`,
      "CREATE VIEW theirs.summary AS SELECT count(*) FROM theirs.report"
    ],
    gone: "DROP MATERIALIZED VIEW theirs.report CASCADE"
  },
  {
    titles: ["function theirs.report(theirs.rows)"],
    made: [
      `CREATE FUNCTION theirs.report(theirs.rows) RETURNS int LANGUAGE sql RETURN row_state($1.a, $1.b, $1.c, $1.d)`
    ],
    gone: "DROP FUNCTION theirs.report"
  },
  {
    titles: ["index theirs.states"],
    made: [`CREATE INDEX states ON theirs.rows (${call})`],
    gone: "DROP INDEX theirs.states"
  },
  {
    titles: ["default value for theirs.rows.state"],
    made: [`ALTER TABLE theirs.rows ADD COLUMN state int GENERATED ALWAYS AS (${call}) STORED`],
    gone: "ALTER TABLE theirs.rows DROP COLUMN state"
  },
  {
    titles: ["table constraint states on theirs.rows"],
    made: [`ALTER TABLE theirs.rows ADD CONSTRAINT states CHECK (${call} > 0)`],
    gone: "ALTER TABLE theirs.rows DROP CONSTRAINT states"
  },
  {
    titles: ["policy states on theirs.rows"],
    made: [`CREATE POLICY states ON theirs.rows USING (${call} > 0)`],
    gone: "DROP POLICY states ON theirs.rows"
  },
  {
    titles: ["trigger states on theirs.rows"],
    made: [
      `CREATE TRIGGER states AFTER INSERT ON theirs.rows FOR EACH ROW WHEN (row_state(NEW.a, NEW.b, NEW.c, NEW.d) > 0)
         EXECUTE FUNCTION suppress_redundant_updates_trigger()`
    ],
    gone: "DROP TRIGGER states ON theirs.rows"
  }
]

describe("where something of the company's stands on a function that has to be made anew, nothing changes", () => {
  for (const { gone, made, titles } of dependents) {
    it.live(`and it is named: ${titles.join(", ")}`, () =>
      Effect.gen(function* () {
        const before = yield* whole
        yield* run(
          "CREATE SCHEMA theirs",
          "CREATE TABLE theirs.rows (a boolean, b boolean, c text, d timestamptz)",
          `DROP FUNCTION row_state(${types})`,
          `CREATE FUNCTION row_state(${parameters}) RETURNS int LANGUAGE sql IMMUTABLE RETURN 1`,
          ...made
        )
        const spoiled = yield* whole
        for (let twice = 0; twice < 2; twice++) {
          const { message } = yield* Effect.flip(again)
          const name = `"${yield* schema}".row_state`.replace('"public"', "public")
          assert.include(
            message,
            `${titles.join(", ")} depends on function ${name}(boolean,boolean,text,timestamp with time zone), which`
          )
          assert.deepStrictEqual(yield* whole, spoiled)
        }
        yield* run(gone)
        assert.deepStrictEqual(yield* again, ["functions"])
        assert.deepStrictEqual(yield* whole, before)
      }).pipe(Effect.provide(testDatabase))
    )
  }

  it.live("and it is named where it stands on one of ours that stands on that", () =>
    Effect.gen(function* () {
      yield* run(
        "DROP FUNCTION event_changes(jsonb)",
        "DROP FUNCTION read_payload(jsonb)",
        "CREATE FUNCTION read_payload(other jsonb) RETURNS jsonb LANGUAGE sql RETURN other",
        "CREATE FUNCTION event_changes(received jsonb) RETURNS jsonb LANGUAGE sql RETURN read_payload(received)",
        "CREATE VIEW report AS SELECT event_changes(payload_received) AS changes FROM events"
      )
      const spoiled = yield* whole
      yield* run("DELETE FROM jarvis_functions")
      const { message } = yield* Effect.flip(
        migrateAs({ "migrations/0093_more.sql": "CREATE TABLE :SCHEMA.more (id int);" })
      )
      assert.match(
        message,
        /^view \S+\.report depends on function \S+\.event_changes\(jsonb\), function \S+\.read_payload\(jsonb\), which/
      )
      assert.deepStrictEqual(yield* whole, spoiled, "nor has any migration run")
    }).pipe(Effect.provide(testDatabase))
  )
})
