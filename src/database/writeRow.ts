import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

/** Writes the one row that is there to see whether the server takes writes. One that somebody holds is not waited for long. */
export const writeRow = (sql: PgClient.PgClient) =>
  Effect.andThen(
    sql`SET LOCAL lock_timeout = '500ms'`,
    sql`INSERT INTO jarvis_writes (id, at) VALUES (1, now()) ON CONFLICT (id) DO UPDATE SET at = excluded.at`
  ).pipe(sql.withTransaction)
