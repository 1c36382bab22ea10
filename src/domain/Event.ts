import { Schema } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import { Branch } from "./Branch.ts"
import { type EntityKey, type EntityType, RentprogId } from "./Entity.ts"

/** `events.id`: a bigint, kept as text because JavaScript numbers end before bigint does. */
export const EventId = Schema.String.check(Schema.isPattern(/^-?\d+$/)).pipe(Schema.brand("EventId"))
export type EventId = typeof EventId.Type

/** The nine kinds of event, in the one spelling the trigger leaves in `events.type`. */
export const eventTypes = [
  "car_create",
  "car_update",
  "car_destroy",
  "client_create",
  "client_update",
  "client_destroy",
  "booking_create",
  "booking_update",
  "booking_destroy"
] as const
export const EventType = Schema.Literals(eventTypes)
export type EventType = typeof EventType.Type

/** What each type is about and what it says happened. */
export const meaning: {
  readonly [T in EventType]: { readonly entityType: EntityType; readonly operation: Operation }
} = {
  car_create: { entityType: "car", operation: "create" },
  car_update: { entityType: "car", operation: "update" },
  car_destroy: { entityType: "car", operation: "destroy" },
  client_create: { entityType: "client", operation: "create" },
  client_update: { entityType: "client", operation: "update" },
  client_destroy: { entityType: "client", operation: "destroy" },
  booking_create: { entityType: "booking", operation: "create" },
  booking_update: { entityType: "booking", operation: "update" },
  booking_destroy: { entityType: "booking", operation: "destroy" }
}
export type Operation = "create" | "update" | "destroy"

/** A row of `events` that waits to be processed, as the trigger normalised it. */
export const PendingEvent = Schema.Struct({
  id: EventId,
  branch: Branch,
  type: EventType,
  ext_id: RentprogId,
  /** Attempts already made. */
  attempts: Schema.Int,
  /** False while a failed attempt's backoff still runs. */
  due: Schema.Boolean,
  /** The W3C trace context of its reception, as it stands in `metadata`; null where there is none. */
  traceparent: Schema.NullOr(Schema.String),
  /** When it was taken, by the clock of the database: ISO 8601. Whoever touches the row later wants another attempt. */
  taken_at: Schema.String
})
export type PendingEvent = typeof PendingEvent.Type

/** What waits for one record, as a branch takes it. */
export interface Taken {
  readonly branch: Branch
  readonly record: EntityKey
  /** All that waits for it, or the first few of each type. */
  readonly events: NonEmptyReadonlyArray<PendingEvent>
  /** The types of which more wait than are in `events`. */
  readonly crowded: ReadonlyArray<EventType>
  /** The fewest attempts that any event of the record has had, in `events` or not. */
  readonly leastAttempts: number
  /** The highest id in the table when it was taken: a row that comes later says something newer. */
  readonly upTo: EventId
}

/** The record an event is about. */
export const entityOf = (event: PendingEvent): EntityKey => ({
  entityType: meaning[event.type].entityType,
  entityId: event.ext_id
})
