/** The events of a crowded record, of which `take` reads the first few alone. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Option, Schema, Stream } from "effect"
import { PendingEvent, type Taken } from "../domain/Event.ts"
import { eventRows } from "./eventRows.ts"

/** How many are read at a time. */
const page = 1000

/** Where a page begins: after this row, in the order in which rows are due. */
interface Place {
  /** As PostgreSQL writes a time in JSON. */
  readonly at: string
  readonly id: string
}
const beginning: Place = { at: "-infinity", id: "-9223372036854775808" }

const decode = Schema.decodeUnknownOption(PendingEvent)

/** As `Events.rest` says. */
export const rest = (sql: PgClient.PgClient) => {
  const { columns, fit, waiting } = eventRows(sql)

  return ({ branch, crowded, events: [{ taken_at }], record, upTo }: Taken, which: "all" | "due") => {
    const after = Effect.fnUntraced(function* (place: Place) {
      const rows = yield* sql<Place>`
        SELECT ${columns}, events.next_attempt_at <= ${taken_at}::timestamptz AS due, ${taken_at}::text AS taken_at,
          to_jsonb(events.next_attempt_at) #>> '{}' AS at
        FROM events
        WHERE events.branch = ${branch} AND events.ext_id = ${record.entityId} AND events.type = ANY (${crowded})
          AND ${waiting} AND ${fit} AND events.id <= ${upTo}::text::bigint
          -- One that failed before and waits for its time. Any other that was not due has been touched since.
          AND (events.next_attempt_at <= ${taken_at}::timestamptz OR ${which === "all"} AND events.attempts > 0)
          AND (events.next_attempt_at, events.id) > (${place.at}::timestamptz, ${place.id}::text::bigint)
        ORDER BY events.next_attempt_at, events.id
        LIMIT ${page}
      `
      const last = rows.length < page ? undefined : rows.at(-1)
      // What does not read is left to the next take.
      return [rows.flatMap((row) => Option.toArray(decode(row))), Option.fromNullishOr(last)] as const
    })
    return Stream.paginate(beginning, after)
  }
}
