/** `jarvis forward`, beside a system of the company's own. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { inject } from "vitest"
import { run } from "../support/refusing.ts"
import { only } from "../support/rows.ts"
import { size } from "../support/size.ts"
import { guest, TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { ran } from "./program.ts"

const settings = TestDatabase.useSync(({ url }) => ({ DATABASE_URL: Redacted.value(url) }))
const schema = inject("schema")

/** Jarvis's user and the company's may be one. */
const forwarding = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  return yield* ran(yield* settings, "forward", ...args)
})

const old = run(
  "CREATE SCHEMA crm",
  `CREATE TABLE crm.events (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ts timestamptz DEFAULT now(), company_id int NOT NULL,
     type text NOT NULL, rentprog_id text, payload json, processed boolean DEFAULT false, UNIQUE (company_id, type, rentprog_id))`,
  "CREATE TABLE crm.history (id bigserial PRIMARY KEY, description text NOT NULL, ts date NOT NULL DEFAULT now())"
)

/** `[count, first id, …]` of what was forwarded. */
const counts = PgClient.PgClient.use(
  (sql) => sql<{ readonly events: number; readonly history: number }>`
    SELECT (SELECT count(*)::int FROM events) AS events, (SELECT count(*)::int FROM history) AS history
  `
).pipe(Effect.map(only))

const insert = (rows: number, ts: string, from = 1) =>
  run(`INSERT INTO crm.events (ts, company_id, type, rentprog_id, payload)
    SELECT '${ts}', 9247, 'car_update', n, json_build_object('id', n) FROM generate_series(${from}, ${from + rows - 1}) AS n`)

