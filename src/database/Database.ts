/** The pool of connections to the company's PostgreSQL. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Exit, type Layer, Option, Predicate, type Redacted, Schema, Scope } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { DatabaseError } from "../domain/Reason.ts"
import { pooled } from "./pooled.ts"
import { sayRefusal } from "./refusal.ts"
import { publicSchema, type SchemaName } from "./SchemaName.ts"
import { quoted } from "./sqlFiles.ts"
import { readTls, waysToConnect } from "./tls.ts"

/** How a session of Jarvis is told from others in `pg_stat_activity`. */
export const applicationName = "jarvis 2"

/** The same of versions that do not know that there may be others: they work whenever they run. */
export const nameWithoutLease = "jarvis"

/** Why there is no pool, in one line that names the setting. */
export class ConnectionError extends Schema.TaggedError<ConnectionError>()("ConnectionError", {
  message: Schema.String
}) {}

/**
 * A statement that waits for a lock waits 2 s at most. What is due has been written of late and is in memory, so that an index
 * costs less than PostgreSQL thinks. And it sees the tables of `schema` and no others.
 */
const settingsIn = (schema: SchemaName) => ({
  search_path: quoted(schema),
  lock_timeout: "2s",
  random_page_cost: "1.1",
  // In Jarvis's statements a backslash is one, whatever a database says.
  standard_conforming_strings: "on"
})

type Setting = "DATABASE_URL" | "JARVIS_LISTEN_URL"

const cannotConnect = (setting: Setting, why: string) =>
  new ConnectionError({ message: `cannot connect to the database of ${setting}: ${why}` })

/** Connects once, so that an unreachable database is known at start. */
const connect = Effect.fnUntraced(function* (
  setting: Setting,
  url: Redacted.Redacted,
  options: Pick<PgClient.PgClientConfig, "prepare" | "startupParameters">
) {
  const failed = (why: string) => cannotConnect(setting, why)
  const tls = yield* Effect.mapError(Effect.fromResult(readTls(url)), (takes) =>
    failed(`it must be ${takes}`)
  )
  const ways = yield* Effect.mapError(waysToConnect(tls), ({ message }) => failed(message))
  const scope = yield* Effect.scope
  const open = Effect.fnUntraced(function* (ssl: (typeof ways)[number]) {
    const own = yield* Scope.fork(scope)
    return yield* PgClient.make({
      url,
      ssl,
      applicationName,
      // A peer that vanished without a word is noticed within a minute, not after TCP's hours.
      keepAlive: "30 seconds",
      ...options
    }).pipe(
      Effect.tap((sql) => sql`SELECT 1`),
      Scope.provide(own),
      Effect.onError((cause) => Scope.close(own, Exit.failCause(cause)))
    )
  })
  const [first = false, ...others] = ways
  return yield* others
    .reduce((before, way) => Effect.catchIf(before, isOfTheWay, () => open(way)), open(first))
    .pipe(
      Effect.mapError((error) =>
        failed(`${sayWhy(error)}${isOfThePooler(error) ? `. ${whatAPoolerNeeds}` : ""}`)
      )
    )
})

/** Whether the sessions are as they were asked for: a pooler may leave startup parameters out. */
const hasTaken = (sql: PgClient.PgClient, settings: ReturnType<typeof settingsIn>) =>
  sql<{ readonly taken: boolean }>`
    SELECT current_setting('search_path') = ${settings.search_path}
      AND current_setting('lock_timeout') = ${settings.lock_timeout} AS taken
  `.pipe(
    Effect.mapBoth({
      onFailure: (error) => cannotConnect("DATABASE_URL", sayWhy(error)),
      onSuccess: ([row]) => row?.taken === true
    })
  )

/** With TLS it may be another matter, or without: all but what PostgreSQL said, unless it wants the other way. */
const isOfTheWay = ({ reason: { cause } }: SqlError.SqlError): boolean =>
  !Predicate.hasProperty(cause, "severity") ||
  (Predicate.hasProperty(cause, "code") && cause.code === "28000")

const isOfThePooler = (error: SqlError.SqlError): boolean =>
  sayWhy(error).startsWith("unsupported startup parameter")

/** What to do where a pooler is found. */
export const whatAPoolerNeeds =
  "It leads through a pooler: set JARVIS_LISTEN_URL to a direct connection to the same database"

/**
 * A pool on `url`. Each statement has a connection to itself: one that waits for a lock holds up no other. Where `url` leads
 * through a pooler, `listenUrl` leads past it.
 */
export const layer = (
  url: Redacted.Redacted,
  schema: SchemaName = publicSchema,
  listenUrl: Option.Option<Redacted.Redacted> = Option.none()
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, ConnectionError> =>
  PgClient.layerFrom(
    Effect.gen(function* () {
      const settings = settingsIn(schema)
      const session = { startupParameters: settings }
      if (Option.isSome(listenUrl)) {
        const direct = yield* connect("JARVIS_LISTEN_URL", listenUrl.value, session)
        return yield* pooled(yield* connect("DATABASE_URL", url, { prepare: false }), direct, settings)
      }
      const sql = yield* connect("DATABASE_URL", url, session)
      if (yield* hasTaken(sql, settings)) return sql
      const found = `what Jarvis asks of a session is ignored. ${whatAPoolerNeeds}`
      // There the tables are found all the same.
      if (schema !== publicSchema) return yield* cannotConnect("DATABASE_URL", found)
      yield* Effect.logWarning(`DATABASE_URL: ${found}`)
      const pool = yield* connect("DATABASE_URL", url, { prepare: false })
      return yield* pooled(pool, pool, settings)
    })
  )

/** What PostgreSQL itself said, where it said something. */
export const sayWhy = (error: SqlError.SqlError): string => {
  const cause = error.reason.cause
  return cause instanceof Error ? cause.message : error.message
}

/**
 * Whether a value in the statement is to blame, so that the same statement would fail again: PostgreSQL's classes 22 (data
 * exception), 23 (constraint), 54 (limit exceeded) and P0 (raised by a function).
 */
export const isOfTheValue = ({ reason: { cause } }: SqlError.SqlError): boolean =>
  Predicate.hasProperty(cause, "code") && /^(22|23|54|P0)/.test(String(cause.code))

/** A failed statement as a reason that a row can carry. */
export const databaseError = (error: SqlError.SqlError) =>
  new DatabaseError({ detail: sayWhy(error), told: sayRefusal(error) })
export const asDatabaseError = Effect.mapError(databaseError)
