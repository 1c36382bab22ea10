/** The pool of connections to the company's PostgreSQL. */
import { PgClient } from "@effect/sql-pg"
import { Effect, type Layer, Predicate, type Redacted } from "effect"
import type { SqlClient, SqlError } from "effect/sql"
import { DatabaseError } from "../domain/Reason.ts"
import { sayRefusal } from "./refusal.ts"
import { publicSchema, type SchemaName } from "./SchemaName.ts"
import { quoted } from "./sqlFiles.ts"

/** How a session of Jarvis is told from others in `pg_stat_activity`. */
export const applicationName = "jarvis"

/**
 * A pool on `url`. Each statement has a connection to itself: one that waits for a lock holds up no other, and it waits
 * 2 s at most. What is due has been written of late and is in memory, so that an index costs less than PostgreSQL thinks. It sees the tables of `schema` and no others. Building the pool connects once, so that an unreachable
 * database is known at start.
 */
export const layer = (
  url: Redacted.Redacted,
  schema: SchemaName = publicSchema
): Layer.Layer<PgClient.PgClient | SqlClient.SqlClient, SqlError.SqlError> =>
  PgClient.layerFrom(
    Effect.tap(
      PgClient.make({
        url,
        applicationName,
        // A peer that vanished without a word is noticed within a minute, not after TCP's hours.
        keepAlive: "30 seconds",
        startupParameters: {
          search_path: quoted(schema),
          lock_timeout: "2s",
          random_page_cost: "1.1",
          // In Jarvis's statements a backslash is one, whatever a database says.
          standard_conforming_strings: "on"
        }
      }),
      (sql) => sql`SELECT 1`
    )
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
