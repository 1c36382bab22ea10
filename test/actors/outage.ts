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

const endSessions = (name: string) =>
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}' AND backend_type = 'client backend'`

/** Ends all sessions and lets nobody in. */
export const goAway = onServer((name) => [
  `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
  endSessions(name)
])

export const comeBack = onServer((name) => [`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`])

/** As a standby is, or a server of somebody's who has used up the space. */
export const onlyRead = onServer((name) => [
  `ALTER DATABASE ${name} SET default_transaction_read_only = on`,
  endSessions(name)
])

export const takeWrites = onServer((name) => [
  `ALTER DATABASE ${name} RESET default_transaction_read_only`,
  endSessions(name)
])
