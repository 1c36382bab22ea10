/** Changes of tables that others are writing to. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schedule } from "effect"
import { SqlError } from "effect/sql"

/** How long a statement waits for a table, because whoever writes to the table waits behind it. */
const lockTimeout = "100ms"

/** A table that is held is asked for again for two minutes. */
const tryAgain = Schedule.max([Schedule.jittered(Schedule.spaced("500 millis")), Schedule.recurs(240)])

const isHeldUp = (error: unknown): boolean =>
  SqlError.isSqlError(error) &&
  (error.reason._tag === "LockTimeoutError" || error.reason._tag === "DeadlockError")

/** Runs a transaction of DDL; while somebody holds a table, again and again, and never in front of others for long. */
export const ddl =
  (sql: PgClient.PgClient) =>
  <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E | SqlError.SqlError> =>
    Effect.andThen(sql.unsafe(`SET LOCAL lock_timeout = '${lockTimeout}'`), effect).pipe(
      sql.withTransaction,
      Effect.retry({ schedule: tryAgain, while: isHeldUp })
    )
