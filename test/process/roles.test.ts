/** Four users who may each do what they are for, and no more: who migrates, the service, who inserts, who reads. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"
import { sayWhy } from "../../src/database/Database.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { emptyDatabase, outsider, pool, TestDatabase } from "../support/TestDatabase.ts"
import { allProcessed, mirror } from "../support/tables.ts"
import { sharing } from "./processes.ts"
import { ran, rentprogSettings, said, serve } from "./program.ts"

const simulator = Simulator.layer({ readsPerMinute: 100_000, tokensPerMinute: 100_000 })
const roles = ["owner", "service", "webhooks", "reader"] as const

/** What `jarvis roles` prints, with names of this test's own: roles belong to a server, which tests share. */
const printed = Effect.fnUntraced(function* (prefix: string) {
  const { code, stderr, stdout } = yield* ran({}, "roles")
  assert.deepStrictEqual([code, stderr], [0, ""])
  return stdout.replaceAll(/jarvis_(owner|service|webhooks|reader)/g, `${prefix}_$1`)
})

/** The test's database, and the users that an administrator who is no superuser has made in it. */
const made = Effect.gen(function* () {
  const prefix = `r${crypto.randomUUID().slice(0, 8)}`
  const { pathname } = new URL(Redacted.value((yield* TestDatabase).url))
  const on = (user: string, password: string) =>
    Redacted.make(Object.assign(new URL(inject("serverUrl")), { pathname, username: user, password }).href)
  const superuser = outsider(Redacted.make(Object.assign(new URL(inject("superuserUrl")), { pathname }).href))
  const asSuperuser = (...statements: ReadonlyArray<string>) =>
    PgClient.PgClient.use((sql) =>
      Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
    ).pipe(Effect.provide(superuser))

  const admin = `${prefix}_admin`
  const all = [...roles.map((role) => `${prefix}_${role}`), admin]
  yield* Effect.acquireRelease(
    asSuperuser(
      `CREATE ROLE ${admin} LOGIN CREATEROLE PASSWORD 'secret'`,
      `ALTER DATABASE ${pathname.slice(1)} OWNER TO ${admin}`
    ),
    () =>
      Effect.ignore(
        asSuperuser(...all.flatMap((role) => [`DROP OWNED BY ${role} CASCADE`, `DROP ROLE ${role}`]))
      )
  )
  const script = yield* printed(prefix)
  const asAdmin = PgClient.PgClient.use((sql) =>
    sql.unsafe(`DO $do$ BEGIN EXECUTE $file$${script}$file$; END $do$`)
  ).pipe(Effect.provide(outsider(on(admin, "secret"))))
  yield* asAdmin
  yield* asSuperuser(...roles.map((role) => `ALTER ROLE ${prefix}_${role} PASSWORD 'secret'`))
  return { again: asAdmin, urlOf: (role: (typeof roles)[number]) => on(`${prefix}_${role}`, "secret") }
})

const refused = Effect.fnUntraced(function* (statement: string) {
  const sql = yield* PgClient.PgClient
  assert.include(sayWhy(yield* Effect.flip(sql.unsafe(statement))), "permission denied", statement)
})

describe("roles", () => {
  it.live("the service runs as one that creates nothing, on what the owner has migrated", () =>
    Effect.gen(function* () {
      const { again, urlOf } = yield* made
      const given = { DATABASE_URL: Redacted.value(urlOf("service")), ...(yield* rentprogSettings) }

      const early = yield* ran(given)
      assert.strictEqual(early.code, 1)
      assert.include(early.stderr, "jarvis migrate")

      const { code, stdout } = yield* ran({ DATABASE_URL: Redacted.value(urlOf("owner")) }, "migrate")
      assert.strictEqual(code, 0, stdout)
      yield* again
      const looked = yield* ran(given, "doctor")
      assert.strictEqual(looked.code, 0, looked.stdout)
      assert.match(looked.stdout, /^✓ rights +\w+_service may do what the service does$/m)

      const { put } = yield* Simulator
      yield* put("car", { id: 7, company_id: 9247 })
      // Of a cluster, which has tables of its own.
      const program = yield* serve({ ...given, ...(yield* sharing) })
      yield* Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const rows = yield* sql`
          INSERT INTO events (type, payload, company_id, receipt) VALUES ('car.update', '{"id": 7}', 9247, gen_random_uuid())
          ON CONFLICT (receipt) DO NOTHING RETURNING id
        `
        assert.lengthOf(rows, 1)
        yield* sql`INSERT INTO history (description) VALUES ('Мария Ли удалила авто № 7')`
        yield* Effect.forEach(
          [
            "SELECT payload FROM events",
            "SELECT FROM cars",
            "UPDATE events SET processed = true",
            "DELETE FROM events"
          ],
          refused,
          { discard: true }
        )
      }).pipe(Effect.provide(Layer.fresh(pool(urlOf("webhooks")))))

      yield* Effect.gen(function* () {
        yield* allProcessed
        assert.lengthOf(yield* mirror("car"), 1)
        yield* Effect.forEach(
          [
            "INSERT INTO events (type) VALUES ('x')",
            "UPDATE cars SET mileage = 1",
            "DELETE FROM reasons",
            "CREATE TABLE x ()"
          ],
          refused,
          { discard: true }
        )
      }).pipe(Effect.provide(Layer.fresh(pool(urlOf("reader")))))

      yield* refused("CREATE TABLE x ()").pipe(Effect.provide(Layer.fresh(pool(urlOf("service")))))
      yield* said(program, "HTTP server started")
      assert.strictEqual(program.stderr(), "")
    }).pipe(Effect.scoped, Effect.provide([emptyDatabase, simulator]))
  )
})
