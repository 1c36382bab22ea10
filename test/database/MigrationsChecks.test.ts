import { readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { migrated, schema, testDatabase } from "../support/TestDatabase.ts"
import { migrateAs, readBooks, sqlFiles, type Texts } from "./MigrationsProgram.ts"
import { wholeSchema } from "./wholeSchema.ts"

const text = (path: string) => readFileSync(new URL(`../../sql/${path}`, import.meta.url), "utf8")

const Version = Schema.fromJsonString(Schema.Struct({ version: Schema.Int, checksum: Schema.String }))
const version = Schema.decodeEffect(Version)(text("functions/version.json"))

/** What a program would do besides, if it were let. */
const pending: Texts = {
  "migrations/0009_pending.sql": "CREATE TABLE :SCHEMA.pending (id int);",
  "functions/09_pending.sql":
    "CREATE OR REPLACE FUNCTION :SCHEMA.pending() RETURNS int LANGUAGE sql RETURN 1;"
}

const everything = Effect.gen(function* () {
  return [yield* wholeSchema(yield* schema), yield* readBooks]
})

/** That program is stopped with these words, and has changed nothing. */
const stops = Effect.fnUntraced(function* (texts: Texts, words: RegExp) {
  const before = yield* everything
  assert.match((yield* Effect.flip(migrateAs({ ...pending, ...texts }))).message, words)
  assert.deepStrictEqual(yield* everything, before)
})

const rowState = (answer: string) => `
  CREATE OR REPLACE FUNCTION :SCHEMA.row_state(processed boolean, ok boolean, reason text, next_attempt_at timestamptz)
  RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN '${answer}';
`

/** What two functions answer. */
const answers = PgClient.PgClient.use(
  (sql) => sql`SELECT row_state(true, true, NULL, NULL) AS state, event_type('Car.Update') AS type`
)

describe("migrate", () => {
  it.live("stops where a file that has run is another one, and names it", () =>
    stops(
      { "migrations/0001_baseline.sql": `${text("migrations/0001_baseline.sql")}\n-- one more word` },
      /^sql\/migrations\/0001_baseline\.sql is not the file that ran here on .*: a migration that has landed never changes/
    ).pipe(Effect.provide(testDatabase))
  )

  it.live("stops where a program has migrated that knows more files", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* migrateAs({ "migrations/0010_later.sql": "CREATE TABLE :SCHEMA.later (id int);" }),
        ["0010_later"]
      )
      yield* stops(
        {},
        /^a newer version of Jarvis has migrated this database \(10 later, on .*\): run that version/
      )
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("stops where a program has put newer functions in", () =>
    Effect.gen(function* () {
      const { version: ours } = yield* version
      const newer = JSON.stringify({ version: ours + 1, checksum: "" })
      assert.deepStrictEqual(yield* migrateAs({ "functions/version.json": newer }), ["functions"])
      yield* stops(
        {},
        new RegExp(
          `^a newer version of Jarvis has put its functions .*version ${ours + 1}; this one has ${ours}`
        )
      )
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("puts all functions in where the text of one is another", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const before = yield* everything
      yield* sql`CREATE OR REPLACE FUNCTION event_type(spelling text) RETURNS text LANGUAGE sql RETURN 'spoiled'`
      assert.deepStrictEqual(yield* migrated, [])
      assert.deepStrictEqual(yield* answers, [{ state: "processed", type: "spoiled" }])

      const other = migrateAs({
        "functions/01_rows.sql": `${text("functions/01_rows.sql")}${rowState("another")}`
      })
      assert.deepStrictEqual(yield* other, ["functions"])
      assert.deepStrictEqual(yield* answers, [{ state: "another", type: "car_update" }])
      assert.deepStrictEqual(yield* other, [])
      assert.lengthOf((yield* readBooks).functions, 1)

      assert.deepStrictEqual(yield* migrated, ["functions"])
      assert.deepStrictEqual(yield* everything, before)
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("finds the same files where a checkout has other ends of lines", () =>
    Effect.gen(function* () {
      const { functions, migrations } = yield* sqlFiles
      const windows = [...functions.files, ...migrations].map(
        (file) => [file.path.slice("sql/".length), file.text.replaceAll("\n", "\r\n")] as const
      )
      assert.deepStrictEqual(yield* migrateAs(Object.fromEntries(windows)), [])
    }).pipe(Effect.provide(testDatabase))
  )
})

it.live("sql/functions/version.json belongs to the files beside it", () =>
  Effect.gen(function* () {
    const { functions } = yield* sqlFiles
    assert.strictEqual(
      (yield* version).checksum,
      functions.checksum,
      `raise the version in sql/functions/version.json and write the checksum ${functions.checksum}`
    )
  })
)
