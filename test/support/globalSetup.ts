/**
 * One PostgreSQL server for a run: that of `TEST_DATABASE_URL` where it is set, a container where Docker runs, else an
 * embedded server. Says which.
 *
 * The tests are a plain owner there, no superuser. Each of their databases begins as a copy of a template: an empty one or a
 * migrated one.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { PostgreSqlContainer } from "@testcontainers/postgresql"
import { Effect, Exit, Redacted, Scope } from "effect"
import { getContainerRuntimeClient } from "testcontainers"
import { build } from "vite"
import type { TestProject } from "vitest/node"
import * as Database from "../../src/database/Database.ts"
import { embeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"
import { migrate } from "../../src/database/Migrations.ts"
import { publicSchema, SchemaName } from "../../src/database/SchemaName.ts"
import { crowd, hostile } from "./hostile.ts"
import { ownSchema } from "./ownSchema.ts"
import { templateOf } from "./templates.ts"

declare module "vitest" {
  export interface ProvidedContext {
    /** The URL of a plain user of the server that the tests share; each database is theirs. */
    readonly serverUrl: string
    /** A superuser's URL of the same server. */
    readonly superuserUrl: string
    /** The schema that Jarvis lives in. */
    readonly schema: string
    /** Whether tests of many take as many as there may be. */
    readonly long: boolean
    /** Tells the template databases of this run from others. */
    readonly run: string
  }
}

interface Server {
  readonly which: string
  readonly url: string
  /** It was started for this run. */
  readonly isOurs: boolean
  readonly stop: () => Promise<unknown>
}

/** How many sessions a server of ours takes: tests run side by side, and each service has a pool. */
const sessions = 400

const start = async (): Promise<Server> => {
  const given = process.env["TEST_DATABASE_URL"]
  if (given) return { which: "TEST_DATABASE_URL", url: given, isOurs: false, stop: async () => undefined }

  const docker = await getContainerRuntimeClient().catch(() => null)
  if (docker !== null) {
    const image = "postgres:18"
    const container = await new PostgreSqlContainer(image)
      .withCommand(["postgres", "-c", `max_connections=${sessions}`])
      .start()
    return {
      which: `Testcontainers, ${image}`,
      url: container.getConnectionUri(),
      isOurs: true,
      stop: () => container.stop()
    }
  }

  const directory = mkdtempSync(join(tmpdir(), "jarvis-test-"))
  const open = async () => {
    const scope = await Effect.runPromise(Scope.make())
    const url = await Effect.runPromise(
      embeddedPostgres(directory).pipe(Scope.provide(scope), Effect.provide(NodeServices.layer))
    )
    const close = () =>
      Effect.runPromise(Scope.close(scope, Exit.void).pipe(Effect.provide(NodeServices.layer)))
    return { url, close }
  }
  // How many sessions it takes, a server learns when it starts.
  const first = await open()
  const widen = PgClient.PgClient.use((sql) => sql.unsafe(`ALTER SYSTEM SET max_connections = ${sessions}`))
  await Effect.runPromise(Effect.provide(widen, Database.layer(first.url)))
  await first.close()
  const { close, url } = await open()
  return {
    which: "embedded",
    url: Redacted.value(url),
    isOurs: true,
    stop: async () => {
      await close()
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

/**
 * Nobody needs the data of a server of ours when the machine has crashed: it need not wait for the disk. Nor is there anybody
 * who would guess its passwords: to prove that one knows them takes longer than to begin a session.
 */
const hurry = Effect.fnUntraced(function* ({ password, username }: URL) {
  const server = yield* PgClient.PgClient
  for (const statement of [
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET synchronous_commit = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "ALTER SYSTEM SET scram_iterations = 1",
    "SELECT pg_reload_conf()"
  ]) {
    yield* server.unsafe(statement)
  }
  yield* server.withTransaction(
    Effect.andThen(
      server`SET LOCAL scram_iterations = 1`,
      server`ALTER ROLE ${server(username)} PASSWORD ${server.literal(`'${password}'`)}`
    )
  )
})

const on = (url: URL, schema?: SchemaName) => Database.layer(Redacted.make(url.href), schema)

const at = (url: URL, database: string): URL => Object.assign(new URL(url), { pathname: `/${database}` })

/** Makes the templates of a schema. Beside one of its own stand hostile neighbours, and its tables are crowded. */
const prepare = Effect.fnUntraced(function* (superuser: URL, owner: URL, run: string, schema: SchemaName) {
  const isOwn = schema !== publicSchema
  const empty = templateOf(run, schema, "empty")
  const migrated = templateOf(run, schema, "migrated")
  const user = owner.username
  const server = yield* PgClient.PgClient
  yield* server`CREATE DATABASE ${server(empty)} OWNER ${server(user)}`
  if (isOwn) yield* Effect.provide(hostile, on(at(superuser, empty)))
  yield* server`CREATE DATABASE ${server(migrated)} OWNER ${server(user)} TEMPLATE ${server(empty)}`
  yield* Effect.andThen(migrate(schema), isOwn ? crowd : Effect.void).pipe(
    Effect.provide([on(at(owner, migrated), schema), NodeServices.layer])
  )
})

const schemas = [publicSchema, SchemaName.make(ownSchema)]

const prepareAll = Effect.fnUntraced(function* (superuser: URL, owner: URL, run: string) {
  const server = yield* PgClient.PgClient
  yield* server`CREATE ROLE ${server(owner.username)} LOGIN PASSWORD ${server.literal(`'${owner.password}'`)}`
  // So that tests can write rows as if no trigger had seen them.
  yield* server`GRANT SET ON PARAMETER session_replication_role TO ${server(owner.username)}`
  yield* Effect.forEach(schemas, (schema) => prepare(superuser, owner, run, schema), { discard: true })
})

const clean = Effect.fnUntraced(function* (owner: URL, run: string) {
  const server = yield* PgClient.PgClient
  for (const schema of schemas) {
    for (const state of ["empty", "migrated"] as const) {
      yield* server`DROP DATABASE IF EXISTS ${server(templateOf(run, schema, state))} WITH (FORCE)`
    }
  }
  yield* server`DROP OWNED BY ${server(owner.username)}`
  yield* server`DROP ROLE ${server(owner.username)}`
})

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The tests of the whole program run what users run.
  await build({ build: { ssr: true }, logLevel: "warn" })
  const server = await start()
  process.stdout.write(`PostgreSQL of the tests: ${server.which}\n`)
  const superuser = new URL(server.url)
  const run = crypto.randomUUID().slice(0, 8)
  const owner = Object.assign(new URL(superuser), { username: `jarvis_owner_${run}`, password: "owner" })
  if (server.isOurs) await Effect.runPromise(Effect.provide(hurry(superuser), on(superuser)))
  await Effect.runPromise(Effect.provide(prepareAll(superuser, owner, run), on(superuser)))
  project.provide("serverUrl", owner.href)
  project.provide("superuserUrl", superuser.href)
  project.provide("run", run)
  return async () => {
    await Effect.runPromise(Effect.provide(clean(owner, run), on(superuser)))
    await server.stop()
  }
}