describe.concurrent("jarvis forward", () => {
  it.live("forwards from now on, says where to, and the second time changes nothing", () =>
    Effect.gen(function* () {
      yield* old
      for (const _ of [1, 2]) {
        const { code, stderr, stdout } = yield* forwarding("crm.events", "crm.history")
        assert.deepStrictEqual(
          [code, stderr, stdout],
          [0, "", `forwarded: crm.events → ${schema}.events\nforwarded: crm.history → ${schema}.history\n`]
        )
      }
      yield* insert(1, "now()")
      yield* run("INSERT INTO crm.history (description) VALUES ('Мария Ли создала бронь №507616')")
      assert.deepStrictEqual(yield* counts, { events: 1, history: 1 })
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("copies what was there since a date, once, and leaves out what is here already", () =>
    Effect.gen(function* () {
      const rows = size({ usual: 1300, long: 50_000 })
      yield* old
      yield* insert(5, "2025-10-31T19:59:59Z")
      yield* insert(rows, "2025-10-31T20:00:00Z", 6)
      const first = yield* forwarding("crm.events", "--since", "2025-11-01")
      const said = (copied: string, there: string) =>
        `forwarded: crm.events → ${schema}.events\ncopied: ${copied} of crm.events since 2025-10-31T20:00:00.000Z; ${there} were there already\n`
      const many = rows.toLocaleString("en")
      assert.deepStrictEqual([first.code, first.stdout], [0, said(`${many} rows`, "0")])
      assert.deepStrictEqual(yield* counts, { events: rows, history: 0 })
      // One of those that were there, and one that is new.
      yield* run(`UPDATE crm.events SET payload = '{"id": 6, "mileage": 7}' WHERE rentprog_id = '6'`)
      yield* insert(1, "now()", 10_000_000)
      const second = yield* forwarding("crm.events", "--since", "2025-11-01", "--json")
      assert.deepStrictEqual([second.code, second.stderr], [0, ""])
      assert.deepStrictEqual(JSON.parse(second.stdout), {
        schema,
        forwarded: [
          {
            ...{ source: "crm.events", target: "events", since: "2025-10-31T20:00:00.000Z" },
            ...{ copied: 0, there: rows + 1 }
          }
        ]
      })
      assert.deepStrictEqual(yield* counts, { events: rows + 2, history: 0 })
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("--remove takes the triggers away, and leaves what was forwarded", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* old
      yield* forwarding("crm.events", "crm.history")
      yield* insert(1, "now()")
      const removed = yield* forwarding("--remove", "crm.events", "crm.history")
      assert.deepStrictEqual(
        [removed.code, removed.stderr, removed.stdout],
        [0, "", "no longer forwarded: crm.events\nno longer forwarded: crm.history\n"]
      )
      assert.lengthOf(yield* sql`SELECT FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'forward%'`, 0)
      yield* insert(1, "now()", 2)
      assert.deepStrictEqual(yield* counts, { events: 1, history: 0 })
      const again = yield* forwarding("--remove", "crm.events", "--json")
      assert.deepStrictEqual([again.code, again.stderr], [0, ""])
      assert.deepStrictEqual(JSON.parse(again.stdout), {
        schema,
        removed: [{ source: "crm.events", was_forwarded: false, may_lack: false, left: null }]
      })
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("says of each table why it cannot be forwarded, and changes none", () =>
    Effect.gen(function* () {
      yield* old
      yield* run(
        "CREATE VIEW crm.recent AS SELECT * FROM crm.events",
        "CREATE TABLE crm.keyless (payload json)",
        "CREATE TABLE crm.empty (id int)",
        "CREATE TABLE crm.spoken (id int, payload json, ts text)",
        "CREATE TABLE crm.twice (id int, payload json, ts date, UNIQUE (id, ts))",
        "CREATE UNIQUE INDEX ON crm.twice (id) WHERE ts IS NULL",
        "CREATE TABLE crm.parted (id int, payload json, ts timestamp) PARTITION BY RANGE (id)",
        "CREATE TABLE crm.part PARTITION OF crm.parted DEFAULT",
        "CREATE TABLE crm.parent (id int, payload json)",
        "CREATE TABLE crm.child () INHERITS (crm.parent)"
      )
      const refused = yield* forwarding(
        ...["crm.events", "crm.nothing", "nothing", "crm.a.b.c.d", "crm.recent", "crm.keyless", "crm.empty"],
        ...[
          "crm.spoken",
          "crm.twice",
          "crm.part",
          "crm.parent",
          "events",
          `"${schema}".history`,
          "--since",
          "2025-11-01"
        ]
      )
      assert.deepStrictEqual([refused.code, refused.stdout], [1, ""])
      const own = schema === "public" ? "public" : `"${schema}"`
      assert.deepStrictEqual(refused.stderr.trimEnd().split("\n"), [
        "jarvis: crm.nothing: there is no such table",
        "jarvis: nothing: there is no such table; name it with its schema, as in public.events",
        "jarvis: crm.a.b.c.d: improper relation name (too many dotted names): crm.a.b.c.d",
        "jarvis: crm.recent is a view: forward the table that its rows are written to",
        "jarvis: crm.keyless has no column id, by which its rows could be told apart",
        "jarvis: crm.empty has no column payload, as events have, and none description, as entries of the log have",
        "jarvis: crm.spoken: its column ts is text, and --since is compared with a date or a time",
        "jarvis: crm.twice has no unique index on id alone, in whose order --since could go through its rows",
        "jarvis: crm.part is a partition: forward the table that it is a part of",
        "jarvis: crm.parent has tables that inherit from it, whose rows its trigger would not see: forward each of them",
        `jarvis: ${own}.events is a table of Jarvis's own, to which others are forwarded`,
        `jarvis: ${own}.history is a table of Jarvis's own, to which others are forwarded`
      ])
      yield* insert(1, "now()")
      assert.deepStrictEqual(yield* counts, { events: 0, history: 0 })
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("says which right is missing, and who can give it", () =>
    Effect.gen(function* () {
      yield* old
      const owner = new URL(Redacted.value((yield* TestDatabase).url)).username
      const other = yield* guest()
      yield* run(
        `GRANT USAGE ON SCHEMA crm TO ${other.name}`,
        `CREATE TABLE crm.theirs (id int, ts timestamp, payload json)`,
        `ALTER TABLE crm.theirs ENABLE ROW LEVEL SECURITY`,
        `GRANT TRIGGER, SELECT ON crm.theirs TO ${other.name}`
      )
      const asOther = { DATABASE_URL: Redacted.value(other.url) }
      const stranger = yield* ran(asOther, "forward", "crm.events")
      assert.deepStrictEqual(
        [stranger.code, stranger.stderr],
        [
          1,
          `jarvis: crm.events: ${other.name} may not use Jarvis's functions: run jarvis forward as ${owner}, who ran jarvis migrate\n`
        ]
      )
      yield* run(
        `GRANT EXECUTE ON FUNCTION forward_row() TO ${other.name}`,
        `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "${schema}" TO ${other.name}`
      )
      const refused = yield* ran(asOther, "forward", "crm.events", "crm.theirs", "--since", "2025-11-01")
      assert.deepStrictEqual(
        [refused.code, refused.stderr.trimEnd().split("\n")],
        [
          1,
          [
            `jarvis: crm.events: ${other.name} may put no trigger on it; its owner can allow that: GRANT TRIGGER ON crm.events TO ${other.name}`,
            `jarvis: crm.theirs: row security hides some of its rows from ${other.name}, and --since would leave them out; run it as ${owner}`
          ]
        ]
      )
      yield* run(`GRANT TRIGGER ON crm.events TO ${other.name}`)
      assert.strictEqual((yield* ran(asOther, "forward", "crm.events")).code, 0)
      yield* insert(1, "now()")
      assert.strictEqual((yield* counts).events, 1)
      const json = yield* ran(asOther, "forward", "crm.nothing", "--json")
      assert.deepStrictEqual(
        [json.code, json.stderr, JSON.parse(json.stdout)],
        [
          1,
          "jarvis: crm.nothing: there is no such table\n",
          { schema, refused: ["crm.nothing: there is no such table"] }
        ]
      )
      const removed = yield* ran(asOther, "forward", "crm.events", "--remove")
      assert.deepStrictEqual([removed.code, removed.stdout], [0, "no longer forwarded: crm.events\n"])
      assert.include(
        removed.stderr,
        `only the table's owner can drop: DROP TRIGGER "forward_to_${schema}" ON crm.events`
      )
      yield* insert(1, "now()", 2)
      assert.strictEqual((yield* counts).events, 1)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live.each([
    { wrong: [], says: "Missing required argument" },
    { wrong: ["crm.events", "--since", "soon"], says: "soon is no date and no moment" },
    { wrong: ["crm.events", "--since", "2025-11-01", "--remove"], says: "leave out --since" }
  ])("refuses $wrong with exit code 2", ({ says, wrong }) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ran({}, "forward", ...wrong)
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.match(stderr, /^jarvis: .+\nsee jarvis forward --help\n$/)
      assert.include(stderr, says)
    })
  )
})
