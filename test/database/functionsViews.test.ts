/** Views of ours, of which there are none yet: a program that has some. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { guest, schema, testDatabase } from "../support/TestDatabase.ts"
import { grants, run, whole } from "./functionsAgain.ts"
import { migrateAs } from "./MigrationsProgram.ts"

const withView = (columns: string) =>
  migrateAs({
    "functions/09_views.sql": `
      CREATE OR REPLACE VIEW :SCHEMA.open_events AS SELECT ${columns} FROM :SCHEMA.events;
      CREATE OR REPLACE VIEW :SCHEMA.open_branches AS SELECT open_events.branch, count(*) FROM :SCHEMA.open_events GROUP BY 1;
    `
  })

const first = withView("events.id, events.branch")
const second = withView("events.branch, events.id::text AS id")

const columns = Effect.fnUntraced(function* (view: string) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ readonly attname: string }>`
    SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(${view}) ORDER BY attnum
  `
  return rows.map(({ attname }) => attname)
})

describe("a view with other columns", () => {
  it.live("is made anew, with what stands on it and with all grants", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* first, ["functions"])
      const [friend, other, late] = [yield* guest(), yield* guest(), yield* guest()]
      yield* run(
        `GRANT SELECT ON open_events TO ${friend.name} WITH GRANT OPTION`,
        `GRANT SELECT (branch), UPDATE (id) ON open_events TO ${other.name}`,
        `GRANT SELECT ON open_branches TO ${other.name}`,
        `ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ${late.name}`
      )
      const all = Effect.all([grants("open_events"), grants("open_branches")])
      const granted = yield* all
      assert.deepStrictEqual(yield* second, ["functions"])
      assert.deepStrictEqual(yield* columns("open_events"), ["branch", "id"])
      assert.deepStrictEqual(yield* all, granted)

      assert.deepStrictEqual(yield* withView("events.branch, events.type"), ["functions"])
      const [kept] = yield* all
      assert.deepStrictEqual(
        kept,
        granted[0].filter(({ column }) => column !== "id"),
        "a grant goes with its column"
      )
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("stays what it is where a column comes at its end, with what the company has made of it", () =>
    Effect.gen(function* () {
      yield* first
      yield* run("CREATE VIEW report AS SELECT branch FROM open_events")
      assert.deepStrictEqual(yield* withView("events.id, events.branch, events.type"), ["functions"])
      assert.deepStrictEqual(yield* columns("open_events"), ["id", "branch", "type"])
      assert.deepStrictEqual(yield* columns("report"), ["branch"])
    }).pipe(Effect.provide(testDatabase))
  )

  for (const [title, statement] of [
    ["view theirs.report", "CREATE VIEW theirs.report AS SELECT id FROM open_events"],
    ["view theirs.report", "CREATE VIEW theirs.report AS SELECT branch FROM open_branches"],
    [
      "function theirs.report()",
      "CREATE FUNCTION theirs.report() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(id) FROM open_events; END"
    ],
    [
      "function theirs.report()",
      "CREATE FUNCTION theirs.report() RETURNS SETOF open_events LANGUAGE plpgsql AS $$ BEGIN END $$"
    ]
  ] as const) {
    it.live(`is not made anew under what the company has made of it: ${statement}`, () =>
      Effect.gen(function* () {
        yield* first
        yield* run("CREATE SCHEMA theirs", statement)
        const before = yield* whole
        const { message } = yield* Effect.flip(second)
        const place = `"${yield* schema}"`.replace('"public"', "public")
        assert.isTrue(message.startsWith(`${title} depends on view ${place}.open_`), message)
        assert.deepStrictEqual(yield* whole, before)
      }).pipe(Effect.provide(testDatabase))
    )
  }
})
