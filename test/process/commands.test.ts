import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { emptyDatabase, TestDatabase } from "../support/TestDatabase.ts"
import { ran } from "./program.ts"

const secret = "hush-hush"

const database = TestDatabase.useSync(({ url }) => ({ DATABASE_URL: Redacted.value(url) }))

describe.concurrent("the command line", () => {
  it.live("migrates, and the second time there is nothing left to do", () =>
    Effect.gen(function* () {
      const first = yield* ran(yield* database, "migrate")
      assert.deepStrictEqual([first.code, first.stderr], [0, ""])
      assert.match(first.stdout, /^(migrated: \d+ \w+\n)+$/)
      const second = yield* ran(yield* database, "migrate")
      assert.deepStrictEqual(
        [second.code, second.stderr, second.stdout],
        [0, "", "the database is up to date\n"]
      )
      const sql = yield* PgClient.PgClient
      const [{ count } = {}] = yield* sql<{ readonly count?: unknown }>`
        SELECT count(*)::int AS count FROM jarvis_migrations
      `
      assert.strictEqual(count, first.stdout.split("\n").length - 1)
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("lists its commands on --help, whatever the settings are", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ran({ LOG_LEVEL: "loud" }, "--help")
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.match(stdout, /^\s+migrate\s/m)
    })
  )

  it.live("refuses a command that it does not know", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* ran({}, "explode")
      assert.strictEqual(code, 1)
      assert.include(stderr, "explode")
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

  it.live("stops the start with one line where its user may not migrate", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const role = `reader_${crypto.randomUUID().replaceAll("-", "")}`
      yield* Effect.acquireRelease(sql`CREATE ROLE ${sql(role)} LOGIN PASSWORD 'hush-hush'`, () =>
        Effect.orDie(sql`DROP ROLE ${sql(role)}`)
      )
      const url = new URL(Redacted.value((yield* TestDatabase).url))
      url.username = role
      url.password = secret
      for (const command of [[], ["migrate"]]) {
        const { code, stderr } = yield* ran({ DATABASE_URL: url.href }, ...command)
        assert.strictEqual(code, 1)
        assert.match(
          stderr,
          /^jarvis: cannot migrate the database: permission denied .+ may CREATE in schema public\n$/
        )
        assert.notInclude(stderr, secret)
      }
    }).pipe(Effect.scoped, Effect.provide(emptyDatabase))
  )
})
