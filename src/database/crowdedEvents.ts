/** The events of a crowded record, of which `take` reads the first few alone. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Option, Schema, Stream } from "effect"
import { PendingEvent, type Taken } from "../domain/Event.ts"
import { eventRows } from "./eventRows.ts"

/** How many are read at a time. */
const page = 1000

const decode = Schema.decodeUnknownOption(PendingEvent)

/** As `Events.rest` says. */
export const rest = (sql: PgClient.PgClient) => {
  const { columns, fit, waiting } = eventRows(sql)

  return ({ branch, crowded, events: taken, record, upTo }: Taken, which: "all" | "due") => {
    const { taken_at } = taken[0]
    const ids = taken.map(({ id }) => id)
    // In the order of their numbers, which nothing changes: a row that is to wait again is not met again.
    const after = Effect.fnUntraced(function* (last: string) {
      const rows = yield* sql<{ readonly id: string }>`
        SELECT ${columns}, events.next_attempt_at <= ${taken_at}::timestamptz AS due, ${taken_at}::text AS taken_at
        FROM events
        WHERE events.branch = ${branch} AND events.ext_id = ${record.entityId} AND events.type = ANY (${crowded})
          AND ${waiting} AND ${fit}
          AND events.id > ${last}::text::bigint AND events.id <= ${upTo}::text::bigint
          AND events.id <> ALL (${ids}::text[]::bigint[])
          -- One that failed before and waits for its time. Any other that was not due has been touched since.
          AND (events.next_attempt_at <= ${taken_at}::timestamptz OR ${which === "all"} AND events.attempts > 0)
        ORDER BY events.id
        LIMIT ${page}
      `
      const next = rows.length < page ? undefined : rows.at(-1)?.id
      // What does not read is left to the next take.
      return [rows.flatMap((row) => Option.toArray(decode(row))), Option.fromNullishOr(next)] as const
    })
    return Stream.paginate("-9223372036854775808", after)
  }
}
