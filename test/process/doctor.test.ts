/** `jarvis doctor`, in surroundings that are well and in broken ones. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Layer, Redacted, Schema } from "effect"
import { inject } from "vitest"
import { forward } from "../../src/database/forwarding.ts"
import { ident } from "../../src/database/preflight/names.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { run } from "../support/refusing.ts"
import { guest, schema, TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"
import { addressOf, ran, serve } from "./program.ts"

const place = ident(inject("schema"))
const surroundings = Layer.merge(testDatabase, Simulator.layer())

/** The test's database, and the tokens of a branch. */
const healthy = Effect.gen(function* () {
  const { companyTokens, url, userTokens } = yield* Simulator
  const tbilisi = (tokens: typeof companyTokens) =>
    JSON.stringify(Object.fromEntries(Object.entries(tokens).filter(([branch]) => branch === "tbilisi")))
  return {
    DATABASE_URL: Redacted.value((yield* TestDatabase).url),
    RENTPROG_BASE_URL: url,
    RENTPROG_TOKENS: tbilisi(companyTokens),
    RENTPROG_HISTORY_TOKENS: tbilisi(userTokens)
  }
})

const well = {
  settings: "✓ each of them can be read",
  connection: "✓ DATABASE_URL takes connections",
  rights: "✓ ROLE may do what the service does",
  preflight: "✓ nothing is in Jarvis's way",
  versions: "✓ PostgreSQL N, N migrations, functions N",
  "trigger on events": "✓ auto_process_event_trigger is there and enabled",
  "trigger on history": "✓ auto_process_history_trigger is there and enabled",
  writes: "✓ a row was written, and taken back",
  notifications: "✓ one to itself came back",
  clock: "✓ this machine's and the server's are less than 2 s apart",
  disk: "– the server's cannot be seen from here; the database takes N kB of it",
  service:
    "– JARVIS_PORT is 0, so nobody knows where it is; calls of RentProg are made without it, and counted in no quota",
  "token of tbilisi": "✓ RentProg takes it",
  "log token of tbilisi": "✓ RentProg takes it"
}
type Name = keyof typeof well

const unseen = (why: string, ...names: ReadonlyArray<Name>): Partial<Record<Name, string>> =>
  Object.fromEntries(names.map((name) => [name, `– not looked at: see ${why}`]))

/** The whole text, where all is well but this. */
const text = (but: Readonly<Record<string, string>> = {}): string =>
  Object.entries({ ...well, ...but })
    .map(([name, said]) => `${said[0]} ${name.padEnd("log token of tbilisi".length)}  ${said.slice(2)}\n`)
    .join("")

/** What another server, day or version says otherwise. */
const varying: ReadonlyArray<readonly [RegExp, string]> = [
  [/PostgreSQL [\d.]+/, "PostgreSQL N"],
  [/\d+ migrations, functions \d+/, "N migrations, functions N"],
  [/this one has \d+/, "this one has N"],
  [/takes \d+ [kM]B/, "takes N kB"],
  [/and \d+ more/g, "and N more"]
]

const examined = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const { code, stderr, stdout } = yield* ran(settings, "doctor")
  assert.strictEqual(stderr, "")
  const { pathname, username } = new URL(settings["DATABASE_URL"] ?? "")
  const owner = new URL(Redacted.value((yield* TestDatabase).url)).username
  const named = stdout
    .replaceAll(username, "ROLE")
    .replaceAll(owner, "OWNER")
    .replaceAll(pathname.slice(1), "NAME")
  return { code, said: varying.reduce((text, [pattern, by]) => text.replace(pattern, by), named) }
})

