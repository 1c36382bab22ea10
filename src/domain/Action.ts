/** What people do: retry and discard rows, take a discard back, pause and resume branches. */
import { Schema } from "effect"
import { RowFilter, RowId, Table } from "./Row.ts"

/** Who acts: what the audit writes down. */
export interface Who {
  readonly name: string
  /** Where the request came from. */
  readonly address: string
}

/** What a person did: an entry of the audit. */
export const Action = Schema.Struct({
  id: RowId,
  at: Schema.DateTimeUtcFromString,
  by: Schema.String,
  address: Schema.String,
  action: Schema.Literals(["retry", "discard", "undo", "pause", "resume"]),
  /** Of a retry, discard or undo. */
  table: Schema.NullOr(Table),
  /** Of a pause or resume. */
  branch: Schema.NullOr(Schema.String),
  /** How the rows were chosen; null where they were named. */
  filter: Schema.NullOr(RowFilter),
  /** Of a discard. */
  reason: Schema.NullOr(Schema.String),
  /** How many rows it was about. */
  count: Schema.Int,
  /** It can be undone: a discard that was not. */
  undoable: Schema.Boolean
}).annotate({ identifier: "Action" })
export type Action = typeof Action.Type

/** What an action on rows came to. */
export const Done = Schema.Struct({
  /** The action's number in the audit; null for a dry run, and where there was nothing to do. */
  action: Schema.NullOr(RowId),
  /** How many rows it was about. */
  count: Schema.Int,
  /** There are more than one action takes: do it again. */
  more: Schema.Boolean
}).annotate({ identifier: "Done" })
export type Done = typeof Done.Type
