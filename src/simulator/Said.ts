/**
 * What an entry of the operations log says, before it becomes a sentence: in the shape in which
 * `parse_history_description` answers it.
 */
import type { EntityType } from "../domain/Entity.ts"

/** What can be done to a thing. */
export type Operation =
  | "create"
  | "update"
  | "delete"
  | "cancel"
  | "issue"
  | "return"
  | "complete"
  | "transfer"

/** `{field: {old, new}}`; what was empty is null before, and an empty text now. */
export type SaidChanges = Readonly<Record<string, { readonly old: string | null; readonly new: string }>>

/** What is said of a payment; of some no more than the number. */
export interface SaidPayment {
  readonly ids: ReadonlyArray<string>
  readonly amount?: number
  readonly currency?: string
  readonly direction?: "income" | "expense" | "transfer"
  readonly method?: "cash" | "cashless"
}

/** Something that was done, without who did it. */
export interface Deed {
  readonly entity_type: EntityType | "payment" | "maintenance"
  readonly entity_id: string
  readonly operation: Operation
  readonly changes?: SaidChanges
  readonly payment?: SaidPayment
  /** Who the cash of a transfer is from. */
  readonly counterparty?: string
  /** The car that a maintenance job is about, and what is to be done. */
  readonly car_id?: string
  readonly text?: string
}

/** Something that somebody did. */
export interface Said extends Deed {
  readonly user_name: string
}
