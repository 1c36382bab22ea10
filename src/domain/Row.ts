import { Schema } from "effect"

/** The tables whose rows are worked off. */
export const tables = ["events", "history"] as const
export const Table = Schema.Literals(tables)
export type Table = typeof Table.Type

/** How a row of `events` or `history` stands. */
export const rowStates = [
  /** Nobody has tried it yet. */
  "pending",
  /** An attempt failed, another will follow. */
  "waiting",
  /** A person has to look. */
  "parked",
  "processed",
  /** A person decided that it needs no processing. */
  "discarded"
] as const
export const RowState = Schema.Literals(rowStates)
export type RowState = typeof RowState.Type
