/** `jarvis doctor`, where all is well and in broken surroundings. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { inject } from "vitest"
import { forward } from "../../src/database/forwarding.ts"
import { whileOpen } from "../support/history.ts"
import { run } from "../support/refusing.ts"
import { guest, schema } from "../support/TestDatabase.ts"
import { examined, healthy, place, surroundings, text, unseen } from "./doctor.ts"
import { ran } from "./program.ts"

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

  it.live("a row that somebody holds says nothing of the server", () =>
    Effect.gen(function* () {
      const settings = yield* healthy
      const { code, said } = yield* whileOpen(
        "INSERT INTO jarvis_writes (id, at) VALUES (1, now())",
        examined(settings)
      )
      assert.strictEqual(
        said,
        text({
          writes:
            "✗ canceling statement due to lock timeout: see who holds the table jarvis_writes, or what trigger or policy it has"
        })
      )
      assert.strictEqual(code, 1)
    }).pipe(Effect.provide(surroundings))
  )

  it.live("a row of a forwarded table that may be lost", () =>
    Effect.gen(function* () {
      yield* run("CREATE SCHEMA crm", "CREATE TABLE crm.events (id int, payload json)")
      yield* forward(yield* schema, ["crm.events"], false)
      const settings = yield* healthy
      yield* run("SELECT nextval('forward_losses'), nextval('forward_losses')")
      const rows = yield* examined(settings)
      assert.include(
        rows.said,
        "✗ forwarding of crm.events  rows may be lost, which the service looks for: see that it runs, and what /health/ready says of forwarding\n"
      )
      yield* run("UPDATE forwarded_tables SET lost_until = forward_lost()")
      yield* run("SELECT nextval('forward_unfindable'), nextval('forward_unfindable')")
      const changes = yield* examined(settings)
      assert.include(
        changes.said,
        "✗ forwarding of crm.events  a row may be lost that nobody can find, because its ts does not tell: compare, then run jarvis forward crm.events\n"
      )
      assert.deepStrictEqual([rows.code, changes.code], [1, 1])
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
        "✗ forwarding of crm.old     crm.old is not forwarded any more: its trigger is gone, disabled or another table's; run jarvis forward crm.old, or with --remove\n"
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
})
