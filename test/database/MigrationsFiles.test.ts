import { readdirSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { SchemaName } from "../../src/database/SchemaName.ts"
import { readSqlFiles, statementsOf } from "../../src/database/sqlFiles.ts"
import { programWith, sqlFiles } from "./MigrationsProgram.ts"

const fleet = SchemaName.make("Флот-1")

/** What statements are made of, and what looks like their end or like a comment and is neither. */
const Pieces = Schema.Array(
  Schema.Literals([
    "SELECT",
    "';'",
    ";;x",
    "';\\'x",
    "'--'",
    "a - -1",
    "$$",
    "$&",
    "й",
    "\n",
    "\n\t",
    "\n  ",
    ":SCHEMA.events"
  ])
)
const Comments = Schema.Array(Schema.Literals(["-- said;", "--", "  -- it's so; and so;", "\t--;", "", "  "]))

describe("a migration's file", () => {
  it.prop(
    "outside of transactions falls into its statements, whatever stands in them and between them",
    {
      parts: Schema.Array(
        Schema.Struct({ above: Comments, pieces: Pieces, space: Schema.Literals(["", " ", "\t"]) })
      ),
      below: Comments,
      eol: Schema.Literals(["\n", "\r\n"])
    },
    ({ below, eol, parts }) => {
      const statements = parts.map(({ pieces }) => `x ${pieces.join(" ")} x`)
      const lines = parts.flatMap(({ above, space }, n) => [...above, `${statements[n]};${space}`])
      const text = ["-- no transaction", ...lines, ...below].join("\n").replaceAll("\n", eol)
      assert.deepStrictEqual(
        statementsOf(fleet, { path: "x", text }),
        statements.map((statement) => statement.replaceAll("\n", eol).replaceAll(":SCHEMA", () => '"Флот-1"'))
      )
    }
  )

  it.effect("has a number and a name, and says in its first line where it runs outside of transactions", () =>
    Effect.gen(function* () {
      const here = (yield* sqlFiles).migrations.length
      const { functions, migrations } = yield* Effect.provide(
        readSqlFiles,
        programWith({
          "migrations/0098_later.sql": "SELECT 1;",
          "migrations/0095_alone.sql": "-- no transaction\nSELECT 1;",
          "migrations/0096_alone_too.sql": "-- no transaction\r\nSELECT 1;",
          "migrations/0097_said.sql":
            "-- no transaction is better than another\n-- no transaction\nSELECT 1;",
          "migrations/notes.md": "# Notes",
          "functions/99_last.sql": "SELECT 1;"
        })
      )
      assert.deepStrictEqual(
        migrations.slice(here).map(({ id, inTransaction, name, path }) => [id, name, inTransaction, path]),
        [
          [95, "alone", false, "sql/migrations/0095_alone.sql"],
          [96, "alone_too", false, "sql/migrations/0096_alone_too.sql"],
          [97, "said", true, "sql/migrations/0097_said.sql"],
          [98, "later", true, "sql/migrations/0098_later.sql"]
        ]
      )
      assert.strictEqual(functions.files.at(-1)?.path, "sql/functions/99_last.sql")
      const checksums = new Set(migrations.map(({ checksum }) => checksum))
      assert.strictEqual(
        checksums.size,
        migrations.length - 1,
        "only the two that differ in ends of lines are alike"
      )
    })
  )

  it.effect("is found, and they are numbered without a gap", () =>
    Effect.gen(function* () {
      const { migrations } = yield* sqlFiles
      const found = readdirSync(new URL("../../sql/migrations/", import.meta.url))
      assert.deepStrictEqual(
        migrations.map(({ path }) => path),
        found.sort().map((name) => `sql/migrations/${name}`)
      )
      assert.deepStrictEqual(
        migrations.map(({ id }) => id),
        found.map((_, n) => n + 1)
      )
    })
  )
})
