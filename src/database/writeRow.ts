import type { PgClient } from "@effect/sql-pg"

/** Writes the one row that is there to see whether the server takes writes. */
export const writeRow = (sql: PgClient.PgClient) => sql`
  INSERT INTO jarvis_writes (id, at) VALUES (1, now()) ON CONFLICT (id) DO UPDATE SET at = excluded.at
`
