/** What statements about the table `events` say of a row. */
import type { PgClient } from "@effect/sql-pg"
import { eventTypes } from "../domain/Event.ts"
import { isAllowed } from "./Refusals.ts"

/** Conditions and columns, for a statement in which the table has its own name. */
export const eventRows = (sql: PgClient.PgClient) => {
  const waiting = sql`NOT events.processed AND events.next_attempt_at < 'infinity'`
  /** The trigger has had its way with it. */
  const handled = sql`(events.ok IS NULL OR events.attempts > 0) AND events.attempts IS NOT NULL`
  /** It is about a record: on any other the actors would stumble. */
  const named = sql`events.type = ANY (${[...eventTypes]}) AND events.ext_id ~ '^[A-Za-z0-9_-]{1,64}$'`
  const allowed = isAllowed(sql, "events")
  /** Nobody knows its branch: the service asks RentProg for it, or has asked. */
  const branchless = sql`
    NOT events.processed AND events.reason LIKE 'unknown\\_branch%' AND events.branch IS NULL AND ${named}
  `
  return {
    waiting,
    due: sql`${waiting} AND events.next_attempt_at <= now()`,
    handled,
    named,
    branchless,
    /** It does not refuse to be updated, or not of late. */
    allowed,
    /** An actor can do something about it. */
    fit: sql`${handled} AND ${named} AND ${allowed}`,
    /** What an actor gets of it. */
    columns: sql`
      events.id::text, events.branch, events.type, events.ext_id, events.attempts,
      id_text(events.metadata -> 'traceparent') AS traceparent
    `
  }
}
