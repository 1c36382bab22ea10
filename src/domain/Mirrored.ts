/** The mirror as a person sees it. */
import { Schema } from "effect"
import { Cut, RowId } from "./Row.ts"

/** The kinds of record that the mirror has a table of. */
export const MirroredType = Schema.Literals(["car", "client", "booking", "payment", "maintenance"])
export type MirroredType = typeof MirroredType.Type

/** A record as the mirror has it. */
export const Mirrored = Schema.Struct({
  branch: Schema.NullOr(Schema.String),
  fetched_at: Schema.NullOr(Schema.DateTimeUtcFromString),
  deleted_at: Schema.NullOr(Schema.DateTimeUtcFromString),
  updated_at: Schema.NullOr(Schema.DateTimeUtcFromString),
  /** The whole row, column by column. */
  columns: Schema.Record(Schema.String, Schema.Json),
  cut: Cut
}).annotate({ identifier: "Mirrored" })
export type Mirrored = typeof Mirrored.Type

/** Something that happened to a record: a row of `entity_timeline`. */
export const Happening = Schema.Struct({
  id: RowId,
  at: Schema.DateTimeUtcFromString,
  branch: Schema.NullOr(Schema.String),
  /** `event`, `history`, `sync` or `operator` */
  source: Schema.NullOr(Schema.String),
  /** The id of the row of `events` or `history`; where an operator acted, `events:42`. */
  source_id: Schema.NullOr(Schema.String),
  operation: Schema.NullOr(Schema.String),
  /** `{field: [old, new]}` */
  changes: Schema.NullOr(Schema.Record(Schema.String, Schema.Json)),
  /** `changes` where they are too large to show. */
  cut: Cut,
  user_name: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Happening" })
export type Happening = typeof Happening.Type
