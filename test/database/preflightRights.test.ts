import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"
import { plan } from "../../src/database/Migrations.ts"
import { inspectServer, isTooOld, type ServerState } from "../../src/database/preflight/server.ts"
import { SchemaName } from "../../src/database/SchemaName.ts"
import { emptyDatabase, guest, pool, superuser, TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { emptySchema, planned, run, worse } from "./preflightCase.ts"

const own = `"${inject("schema")}"`

/** The test's database and its owner. */
const names = TestDatabase.useSync(({ url }) => {
  const { pathname, username } = new URL(Redacted.value(url))
  return { database: pathname.slice(1), owner: username }
})

describe("the preflight of somebody", () => {
  it.live("who may not create in the schema names the owner, who can", () =>
    Effect.gen(function* () {
      yield* emptySchema
      const { owner } = yield* names
      const { name, pool } = yield* guest()
      const { findings, instead } = yield* Effect.provide(planned, pool)
      assert.deepStrictEqual(worse(findings), [
        `fatal schema ${inject("schema") === "public" ? "public" : own}`
      ])
      const [finding] = findings
      assert.strictEqual(finding?.is, `permission denied: role ${name} has no CREATE there`)
      assert.include(finding?.todo, `run jarvis migrate as ${owner}, or GRANT CREATE ON SCHEMA`)
      assert.isNull(instead)
    }).pipe(Effect.scoped, Effect.provide(emptyDatabase))
  )

  it.live("who may not create the schema names the owner of the database", () =>
    Effect.gen(function* () {
      yield* emptySchema
      const { database, owner } = yield* names
      const { name, pool } = yield* guest()
      const { findings } = yield* Effect.provide(plan(SchemaName.make("elsewhere")), pool)
      assert.deepStrictEqual(worse(findings), ["fatal schema elsewhere"])
      assert.strictEqual(
        findings[0]?.todo,
        `run jarvis migrate as ${owner}, or GRANT CREATE ON DATABASE ${database} TO ${name}`
      )
      assert.isFalse(findings[0]?.cured)
    }).pipe(Effect.scoped, Effect.provide([emptyDatabase, NodeServices.layer]))
  )

  it.live("who does not own what stands there says whose it is, in a line for each owner", () =>
    Effect.gen(function* () {
      yield* emptySchema
      const { database, owner } = yield* names
      const { name, pool } = yield* guest(`CREATE ON SCHEMA ${own}`, `CREATE ON DATABASE ${database}`)
      yield* run(
        "CREATE TABLE cars (id bigserial PRIMARY KEY)",
        "CREATE TABLE events (id bigserial PRIMARY KEY)",
        "CREATE FUNCTION auto_process_event() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
      )
      const { findings, instead } = yield* Effect.provide(planned, pool)
      assert.deepStrictEqual(worse(findings), [
        "fatal function auto_process_event()",
        "fatal tables cars, events",
        "risk function auto_process_event()"
      ])
      assert.deepInclude(findings[1], {
        is: `owned by ${owner}`,
        must: `owned by ${name}, or a role that it is in`,
        todo: `run jarvis migrate as ${owner}, or GRANT ${owner} TO ${name}`
      })
      assert.strictEqual(instead, "jarvis")
    }).pipe(Effect.scoped, Effect.provide(emptyDatabase))
  )

  it.live("who only serves finds nothing on a database that is up to date", () =>
    Effect.gen(function* () {
      const { pool } = yield* guest("SELECT ON jarvis_migrations", "SELECT ON jarvis_functions")
      assert.deepStrictEqual(worse((yield* Effect.provide(planned, pool)).findings), [])
      yield* run("DELETE FROM jarvis_functions")
      const { findings, instead } = yield* Effect.provide(planned, pool)
      const about = new Set(
        findings.filter(({ level }) => level === "fatal").map(({ object }) => object.split(" ")[0])
      )
      assert.deepStrictEqual([...about], ["functions", "schema", "tables"])
      assert.isNull(instead)
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live("who may not read what has run here says so, and nothing else", () =>
    Effect.gen(function* () {
      const { pool } = yield* guest("SELECT ON jarvis_migrations")
      const { findings } = yield* Effect.provide(planned, pool)
      assert.deepStrictEqual(worse(findings), ["fatal table jarvis_functions"])
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.live(
    "who may make no temporary tables compares nothing, which only matters where something is to be done",
    () =>
      Effect.gen(function* () {
        const { database, owner } = yield* names
        yield* run(`REVOKE TEMPORARY ON DATABASE ${database} FROM PUBLIC, ${owner}`)
        const { findings } = yield* planned
        assert.deepStrictEqual(
          findings.map(({ level, object }) => [level, object]),
          [["harmless", `role ${owner}`]]
        )
        yield* run("DELETE FROM jarvis_functions")
        const [fatal] = (yield* planned).findings
        assert.deepInclude(fatal, { level: "fatal", object: `role ${owner}`, cured: false })
        assert.strictEqual(fatal?.todo, `GRANT TEMPORARY ON DATABASE ${database} TO ${owner}, as ${owner}`)
      }).pipe(Effect.provide(testDatabase))
  )
})

describe("the preflight of a server", () => {
  it.live("that only reads does not fail", () =>
    Effect.gen(function* () {
      const { database } = yield* names
      yield* run(`ALTER DATABASE ${database} SET default_transaction_read_only = on`)
      const { findings, instead } = yield* planned
      assert.deepStrictEqual(worse(findings), [`fatal database ${database}`])
      assert.deepInclude(findings[0], { is: "read-only for this user", cured: false })
      assert.isNull(instead)
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("whose database knows no Russian letters does not fail", () =>
    Effect.gen(function* () {
      const server = yield* PgClient.PgClient
      const name = `jarvis_${crypto.randomUUID().replaceAll("-", "")}`
      const url = Object.assign(new URL(inject("superuserUrl")), { pathname: `/${name}` })
      yield* Effect.acquireRelease(
        server.unsafe(
          `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'`
        ),
        () => Effect.orDie(server.unsafe(`DROP DATABASE ${name} WITH (FORCE)`))
      )
      const { findings } = yield* Effect.provide(planned, Layer.fresh(pool(Redacted.make(url.href))))
      assert.deepStrictEqual(worse(findings), [`fatal database ${name}`])
      assert.strictEqual(findings[0]?.is, "encoded in LATIN1")
    }).pipe(Effect.scoped, Effect.provide(superuser))
  )

  const well: ServerState = {
    version: "18.4",
    version_number: 180_004,
    encoding: "UTF8",
    standby: false,
    read_only: false,
    role: "owner",
    database: "fleet",
    database_owner: "owner",
    may_create_schemas: true,
    may_make_temporary_tables: true,
    schema: null
  }
  it("that is too old, or a standby, is fatal in every schema", () => {
    const found = (state: Partial<ServerState>) =>
      Array.from(inspectServer({ ...well, ...state }), ({ cured, is, level, object }) => [
        level,
        object,
        is,
        cured
      ])
    assert.deepStrictEqual(found({}), [])
    assert.deepStrictEqual(found({ version: "14.9", version_number: 140_009 }), [
      ["fatal", "server", "PostgreSQL 14.9", false]
    ])
    assert.isTrue(isTooOld({ ...well, version_number: 140_099 }))
    assert.isFalse(isTooOld({ ...well, version_number: 150_000 }))
    assert.deepStrictEqual(found({ standby: true, read_only: true }), [
      ["fatal", "server", "a standby", false]
    ])
  })
})

describe("tables of the same names on the search path", () => {
  const beside = (path: string) =>
    Effect.gen(function* () {
      const { database, owner } = yield* names
      yield* run(
        "CREATE SCHEMA aside",
        "CREATE TABLE aside.events (id int)",
        "CREATE TABLE aside.cars (id int)",
        `ALTER ROLE ${owner} IN DATABASE ${database} SET search_path = ${path}`
      )
      const { findings } = yield* planned
      return findings.find(({ object }) => object === "schema aside")
    })

  it.live("are a risk where they come before Jarvis's", () =>
    Effect.gen(function* () {
      const found = yield* beside(`nowhere, aside, ${own}`)
      assert.deepInclude(found, { level: "risk", is: "with tables of the same names: cars, events" })
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("are harmless where they come after", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* beside(`${own}, aside`))?.level, "harmless")
    }).pipe(Effect.provide(testDatabase))
  )

  it.live("are harmless where Jarvis's are not on it, and not there where they are not", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* beside("aside"))?.level, "harmless")
      const { database, owner } = yield* names
      yield* run(`ALTER ROLE ${owner} IN DATABASE ${database} SET search_path = ${own}`)
      assert.deepStrictEqual((yield* planned).findings, [])
    }).pipe(Effect.provide(testDatabase))
  )
})
