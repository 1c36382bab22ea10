import { Schema } from "effect"
import type { Branch } from "./Branch.ts"

/** The kinds of record that RentProg sends events about and that can be fetched. */
export const entityTypes = ["car", "client", "booking"] as const
export const EntityType = Schema.Literals(entityTypes)
export type EntityType = typeof EntityType.Type

/**
 * RentProg's number of a record, as text. Only what the API could be asked for passes: the same pattern guards
 * `events.ext_id` in SQL (`auto_process_event`).
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

/** A record as RentProg answered it, ready to be written to its table. */
export interface MirrorRecord extends EntityKey {
  /** The branch whose token fetched it. */
  readonly branch: Branch
  /** `branches.company_id` of the record itself; clients may have none. */
  readonly companyId: number | null
  /** Milliseconds since 1970, taken before the request: what the answer is at least as new as. */
  readonly fetchedAt: number
  /** What people query, by column name. */
  readonly columns: { readonly [column: string]: string | number | boolean | null }
  /** The whole record, unknown fields included. */
  readonly data: { readonly [field: string]: unknown }
}
