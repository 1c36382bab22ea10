import { Schema } from "effect"

/** The kinds of record that RentProg sends events about and that can be fetched. */
export const entityTypes = ["car", "client", "booking"] as const
export const EntityType = Schema.Literals(entityTypes)
export type EntityType = typeof EntityType.Type

/**
 * RentProg's number of a record, as text. Only what the API could be asked for passes: the same pattern guards
 * `events.ext_id` in SQL (`normalise_event`).
 */
export const RentprogId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/)).pipe(
  Schema.brand("RentprogId")
)
export type RentprogId = typeof RentprogId.Type

/** One record of RentProg: what events name, fetches want and the mirror holds. */
export interface EntityKey {
  readonly entityType: EntityType
  readonly entityId: RentprogId
}

/** `car:59439`: the one spelling of a key in maps, queries and log lines. */
export const keyText = (key: EntityKey): string => `${key.entityType}:${key.entityId}`
