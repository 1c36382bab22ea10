import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { emptyDatabase } from "../support/TestDatabase.ts"
import { type Case, check, emptySchema, planned, run, worse } from "./preflightCase.ts"

const events =
  "CREATE TABLE events (id bigserial PRIMARY KEY, branch text, type text, ext_id text, company_id bigint, ts timestamptz"
const history = "CREATE TABLE history (id bigserial PRIMARY KEY, ts timestamptz"
const cars = "CREATE TABLE cars (id bigserial PRIMARY KEY, rentprog_id text, number text"

const unique: ReadonlyArray<Case> = [
  {
    what: "events (branch, type, ext_id)",
    given: [`${events}, UNIQUE (branch, type, ext_id))`],
    found: ["fatal constraint events.events_branch_type_ext_id_key"]
  },
  {
    what: "events (ext_id), partly, as an index",
    given: [`${events})`, "CREATE UNIQUE INDEX one_of_each ON events (ext_id) WHERE type = 'car_update'"],
    found: ["fatal index events.one_of_each"]
  },
  {
    what: "events by an expression",
    given: [`${events})`, "CREATE UNIQUE INDEX one_of_each ON events (lower(ext_id))"],
    found: ["fatal index events.one_of_each"]
  },
  {
    what: "events by what Jarvis writes and by what only others do",
    given: [`${events}, rentprog_id text, UNIQUE (company_id, type, rentprog_id))`],
    found: ["fatal constraint events.events_company_id_type_rentprog_id_key"]
  },
  { what: "events by the company's own number", given: [`${events}, webhook uuid UNIQUE)`], found: [] },
  {
    what: "the company's own number, of which two nulls are one",
    given: [`${events}, webhook uuid UNIQUE NULLS NOT DISTINCT)`],
    found: ["fatal constraint events.events_webhook_key"]
  },
  {
    what: "a key of Jarvis's, of which two nulls are one",
    given: [`${events}, receipt uuid UNIQUE NULLS NOT DISTINCT)`],
    found: ["fatal constraint events.events_receipt_key"]
  },
  {
    what: "the company's own number, which is always the same",
    given: [`${cars}, lot int DEFAULT 1 UNIQUE)`],
    found: ["risk constraint cars.cars_lot_key"]
  },
  {
    what: "what counts by itself",
    given: [`${events}, serial serial UNIQUE, uuid uuid UNIQUE DEFAULT gen_random_uuid())`],
    found: []
  },
  {
    what: "more than a key of Jarvis's",
    given: [`${events}, UNIQUE (id, ts))`, `${cars} UNIQUE, UNIQUE (number, rentprog_id))`],
    found: ["risk constraint cars.cars_number_key"]
  },
  {
    what: "history (operation_id)",
    given: [`${history}, operation_id text UNIQUE)`],
    found: ["fatal constraint history.history_operation_id_key"]
  },
  {
    what: "branches (code)",
    given: ["CREATE TABLE branches (company_id bigint PRIMARY KEY, code text UNIQUE)"],
    found: ["fatal constraint branches.branches_code_key"]
  },
  {
    what: "branches of another key, whose company_id is unique",
    given: ["CREATE TABLE branches (id serial PRIMARY KEY, company_id int UNIQUE)"],
    found: []
  },
  {
    what: "entity_timeline (entity_type, entity_id)",
    given: [
      "CREATE TABLE entity_timeline (id bigserial PRIMARY KEY, entity_type text, entity_id text, UNIQUE (entity_type, entity_id))"
    ],
    found: ["fatal constraint entity_timeline.entity_timeline_entity_type_entity_id_key"]
  },
  {
    what: "cars (number)",
    given: [`${cars} UNIQUE)`],
    found: ["risk constraint cars.cars_number_key"]
  },
  {
    what: "rentprog_id, under another name",
    given: [
      "CREATE TABLE cars (id bigserial PRIMARY KEY, rentprog_id text, CONSTRAINT by_number UNIQUE (rentprog_id))"
    ],
    found: []
  },
  {
    what: "rentprog_id, as the primary key",
    given: ["CREATE TABLE cars (id bigserial, rentprog_id text PRIMARY KEY)"],
    found: []
  }
]

