import { Schema } from "effect"

/** `history.id`: a bigint, kept as text because JavaScript numbers end before bigint does. */
export const HistoryId = Schema.String.check(Schema.isPattern(/^-?\d+$/)).pipe(Schema.brand("HistoryId"))
export type HistoryId = typeof HistoryId.Type

/** An entry of RentProg's operations log. */
export interface LogEntry {
  /** RentProg's number of the entry: `history.operation_id`. */
  readonly operationId: string
  readonly operationType: string | null
  readonly description: string | null
  readonly entityType: string | null
  readonly entityId: string | null
  readonly userName: string | null
  /** ISO 8601; null where RentProg's does not read. */
  readonly createdAt: string | null
  /** The whole entry as it was sent. */
  readonly raw: { readonly [field: string]: unknown }
}
