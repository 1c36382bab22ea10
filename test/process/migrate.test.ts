/** `jarvis migrate` and the start of the service, before tables that stand already. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted, Schema } from "effect"
import { inject } from "vitest"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { emptySchema, run } from "../database/preflightCase.ts"
import { customer, foundAtCustomer } from "../database/preflightCustomer.ts"
import { emptyDatabase, TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { ran, serve, settings } from "./program.ts"

const database = TestDatabase.useSync(({ url }) => ({ DATABASE_URL: Redacted.value(url) }))

const Finding = Schema.Struct({
  level: Schema.Literals(["fatal", "risk", "harmless"]),
  object: Schema.String,
  is: Schema.String,
  must: Schema.String,
  todo: Schema.String,
  cured: Schema.Boolean
})
/** What `--json` prints: nothing else may be in it. */
const Answer = Schema.fromJsonString(
  Schema.Struct({
    schema: Schema.String,
    server_version: Schema.String,
    ok: Schema.Boolean,
    findings: Schema.Array(Finding),
    pending: Schema.Array(Schema.String),
    ran: Schema.optionalKey(Schema.Array(Schema.String)),
    instead: Schema.NullOr(Schema.String)
  })
)
const decode = Schema.decodeUnknownEffect(Answer, { onExcessProperty: "error" })

const names = [
  "0001_baseline",
  "0002_indexes",
  "0003_truth",
  "0004_unknown_branch",
  "0005_rows",
  "0006_forward",
  "0007_writes",
  "0008_processes",
  "functions"
]
const lastLine = (text: string): string | undefined => text.trimEnd().split("\n").at(-1)
const tables = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return yield* sql`SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' ORDER BY 1`
})

