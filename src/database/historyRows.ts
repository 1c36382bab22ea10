/** What statements about the table `history` say of a row. */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { isAllowed } from "./Refusals.ts"

/** What stands before `car 59439` in the reason of a row that waits for it. */
export const missing = "entity_not_found: "

/** Says in the log how many rows somebody holds, so that nothing came of them. */
export const tellLocked = (count: number): Effect.Effect<void> =>
  count > 0
    ? Effect.logInfo(`${count} ${count === 1 ? "row is" : "rows are"} locked, next time`)
    : Effect.void

/** Conditions, for a statement in which the table has its own name. */
export const historyRows = (sql: PgClient.PgClient) => {
  const isLacking = sql`history.reason LIKE 'entity\\_not\\_found%'`
  const waiting = sql`NOT history.processed AND history.next_attempt_at < 'infinity'`
  return {
    waiting,
    due: sql`${waiting} AND history.next_attempt_at <= now()`,
    /**
     * What is tried first: the oldest entries, and those of an unknown time before them. What waits for a record comes after
     * all others, because the record's arrival moves it.
     */
    order: sql`${isLacking} IS TRUE, history.created_at NULLS FIRST, history.id`,
    /** Its record is missing, or was, whether somebody waits for it still or not. */
    lacking: sql`NOT history.processed AND ${isLacking}`,
    /** It does not refuse to be updated, or not of late. */
    allowed: isAllowed(sql, "history")
  }
}
