/** A database that goes away and comes back, while the server stays. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"
import * as Database from "../../src/database/Database.ts"
import { TestDatabase } from "../support/TestDatabase.ts"

const server = Layer.suspend(() => Database.layer(Redacted.make(inject("serverUrl"))))

const onServer = (statements: (name: string) => ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const { url } = yield* TestDatabase
    const sql = yield* PgClient.PgClient
    const name = new URL(Redacted.value(url)).pathname.slice(1)
    for (const statement of statements(name)) yield* sql.unsafe(statement)
  }).pipe(Effect.provide(server))

/** Ends all sessions and lets nobody in. */
export const goAway = onServer((name) => [
  `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`
])

export const comeBack = onServer((name) => [`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`])
