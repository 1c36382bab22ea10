/**
 * Rows as they arrive over HTTP. Success says that a row is committed. A connection that is lost meanwhile leaves open
 * whether it is; the receipt settles that, because the same row written again is there once.
 */
import { PgClient } from "@effect/sql-pg"
import { Array as Arr, Context, Effect, Layer, Order } from "effect"
import type { DatabaseError } from "../domain/Reason.ts"
import { groupCommit } from "./groupCommit.ts"

interface Arrival {
  /** A UUID: which part of which request brought it. */
  readonly receipt: string
  readonly traceId: string
}

/** A webhook as it was posted. */
export interface IncomingEvent extends Arrival {
  /** JSON: `{"event": …, "payload": …}`, or whatever else was sent. */
  readonly body: string
  /** Ends in `events.metadata`. */
  readonly metadata: { readonly [name: string]: string }
}

/** An entry of the operations log as it was posted. */
export interface IncomingEntry extends Arrival {
  readonly branch: string | null
  readonly companyId: string | null
  readonly operationType: string | null
  readonly operationId: string | null
  readonly description: string | null
  readonly entityType: string | null
  readonly entityId: string | null
  readonly userName: string | null
  /** ISO 8601; null where it does not read, or where there is none: `raw` says which. */
  readonly createdAt: string | null
  /** JSON: the whole entry. */
  readonly raw: string
}

export class Inbox extends Context.Service<
  Inbox,
  {
    /** Writes a webhook down. What PostgreSQL cannot hold as JSON is kept as text. */
    readonly receiveEvent: (event: IncomingEvent) => Effect.Effect<void, DatabaseError>
    /**
     * Writes entries down. Where that fails, some of them may be written all the same: who brings them again with the same
     * receipts goes on from there. What PostgreSQL cannot hold as JSON is kept as text.
     */
    readonly receiveEntries: (entries: ReadonlyArray<IncomingEntry>) => Effect.Effect<void, DatabaseError>
  }
>()("jarvis/database/Inbox") {
  static readonly layer: Layer.Layer<Inbox, never, PgClient.PgClient> = Layer.effect(
    Inbox,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      const writeEvents = (events: ReadonlyArray<IncomingEvent>) => sql`
        INSERT INTO events (type, company_id, payload, metadata, trace_id, receipt)
        SELECT
          -- As text, but never a number or an object that would print as gigabytes.
          id_text(sent.body -> sent.named_by),
          CASE WHEN sent.is_object AND id_text(sent.body -> 'company_id') ~ '^[0-9]{1,18}$'
            THEN id_text(sent.body -> 'company_id')::bigint
          END,
          CASE
            WHEN sent.is_object AND sent.body ? 'payload' THEN sent.body -> 'payload'
            WHEN sent.is_object                           THEN sent.body - sent.named_by
            ELSE sent.body
          END,
          -- Nothing of what was sent is lost.
          sent.metadata || CASE
            WHEN sent.is_object AND sent.body ? 'payload' AND sent.body - ARRAY['payload', sent.named_by] <> '{}'
            THEN jsonb_build_object('beside', sent.body - ARRAY['payload', sent.named_by]) ELSE '{}'
          END,
          sent."traceId", sent.receipt
        FROM (
          SELECT parsed.body, parsed.metadata, parsed."traceId", parsed.receipt,
            jsonb_typeof(parsed.body) = 'object' AS is_object,
            -- Where there is none, event is as good as any.
            CASE
              WHEN id_text(parsed.body -> 'event') IS NULL AND id_text(parsed.body -> 'type') IS NOT NULL THEN 'type'
              WHEN id_text(parsed.body -> 'event') IS NULL AND id_text(parsed.body -> 'name') IS NOT NULL THEN 'name'
              ELSE 'event'
            END AS named_by
          FROM (
            SELECT arrived.body::jsonb AS body, arrived.metadata, arrived."traceId", arrived.receipt
            FROM jsonb_to_recordset(${sql.json(events)}) AS arrived (
              body text, metadata jsonb, "traceId" text, receipt uuid
            )
          ) AS parsed
        ) AS sent
        -- Asked before: a conflict would be noticed only after the trigger.
        WHERE NOT EXISTS (SELECT FROM events WHERE events.receipt = sent.receipt)
        ON CONFLICT (receipt) DO NOTHING
      `

      const writeEntries = (entries: ReadonlyArray<IncomingEntry>) => sql`
        INSERT INTO history (
          branch, company_id, operation_type, operation_id, description, entity_type, entity_id, user_name, created_at,
          raw_data, trace_id, receipt
        )
        SELECT arrived.branch, arrived."companyId", arrived."operationType", arrived."operationId", arrived.description,
          arrived."entityType", arrived."entityId", arrived."userName", arrived."createdAt",
          arrived.raw::jsonb, arrived."traceId", arrived.receipt
        FROM jsonb_to_recordset(${sql.json([...new Map(entries.map((entry) => [entry.receipt, entry])).values()])}) AS arrived (
          branch text, "companyId" bigint, "operationType" text, "operationId" text, description text,
          "entityType" text, "entityId" text, "userName" text, "createdAt" timestamptz, raw text,
          "traceId" text, receipt uuid
        )
        -- Where a statement that was given up still writes the same, this one waits for it, and then fails as a whole: the
        -- trigger has applied the entry by then, and DO NOTHING would leave it applied twice. The next try finds the row.
        WHERE NOT EXISTS (SELECT FROM history WHERE history.receipt = arrived.receipt)
        -- Entries of one instant count in the order of their numbers.
        ORDER BY arrived."createdAt", length(arrived."operationId"), arrived."operationId"
      `

      const receiveEvents = yield* groupCommit({
        write: writeEvents,
        otherwise: (event) => ({ ...event, body: JSON.stringify(event.body) }),
        textOf: ({ body }) => body,
        writers: 2
      })
      const receiveEntries = yield* groupCommit({
        write: writeEntries,
        otherwise: ({ raw, receipt, traceId }) => ({
          ...nothing,
          receipt,
          traceId,
          raw: JSON.stringify(raw)
        }),
        textOf: ({ raw }) => raw,
        // Entries that are applied at the same time would wait for each other's records.
        writers: 1
      })
      return Inbox.of({
        receiveEvent: (event) => receiveEvents([event]),
        receiveEntries: (entries) => receiveEntries(Arr.sort(entries, inTheirOrder))
      })
    })
  )
}

/** As the statement has it, because many entries take several. Those that say no time are of now. */
const inTheirOrder: Order.Order<IncomingEntry> = Order.combineAll([
  Order.mapInput(Order.Number, ({ createdAt }) =>
    createdAt === null ? Number.POSITIVE_INFINITY : Date.parse(createdAt)
  ),
  Order.mapInput(Order.Number, ({ operationId }) => operationId?.length ?? 0),
  Order.mapInput(Order.String, ({ operationId }) => operationId ?? "")
])

/** An entry of which nothing could be made but its text. */
const nothing = {
  branch: null,
  companyId: null,
  operationType: null,
  operationId: null,
  description: null,
  entityType: null,
  entityId: null,
  userName: null,
  createdAt: null
}