describe.concurrent("jarvis migrate", () => {
  it.live("migrates, and the second time there is nothing left to do", () =>
    Effect.gen(function* () {
      const dry = yield* ran(yield* database, "migrate", "--dry-run")
      assert.deepStrictEqual([dry.code, dry.stderr], [0, ""])
      assert.include(dry.stdout, `to be migrated: ${names.join(", ")}\n`)
      assert.match(
        lastLine(dry.stdout) ?? "",
        /^schema .+, PostgreSQL [\d.]+: 0 fatal findings, 0 risks, .+ changed$/
      )
      const first = yield* ran(yield* database, "migrate")
      assert.deepStrictEqual(
        [first.code, first.stderr, first.stdout],
        [0, "", names.map((name) => `migrated: ${name}\n`).join("")]
      )
      const second = yield* ran(yield* database, "migrate")
      assert.deepStrictEqual(
        [second.code, second.stderr, second.stdout],
        [0, "", "the database is up to date\n"]
      )
      const after = yield* ran(yield* database, "migrate", "--dry-run")
      assert.deepStrictEqual([after.code, after.stderr], [0, ""])
      assert.match(after.stdout, /^nothing is to be migrated$/m)
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("answers one JSON object", () =>
    Effect.gen(function* () {
      const dry = yield* ran(yield* database, "migrate", "--dry-run", "--json")
      assert.deepStrictEqual([dry.code, dry.stderr], [0, ""])
      assert.deepInclude(yield* decode(dry.stdout), {
        ...{ schema: inject("schema"), ok: true, pending: names, instead: null }
      })
      assert.notProperty(yield* decode(dry.stdout), "ran")
      const done = yield* ran(yield* database, "migrate", "--json")
      assert.deepStrictEqual([done.code, done.stderr], [0, ""])
      assert.deepInclude(yield* decode(done.stdout), { ok: true, pending: [], ran: names })
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("keeps its log out of the answer", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const JARVIS_DATA_DIR = yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-test-" })
      const { code, stderr, stdout } = yield* ran({ JARVIS_DATA_DIR }, "migrate", "--dry-run", "--json")
      assert.strictEqual(code, 0)
      assert.isTrue((yield* decode(stdout)).ok)
      assert.include(stderr, "DATABASE_URL is not set")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )
})

describe.concurrent("a company's own system under the same names", () => {
  const prepare = Effect.andThen(emptySchema, run(...customer))

  it.live("is shown by --dry-run, whose last line says what works instead", () =>
    Effect.gen(function* () {
      yield* prepare
      const before = yield* tables
      const { code, stderr, stdout } = yield* ran(yield* database, "migrate", "--dry-run")
      assert.deepStrictEqual([code, stderr], [1, ""])
      const found = stdout
        .split("\n")
        .flatMap((line) => /^(fatal|risk) +(\w+ \S+)/.exec(line)?.slice(1).join(" ") ?? [])
      assert.deepStrictEqual(found, [...foundAtCustomer])
      assert.match(lastLine(stdout) ?? "", /^what works instead: JARVIS_SCHEMA=jarvis \(/)
      const json = yield* ran(yield* database, "migrate", "--dry-run", "--json")
      assert.deepStrictEqual([json.code, json.stderr], [1, ""])
      const answer = yield* decode(json.stdout)
      assert.deepInclude(answer, { ok: false, pending: names, instead: "jarvis" })
      assert.isTrue(answer.findings.some(({ cured, object }) => object === "column events.id" && cured))
      assert.deepStrictEqual(yield* tables, before)
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("is refused with the same lines, by migrate and by the start of the service", () =>
    Effect.gen(function* () {
      yield* prepare
      const before = yield* tables
      for (const command of [[], ["migrate"], ["migrate", "--json"]]) {
        const { code, stderr, stdout } = yield* ran(yield* database, ...command)
        assert.strictEqual(code, 1)
        assert.match(stderr, /^jarvis: Jarvis cannot work with this database /)
        const found = stderr
          .split("\n")
          .flatMap((line) => /^(\w+) +(\w+ \S+)/.exec(line)?.slice(1).join(" ") ?? [])
        const fatal = foundAtCustomer.filter((name) => name.startsWith("fatal"))
        assert.includeMembers(found, fatal)
        assert.match(lastLine(stderr) ?? "", /^what works instead: JARVIS_SCHEMA=jarvis \(/)
        if (command.length === 2) assert.deepInclude(yield* decode(stdout), { ok: false, instead: "jarvis" })
      }
      assert.deepStrictEqual(yield* tables, before)
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("is no hindrance in the schema that the last line names", () =>
    Effect.gen(function* () {
      yield* prepare
      const there = { ...(yield* database), JARVIS_SCHEMA: "jarvis" }
      const { code, stderr, stdout } = yield* ran(there, "migrate")
      assert.deepStrictEqual([code, stderr], [0, ""])
      assert.include(stdout, "migrated: functions")
    }).pipe(Effect.provide(emptyDatabase))
  )
})

describe.concurrent("risks", () => {
  const risky = [
    "CREATE TABLE clients (id bigserial PRIMARY KEY, rentprog_id text, name varchar(50))",
    "CREATE TABLE bookings (id bigserial PRIMARY KEY, total numeric(10,2))"
  ]
  const risks = ["column bookings.total is numeric(10,2)", "column clients.name is character varying(50)"]

  it.live("are told on standard error by migrate, which does its work", () =>
    Effect.gen(function* () {
      yield* Effect.andThen(emptySchema, run(...risky))
      const { code, stderr, stdout } = yield* ran(yield* database, "migrate")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(
        stderr
          .trimEnd()
          .split("\n")
          .map((line) => line.split(":")[1]?.trim()),
        risks
      )
      assert.match(stdout, /^migrated: 0001_baseline\n/)
    }).pipe(Effect.provide(emptyDatabase))
  )

  const simulator = Simulator.layer()

  it.live("are each in the log of a start that migrates, and only counted in that of another", () =>
    Effect.gen(function* () {
      yield* Effect.andThen(emptySchema, run(...risky))
      const warnings = (stdout: string) =>
        stdout
          .split("\n")
          .flatMap((line) => /level=Warn.*message="?(the database[^:"]*)/i.exec(line)?.[1] ?? [])
      const first = yield* Effect.scoped(Effect.map(serve(yield* settings), (program) => program.stdout()))
      const count = "the database has 2 risks; see jarvis migrate --dry-run"
      assert.deepStrictEqual(warnings(first), ["the database", "the database", count])
      for (const risk of risks) assert.include(first, risk)
      const second = yield* Effect.scoped(Effect.map(serve(yield* settings), (program) => program.stdout()))
      assert.deepStrictEqual(warnings(second), [count])
    }).pipe(Effect.provide([emptyDatabase, simulator]))
  )
})

describe.concurrent("a server that only reads", () => {
  it.live("is refused in words, and no schema is named instead", () =>
    Effect.gen(function* () {
      const settings = yield* database
      const name = new URL(settings.DATABASE_URL).pathname.slice(1)
      yield* run(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
      for (const command of [[], ["migrate"], ["migrate", "--dry-run"]]) {
        const { code, stderr, stdout } = yield* ran(settings, ...command)
        assert.strictEqual(code, 1)
        const said = command.length === 2 ? stdout : stderr
        assert.match(said, /^fatal +database \S+ +read-only for this user/m)
        assert.match(lastLine(said) ?? "", /^what to do: /)
      }
    }).pipe(Effect.provide(testDatabase))
  )
})
