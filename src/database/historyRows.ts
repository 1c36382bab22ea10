/** What statements about the table `history` say of a row. */
import type { PgClient } from "@effect/sql-pg"
import { isAllowed } from "./Refusals.ts"

/** What stands before `car 59439` in the reason of a row that waits for it. */
export const missing = "entity_not_found: "

/** Conditions, for a statement in which the table has its own name. */
export const historyRows = (sql: PgClient.PgClient) => {
  const waiting = sql`NOT history.processed AND history.next_attempt_at < 'infinity'`
  return {
    waiting,
    due: sql`${waiting} AND history.next_attempt_at <= now()`,
    /** Its record is missing, or was, whether somebody waits for it still or not. */
    lacking: sql`NOT history.processed AND history.reason LIKE 'entity\\_not\\_found%'`,
    /** It does not refuse to be updated, or not of late. */
    allowed: isAllowed(sql, "history")
  }
}
