import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { inject } from "vitest"
import { emptyDatabase, guest, TestDatabase } from "../support/TestDatabase.ts"
import { ran } from "./program.ts"

const secret = "hush-hush"

describe.concurrent("the command line", () => {
  it.live("lists its commands on --help, whatever the settings are", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ran({ LOG_LEVEL: "loud" }, "--help")
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(stdout, /^\s+migrate\s+Brings the database up to date$/m)
      assert.notInclude(stdout, "--wizard")
    })
  )

  it.live("says what a command does, and with which flags", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ran({ LOG_LEVEL: "loud" }, "migrate", "--help")
      assert.deepStrictEqual([code, stderr], [0, ""])
      for (const said of [
        "--dry-run",
        "--json",
        "fatal",
        "risk",
        "harmless",
        "JARVIS_SCHEMA=jarvis",
        "Exit codes"
      ]) {
        assert.include(stdout, said)
      }
    })
  )

  it.live.each([
    { wrong: ["explode"], says: 'Unknown subcommand "explode"', see: "jarvis --help" },
    { wrong: ["--loud"], says: "Unrecognized flag: --loud", see: "jarvis --help" },
    {
      wrong: ["migrate", "--json", "--loud"],
      says: "Unrecognized flag: --loud",
      see: "jarvis migrate --help"
    },
    { wrong: ["migrate", "all"], says: "Unexpected positional argument", see: "jarvis migrate --help" }
  ])("refuses $wrong with exit code 2, and leaves standard output empty", ({ says, see, wrong }) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ran({}, ...wrong)
      assert.deepStrictEqual([code, stdout], [2, ""])
      const [first = "", last] = stderr.trimEnd().split("\n")
      assert.isTrue(first.startsWith("jarvis: ") && first.includes(says), stderr)
      assert.strictEqual(last, `see ${see}`)
    })
  )
})

describe.concurrent("a database that cannot be used", () => {
  it.live.each([
    { how: "nobody listens", url: () => `postgres://jarvis:${secret}@127.0.0.1:1/jarvis` },
    {
      how: "no such user",
      url: (server: URL) => {
        server.username = "nobody"
        server.password = secret
        return server.href
      }
    },
    {
      how: "no such database",
      url: (server: URL) => {
        server.pathname = "/nothing"
        return server.href
      }
    }
  ])("stops the start with one line that says so: $how", ({ url }) =>
    Effect.gen(function* () {
      const DATABASE_URL = url(new URL(Redacted.value((yield* TestDatabase).url)))
      for (const command of [[], ["migrate"]]) {
        const { code, stderr } = yield* ran({ DATABASE_URL }, ...command)
        assert.strictEqual(code, 1)
        assert.match(stderr, /^jarvis: cannot connect to the database of DATABASE_URL: .+\n$/)
        assert.notInclude(stderr, secret)
        const { password } = new URL(DATABASE_URL)
        if (password !== "") assert.notInclude(stderr, password)
      }
    }).pipe(Effect.provide(TestDatabase.layer))
  )

  it.live("refuses to start where its user may not migrate, and names the command and who can run it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql.unsafe(`CREATE SCHEMA IF NOT EXISTS "${inject("schema")}"`)
      const owner = new URL(Redacted.value((yield* TestDatabase).url)).username
      const { url } = yield* guest()
      for (const command of [[], ["migrate"]]) {
        const { code, stderr } = yield* ran({ DATABASE_URL: Redacted.value(url) }, ...command)
        assert.strictEqual(code, 1)
        assert.match(stderr, /^jarvis: Jarvis cannot work with this database .+; nothing has been changed\n/)
        assert.match(stderr, /^fatal +schema .+permission denied/m)
        assert.include(stderr, `run jarvis migrate as ${owner}`)
        assert.notInclude(stderr, new URL(Redacted.value(url)).password)
      }
    }).pipe(Effect.scoped, Effect.provide(emptyDatabase))
  )
})