describe.concurrent("jarvis doctor", () => {
  it.live("finds all well, and changes nothing", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { code, said } = yield* examined(yield* healthy)
      assert.strictEqual(said, text())
      assert.strictEqual(code, 0)
      assert.lengthOf(yield* sql`SELECT FROM jarvis_writes`, 0)
    }).pipe(Effect.provide(surroundings))
  )

  it.live("a setting that does not parse", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ran(
        { ...(yield* healthy), RENTPROG_TOKENS: "hush-hush" },
        "doctor"
      )
      assert.deepStrictEqual(
        [code, stderr, stdout],
        [
          1,
          "",
          `✗ settings  RENTPROG_TOKENS must be a JSON object, branch to company token: {"tbilisi":"…"}; nothing else has been looked at\n`
        ]
      )
    }).pipe(Effect.provide(surroundings))
  )

  it.live("a server that is not there, and a password that is wrong", () =>
    Effect.gen(function* () {
      const settings = yield* healthy
      const { url } = yield* guest()
      const nobody = "postgres://stranger:hush-hush@127.0.0.1:1/nothing"
      const wrong = Redacted.value(url).replace(":secret@", ":hush-hush@")
      const whys = [
        [nobody, "connect ECONNREFUSED 127.0.0.1:1"],
        [wrong, 'password authentication failed for user "ROLE"']
      ] as const
      for (const [DATABASE_URL, why] of whys) {
        const { code, said } = yield* examined({ ...settings, DATABASE_URL })
        assert.strictEqual(
          said,
          text({
            connection: `✗ cannot connect to the database of DATABASE_URL: ${why}: see that PostgreSQL runs there and takes connections from here, and that host, port, user, password and database are right`,
            ...unseen(
              "connection",
              "rights",
              "preflight",
              "versions",
              "trigger on events",
              "trigger on history"
            ),
            ...unseen("connection", "writes", "notifications", "clock", "disk")
          })
        )
        assert.strictEqual(code, 1)
      }
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )

  it.live("a role without rights", () =>
    Effect.gen(function* () {
      const { url } = yield* guest()
      const { code, said } = yield* examined({ ...(yield* healthy), DATABASE_URL: Redacted.value(url) })
      assert.strictEqual(
        said,
        text({
          rights:
            "✗ ROLE may not read and write adoptions, bookings, branches, cars and N more: have an administrator run jarvis roles | psql, and connect as jarvis_service",
          preflight: `✗ table jarvis_functions is closed to role ROLE; it must be readable: it says what has run here; as OWNER, GRANT USAGE ON SCHEMA ${place} and GRANT SELECT ON ${place}.jarvis_functions, both TO ROLE; and N more: see jarvis migrate --dry-run`,
          ...unseen("rights", "versions", "trigger on events", "trigger on history", "writes")
        })
      )
      assert.strictEqual(code, 1)
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )

  it.live("a trigger that is disabled, and one that is gone", () =>
    Effect.gen(function* () {
      yield* run(
        "ALTER TABLE events DISABLE TRIGGER auto_process_event_trigger",
        "DROP TRIGGER auto_process_history_trigger ON history"
      )
      const { code, said } = yield* examined(yield* healthy)
      const again = `DELETE FROM ${place}.jarvis_functions, and run jarvis migrate`
      assert.strictEqual(
        said,
        text({
          preflight: `✗ trigger history.auto_process_history_trigger is missing; it must be BEFORE INSERT OR UPDATE FOR EACH ROW EXECUTE FUNCTION auto_process_history(); ${again}`,
          "trigger on events": `✗ auto_process_event_trigger is disabled: ALTER TABLE ${place}.events ENABLE TRIGGER auto_process_event_trigger`,
          "trigger on history": `✗ auto_process_history_trigger is missing: ${again}`
        })
      )
      assert.strictEqual(code, 1)
    }).pipe(Effect.provide(surroundings))
  )

  it.live("functions of another version", () =>
    Effect.gen(function* () {
      const settings = yield* healthy
      const versions = [
        ["checksum = ''", "✗ to be migrated: functions: run jarvis migrate"],
        [
          "version = 99",
          "✗ a newer version of Jarvis has put its functions into this database (version 99; this one has N): run that version, or a later one"
        ]
      ] as const
      for (const [change, versions_] of versions) {
        yield* run(`UPDATE jarvis_functions SET ${change}`)
        const { code, said } = yield* examined(settings)
        const preflight = change.startsWith("version") ? unseen("versions", "preflight") : {}
        assert.strictEqual(said, text({ versions: versions_, ...preflight }))
        assert.strictEqual(code, 1)
      }
    }).pipe(Effect.provide(surroundings))
  )

  it.live("a token that was revoked, and a log token", () =>
    Effect.gen(function* () {
      const { code, said } = yield* examined({
        ...(yield* healthy),
        RENTPROG_TOKENS: '{"tbilisi":"revoked"}',
        RENTPROG_HISTORY_TOKENS: '{"tbilisi":"revoked"}'
      })
      assert.strictEqual(
        said,
        text({
          "token of tbilisi":
            "✗ rentprog_unauthorized: RentProg refuses the company token of branch tbilisi (401): correct it in RENTPROG_TOKENS",
          "log token of tbilisi":
            "✗ rentprog_unauthorized: POST /search_operations for branch tbilisi was answered 401: correct its token in RENTPROG_HISTORY_TOKENS"
        })
      )
      assert.strictEqual(code, 1)
    }).pipe(Effect.provide(surroundings))
  )

  it.live("a database that only reads", () =>
    Effect.gen(function* () {
      const settings = yield* healthy
      const name = new URL(settings.DATABASE_URL).pathname.slice(1)
      yield* run(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
      const { code, said } = yield* examined(settings)
      assert.strictEqual(
        said,
        text({
          preflight:
            "✗ database NAME is read-only for this user; it must be one that can be written; find who set default_transaction_read_only, and set it to off",
          writes:
            "✗ cannot execute INSERT in a read-only transaction: see that the server is the primary, that default_transaction_read_only is off, and that its disk has room"
        })
      )
      assert.strictEqual(code, 1)
    }).pipe(Effect.provide(surroundings))
  )

  it.live("tables that are forwarded, one of them without its trigger", () =>
    Effect.gen(function* () {
      yield* run(
        "CREATE SCHEMA crm",
        "CREATE TABLE crm.events (id int, payload json)",
        "CREATE TABLE crm.old (id int, payload json)"
      )
      yield* forward(yield* schema, ["crm.events", "crm.old"], false)
      yield* run("ALTER TABLE crm.old DISABLE TRIGGER ALL")
      const { code, said } = yield* examined(yield* healthy)
      assert.include(said, "✓ forwarding of crm.events  its trigger fires, and no row is missed\n")
      assert.include(
        said,
        "✗ forwarding of crm.old     crm.old is not forwarded any more: its trigger is gone or disabled; run jarvis forward crm.old, or with --remove\n"
      )
      assert.strictEqual(code, 1)
    }).pipe(Effect.provide(surroundings))
  )

  it.live("notifications that get lost on their way", () =>
    Effect.gen(function* () {
      const JARVIS_LISTEN_URL = inject("serverUrl")
      const { code, said } = yield* examined({ ...(yield* healthy), JARVIS_LISTEN_URL })
      assert.include(said, "✓ connection            DATABASE_URL and JARVIS_LISTEN_URL take connections\n")
      assert.include(
        said,
        "✗ notifications         notifications do not arrive, as through a pooler: set JARVIS_LISTEN_URL to a direct connection to the same database\n"
      )
      assert.strictEqual(code, 1)
    }).pipe(Effect.provide(surroundings))
  )

  it.live("an embedded server that has never run is not started", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const JARVIS_DATA_DIR = yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-test-" })
      const { code, stdout } = yield* ran({ JARVIS_DATA_DIR }, "doctor")
      assert.include(
        stdout,
        `✗ connection          DATABASE_URL is not set, and no embedded PostgreSQL has kept data in ${JARVIS_DATA_DIR} yet: set it, or start Jarvis\n`
      )
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(yield* fs.readDirectory(JARVIS_DATA_DIR), [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("--json answers one object, and nothing else", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ran(
        { ...(yield* healthy), RENTPROG_TOKENS: '{"batumi":"revoked"}' },
        "doctor",
        "--json"
      )
      assert.deepStrictEqual([code, stderr], [1, ""])
      const { checks, ok } = yield* decode(stdout)
      assert.isFalse(ok)
      assert.deepStrictEqual(
        checks.filter(({ state }) => state === "wrong").map(({ name }) => name),
        ["token of batumi"]
      )
    }).pipe(Effect.provide(surroundings))
  )

  it.live("asks the service that runs, within its quota, and repeats what it says of its parts", () =>
    Effect.gen(function* () {
      yield* Simulator.use(({ put }) => put("car", { id: 1, company_id: 9247 }))
      // One read a minute.
      const settings = {
        ...(yield* healthy),
        RENTPROG_READS_PER_MINUTE: "1",
        JARVIS_ADMIN_TOKEN: "0123456789abcdef"
      }
      const address = addressOf(yield* serve(settings))
      const answer = (path: string) =>
        Effect.promise(async () => {
          const headers = { authorization: `Bearer ${settings.JARVIS_ADMIN_TOKEN}` }
          return (await fetch(`${address}${path}`, { headers })).text()
        })
      yield* until(
        answer("/health/ready"),
        (text) => text.includes("known until") && !text.includes("starting")
      )
      const here = { ...settings, JARVIS_PORT: new URL(address).port }
      const { code, said } = yield* examined(here)
      assert.strictEqual(
        said.replace(address, "ADDRESS").replace(/known until \S+/, "known until TIME"),
        text({
          service: "✓ it answers at ADDRESS, and all its parts are well",
          "log token of tbilisi": "✓ the service reads the log with it: known until TIME"
        })
      )
      assert.strictEqual(code, 0)
      const read = (yield* Simulator.use(({ calls }) => calls)).filter(({ path }) => path.includes("/cars/"))
      assert.deepStrictEqual(
        read.map(({ path }) => path),
        ["/cars/1"]
      )
      assert.include(yield* answer("/api/branches"), '"quota_left":0')
      const other = yield* examined({ ...here, JARVIS_ADMIN_TOKEN: "another-admin-token" })
      assert.include(
        other.said,
        "✗ token of tbilisi      the service does not ask RentProg for doctor: The token is wrong: it is the one of JARVIS_ADMIN_TOKEN.\n"
      )
      // The minute's read has been made.
      const later = yield* examined(here)
      assert.include(
        later.said,
        "✗ token of tbilisi      the service has no answer within 8 seconds: the branch's quota is used up, or"
      )
      yield* run("INSERT INTO paused_branches (branch, paused_by) VALUES ('tbilisi', 'Nina')")
      const paused = yield* examined(here)
      assert.include(paused.said, "– token of tbilisi      not asked: a person holds the branch\n")
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )
})

const Answer = Schema.fromJsonString(
  Schema.Struct({
    ok: Schema.Boolean,
    checks: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        state: Schema.Literals(["ok", "wrong", "none"]),
        says: Schema.String
      })
    )
  })
)
const decode = Schema.decodeUnknownEffect(Answer, { onExcessProperty: "error" })
