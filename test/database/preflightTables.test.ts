import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { emptyDatabase } from "../support/TestDatabase.ts"
import { type Case, check } from "./preflightCase.ts"

const table = (name: string, more = "") =>
  `CREATE TABLE ${name} (${name === "branches" ? "company_id" : "id"} bigserial PRIMARY KEY${more})`

/** A function of the company's that a trigger can call. */
const crm = "CREATE FUNCTION crm() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"

const kinds: ReadonlyArray<Case> = [
  {
    what: "a partitioned table",
    given: ["CREATE TABLE events (id bigint, ts timestamptz) PARTITION BY RANGE (ts)"],
    found: ["fatal table events"]
  },
  {
    what: "a partition",
    given: [
      "CREATE TABLE all_events (id bigserial, branch text, PRIMARY KEY (id, branch)) PARTITION BY LIST (branch)",
      "CREATE TABLE events PARTITION OF all_events FOR VALUES IN ('tbilisi')"
    ],
    found: ["fatal table events"]
  },
  { what: "a view", given: ["CREATE VIEW cars AS SELECT 1 AS id"], found: ["fatal view cars"] },
  {
    what: "a materialized view",
    given: ["CREATE MATERIALIZED VIEW cars AS SELECT 1 AS id"],
    found: ["fatal materialized view cars"]
  },
  {
    what: "an unlogged table",
    given: [table("events").replace("TABLE", "UNLOGGED TABLE")],
    found: ["risk table events"]
  },
  {
    what: "row security",
    given: [table("events"), "ALTER TABLE events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"],
    found: ["fatal table events"]
  },
  {
    what: "row security that does not concern the owner",
    given: [table("events"), "ALTER TABLE events ENABLE ROW LEVEL SECURITY"],
    found: []
  }
]

const constraints: ReadonlyArray<Case> = [
  {
    what: "CHECK",
    given: [table("events", ", type text CONSTRAINT known CHECK (type <> '')")],
    found: ["risk constraint events.known"]
  },
  {
    what: "FOREIGN KEY",
    given: [table("branches"), table("events", ", company_id bigint REFERENCES branches")],
    found: ["risk constraint events.events_company_id_fkey"]
  },
  {
    what: "EXCLUDE",
    given: [table("bookings", ", car_id text, EXCLUDE USING hash (car_id WITH =)")],
    found: ["risk constraint bookings.bookings_car_id_excl"]
  },
  {
    what: "a rule for INSERT",
    given: [table("cars"), "CREATE RULE none AS ON INSERT TO cars DO INSTEAD NOTHING"],
    found: ["fatal rule cars.none"]
  },
  {
    what: "a rule for UPDATE",
    given: [table("events"), "CREATE RULE none AS ON UPDATE TO events DO ALSO NOTHING"],
    found: ["fatal rule events.none"]
  },
  {
    what: "a rule for DELETE",
    given: [table("events"), "CREATE RULE none AS ON DELETE TO events DO INSTEAD NOTHING"],
    found: ["risk rule events.none"]
  }
]

const triggers: ReadonlyArray<Case> = [
  {
    what: "the company's own",
    given: [
      table("cars"),
      crm,
      "CREATE TRIGGER to_crm AFTER UPDATE ON cars FOR EACH ROW EXECUTE FUNCTION crm()"
    ],
    found: ["risk trigger cars.to_crm"]
  },
  {
    what: "the company's own, disabled",
    given: [
      table("cars"),
      crm,
      "CREATE TRIGGER to_crm AFTER UPDATE ON cars FOR EACH ROW EXECUTE FUNCTION crm()",
      "ALTER TABLE cars DISABLE TRIGGER to_crm"
    ],
    found: []
  },
  {
    what: "one of Jarvis's name",
    given: [
      table("events"),
      crm,
      "CREATE TRIGGER auto_process_event_trigger AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION crm()"
    ],
    found: ["risk trigger events.auto_process_event_trigger"]
  },
  {
    what: "one of Jarvis's name on another table",
    given: [
      table("cars"),
      crm,
      "CREATE TRIGGER auto_process_event_trigger AFTER INSERT ON cars FOR EACH ROW EXECUTE FUNCTION crm()"
    ],
    found: ["risk trigger cars.auto_process_event_trigger"]
  },
  {
    what: "one of Jarvis's name that cannot be replaced",
    given: [
      table("history"),
      crm,
      `CREATE CONSTRAINT TRIGGER auto_process_history_trigger AFTER INSERT ON history
         FOR EACH ROW EXECUTE FUNCTION crm()`
    ],
    found: ["fatal trigger history.auto_process_history_trigger"]
  }
]

const routines: ReadonlyArray<Case> = [
  {
    what: "a function of Jarvis's name, arguments and result",
    given: [
      "CREATE FUNCTION auto_process_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
    ],
    found: ["risk function auto_process_event()"]
  },
  {
    what: "another result",
    given: [
      "CREATE FUNCTION parse_history_description(description text) RETURNS json LANGUAGE sql AS 'SELECT NULL::json'"
    ],
    found: ["fatal function parse_history_description(text)"]
  },
  {
    what: "a set of results",
    given: [
      "CREATE FUNCTION parse_history_description(description text) RETURNS TABLE (verb text) LANGUAGE sql AS 'SELECT $1'"
    ],
    found: ["fatal function parse_history_description(text)"]
  },
  {
    what: "other names of parameters",
    given: ["CREATE FUNCTION history_noun(noun text) RETURNS text LANGUAGE sql AS 'SELECT noun'"],
    found: ["fatal function history_noun(text)"]
  },
  {
    what: "a procedure",
    given: ["CREATE PROCEDURE adopt_rows(place text, most int) LANGUAGE sql AS 'SELECT'"],
    found: ["fatal procedure adopt_rows(text,integer)"]
  },
  {
    what: "an aggregate",
    given: ["CREATE AGGREGATE last_of_arrays(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb)"],
    found: ["fatal aggregate last_of_arrays(jsonb)"]
  },
  {
    what: "other arguments",
    given: ["CREATE FUNCTION history_noun(n int) RETURNS text LANGUAGE sql AS 'SELECT NULL::text'"],
    found: []
  }
]

layer(emptyDatabase)("the preflight", (it) => {
  for (const [about, cases] of Object.entries({ kinds, constraints, triggers, routines })) {
    for (const one of cases) it.effect(`of ${about}: ${one.what}`, () => check(one))
  }

  it.effect("says what triggers and functions are, and what Jarvis's are", () =>
    Effect.gen(function* () {
      const [result, trigger] = yield* check({
        what: "both",
        given: [
          table("events"),
          crm,
          "CREATE TRIGGER to_crm BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION crm('a')",
          "CREATE FUNCTION parse_history_description(text) RETURNS text LANGUAGE sql AS 'SELECT $1'"
        ],
        found: ["fatal function parse_history_description(text)", "risk trigger events.to_crm"]
      })
      assert.deepInclude(result, { is: "(text) RETURNS text", must: "(description text) RETURNS jsonb" })
      assert.strictEqual(trigger?.is, "BEFORE INSERT FOR EACH ROW EXECUTE FUNCTION crm('a')")
    })
  )
})
