/** Rows of `events` as tests write and read them. */
import { randomBytes } from "node:crypto"
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

/** What somebody inserts. A payload that is left out is SQL's null; one that is null is JSON's. */
export interface NewEvent {
  readonly branch?: string | null
  readonly type?: string | null
  readonly ext_id?: string | null
  readonly company_id?: number | null
  readonly payload?: unknown
}

export interface EventRow {
  readonly id: string
  readonly branch: string | null
  readonly type: string | null
  readonly ext_id: string | null
  readonly payload: unknown
  readonly payload_received: unknown
  readonly processed: boolean
  readonly ok: boolean | null
  readonly reason: string | null
  readonly attempts: number
  readonly revision: number
  /** As text, because JavaScript has no infinite date. */
  readonly next_attempt_at: string | null
  readonly processed_at: Date | null
}

/** The rows with these ids, in the order of their ids. */
export const readEvents = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  return yield* sql<EventRow>`
    SELECT id::text, branch, type, ext_id, payload, payload_received, processed, ok, reason, attempts, revision,
      next_attempt_at::text, processed_at
    FROM events WHERE id = ANY (${ids}::bigint[]) ORDER BY events.id
  `
})

/** Inserts all in one statement and answers them as they stand then, in the same order. */
export const insertEvents = Effect.fnUntraced(function* (events: ReadonlyArray<NewEvent>) {
  const sql = yield* PgClient.PgClient
  const rows = events.map(({ payload, ...rest }) => ({
    ...rest,
    payload: payload === undefined ? null : JSON.stringify(payload)
  }))
  const inserted = yield* sql<{ readonly id: string }>`
    INSERT INTO events (branch, type, ext_id, company_id, payload)
    SELECT branch, type, ext_id, company_id, payload::jsonb
    FROM jsonb_to_recordset(${sql.json(rows)})
      AS row (branch text, type text, ext_id text, company_id bigint, payload text)
    RETURNING id::text
  `
  return yield* readEvents(inserted.map(({ id }) => id))
})

/** Inserts one and answers it as it stands then. */
export const insertEvent = Effect.fnUntraced(function* (event: NewEvent) {
  const [row] = yield* insertEvents([event])
  if (row === undefined) return yield* Effect.die("nothing was inserted")
  return row
})

/** Parked: handled badly, and nobody but a person tries again. */
export const isParked = (row: EventRow): boolean =>
  row.ok === false && !row.processed && row.next_attempt_at === "infinity"

/** Waits for the service, as good as new. */
export const isPending = (row: EventRow): boolean =>
  row.ok === null && !row.processed && row.reason === null && row.attempts === 0

/** Letters that do not compress, so that nothing makes them shorter than an index entry may be. */
export const random = (length: number): string => randomBytes(length).toString("hex").slice(0, length)