const doubles: ReadonlyArray<Case> = [
  {
    what: "of rentprog_id",
    given: [
      `${cars})`,
      "INSERT INTO cars (rentprog_id) VALUES ('7'), ('7'), ('8'), ('8'), ('9'), (NULL), (NULL)"
    ],
    found: ["fatal column cars.rentprog_id"]
  },
  {
    what: "of nothing",
    given: [`${cars})`, "INSERT INTO cars (rentprog_id) VALUES ('6'), (NULL), (NULL)"],
    found: []
  },
  {
    what: "of what is no number of Jarvis's at all",
    given: [
      "CREATE TABLE cars (id bigserial PRIMARY KEY, rentprog_id json)",
      "INSERT INTO cars (rentprog_id) VALUES ('1'), ('2')"
    ],
    found: ["fatal column cars.rentprog_id"]
  }
]

const names: ReadonlyArray<Case> = [
  {
    what: "an index of the same name on other columns",
    given: [`${events})`, "CREATE INDEX events_due ON events (ts)"],
    found: ["fatal index events_due"]
  },
  {
    what: "an index of the same name on another table",
    given: [`${history})`, "CREATE INDEX events_ts ON history (ts)"],
    found: ["fatal index events_ts"]
  },
  {
    what: "the key of a table that was renamed",
    given: [`${events})`, "ALTER TABLE events RENAME TO events_of_old"],
    found: []
  },
  {
    what: "the unique index of a table that was renamed",
    given: [`${cars}, UNIQUE (rentprog_id))`, "ALTER TABLE cars RENAME TO cars_of_old"],
    found: ["fatal index cars_rentprog_id_key"]
  },
  {
    what: "Jarvis's own index",
    given: [`${events})`, "CREATE INDEX events_ts ON events (ts)"],
    found: []
  },
  {
    what: "a key that is checked too late",
    given: ["CREATE TABLE cars (id bigserial PRIMARY KEY, rentprog_id text UNIQUE DEFERRABLE)"],
    found: ["fatal index cars_rentprog_id_key"]
  },
  { what: "a sequence", given: ["CREATE SEQUENCE cars"], found: ["fatal sequence cars"] },
  {
    what: "a sequence that an index cannot have its name beside",
    given: ["CREATE SEQUENCE events_due"],
    found: ["fatal sequence events_due"]
  },
  { what: "an enum", given: ["CREATE TYPE reasons AS ENUM ('none')"], found: ["fatal type reasons"] },
  { what: "a composite type", given: ["CREATE TYPE payments AS (a int)"], found: ["fatal type payments"] },
  { what: "a type of an index's name", given: ["CREATE DOMAIN events_ts AS int"], found: [] },
  {
    what: "an index of a table's name",
    given: ["CREATE TABLE rents (id int)", "CREATE INDEX bookings ON rents (id)"],
    found: ["fatal index bookings"]
  }
]

layer(emptyDatabase)("the preflight", (it) => {
  for (const [about, cases] of Object.entries({ "unique keys": unique, doubles, names })) {
    for (const one of cases) it.effect(`of ${about}: ${one.what}`, () => check(one))
  }

  it.effect("counts doubles, and says which condition a key has", () =>
    Effect.gen(function* () {
      const [twice, key] = yield* check({
        what: "both",
        given: [
          `${cars})`,
          "INSERT INTO cars (rentprog_id) VALUES ('7'), ('7'), ('8'), ('8')",
          "CREATE UNIQUE INDEX one_plate ON cars (number) WHERE number <> ''"
        ],
        found: ["fatal column cars.rentprog_id", "risk index cars.one_plate"]
      })
      assert.strictEqual(twice?.is, "2 numbers occur more than once, such as 7")
      assert.strictEqual(key?.is, "UNIQUE (number) WHERE number <> ''::text")
    })
  )

  it.effect("of an index that was left unfinished: it is made anew", () =>
    Effect.gen(function* () {
      yield* emptySchema
      yield* run(`${cars})`, "INSERT INTO cars (rentprog_id) VALUES ('7'), ('7')")
      yield* Effect.flip(run("CREATE UNIQUE INDEX CONCURRENTLY cars_rentprog_id_key ON cars (rentprog_id)"))
      yield* run("DELETE FROM cars")
      const { findings } = yield* planned
      assert.deepStrictEqual(worse(findings), [])
      const index = findings.find(({ object }) => object === "index cars_rentprog_id_key")
      assert.deepInclude(index, { level: "harmless", todo: "nothing: it is made anew" })
    })
  )
})
