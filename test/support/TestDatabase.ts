import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"
import * as Database from "../../src/database/Database.ts"
import * as KnownBranches from "../../src/database/KnownBranches.ts"
import { migrate } from "../../src/database/Migrations.ts"
import { SchemaName } from "../../src/database/SchemaName.ts"
import { templateOf } from "./templates.ts"

/** The schema that Jarvis lives in: the tests of a database run in public and, with hostile neighbours, in another one. */
export const schema = Effect.sync(() => SchemaName.make(inject("schema")))

/** A channel of Jarvis's, as this schema spells it. */
export const channel = (name: string): string =>
  inject("schema") === "public" ? name : `${inject("schema")}.${name}`

/** A pool as the service has it. */
export const pool = (url: Redacted.Redacted) =>
  Layer.unwrap(Effect.map(schema, (schema) => Database.layer(url, schema)))

/** A pool of somebody who is no session of Jarvis's. */
export const outsider = (url: Redacted.Redacted) =>
  Layer.suspend(() =>
    PgClient.layer({
      url,
      applicationName: "test",
      startupParameters: { search_path: `"${inject("schema")}"` }
    })
  )

/** The server's superuser, who makes databases and roles. What Jarvis does, it does as a plain owner. */
export const superuser = Layer.suspend(() => Database.layer(Redacted.make(inject("superuserUrl"))))

/** A database of its own for a test file, or for a test: created empty, dropped at the end. */
export class TestDatabase extends Context.Service<TestDatabase, { readonly url: Redacted.Redacted }>()(
  "test/TestDatabase"
) {
  static readonly from = (state: "empty" | "migrated") =>
    Layer.effect(
      TestDatabase,
      Effect.gen(function* () {
        const server = yield* PgClient.PgClient
        const name = `jarvis_${crypto.randomUUID().replaceAll("-", "")}`
        const url = new URL(inject("serverUrl"))
        const template = templateOf(inject("run"), inject("schema"), state)
        yield* Effect.acquireRelease(
          server`CREATE DATABASE ${server(name)} OWNER ${server(url.username)} TEMPLATE ${server(template)}`,
          () => Effect.orDie(server`DROP DATABASE ${server(name)} WITH (FORCE)`)
        )
        url.pathname = `/${name}`
        return { url: Redacted.make(url.href) }
      })
    ).pipe(Layer.provide(superuser))
  static readonly layer = TestDatabase.from("empty")
}

const poolOn = <E>(database: Layer.Layer<TestDatabase, E>) =>
  Layer.unwrap(TestDatabase.useSync(({ url }) => pool(url))).pipe(Layer.provideMerge(database))

/** A pool on an empty database. */
export const emptyDatabase = poolOn(TestDatabase.from("empty"))

/** A pool on a migrated database, whose branches are known. */
export const testDatabase = KnownBranches.layer([]).pipe(
  Layer.provideMerge(poolOn(TestDatabase.from("migrated")))
)

/** A pool of a role that may do in the test's database what is granted to it here, and no more. */
export const guest = Effect.fnUntraced(function* (...grants: ReadonlyArray<string>) {
  const owner = yield* PgClient.PgClient
  const url = new URL(Redacted.value((yield* TestDatabase).url))
  const { pathname } = url
  url.username = `guest_${crypto.randomUUID().slice(0, 8)}`
  url.password = "secret"
  const superuserUrl = Object.assign(new URL(inject("superuserUrl")), { pathname })
  const asSuperuser = (...statements: ReadonlyArray<string>) =>
    PgClient.PgClient.use((sql) =>
      Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
    ).pipe(Effect.provide(Layer.fresh(Database.layer(Redacted.make(superuserUrl.href)))))
  yield* Effect.acquireRelease(asSuperuser(`CREATE ROLE ${url.username} LOGIN PASSWORD 'secret'`), () =>
    Effect.orDie(asSuperuser(`DROP OWNED BY ${url.username}`, `DROP ROLE ${url.username}`))
  )
  const all = [`USAGE ON SCHEMA "${inject("schema")}"`, ...grants]
  yield* Effect.forEach(all, (grant) => owner.unsafe(`GRANT ${grant} TO ${url.username}`), { discard: true })
  return {
    name: url.username,
    url: Redacted.make(url.href),
    pool: Layer.fresh(pool(Redacted.make(url.href)))
  }
})

/** Brings the test's database up to date. */
export const migrated = Effect.flatMap(schema, migrate).pipe(Effect.provide(NodeServices.layer))
