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

/** A row's number: a bigint, as text. */
export const RowId = Schema.String.check(Schema.isPattern(/^\d{1,18}$/))
export type RowId = typeof RowId.Type

/** As PostgreSQL and people know them. */
const Moment = Schema.DateTimeUtcFromString.check(
  Schema.makeFilter(({ epochMilliseconds }) => {
    const year = new Date(epochMilliseconds).getUTCFullYear()
    return (year >= 1 && year <= 9999) || "a year from 1 to 9999"
  })
)

/** Which rows. What is left out does not count; of no filter, every row is one. */
export const RowFilter = Schema.Struct({
  state: Schema.optionalKey(RowState),
  branch: Schema.optionalKey(Schema.String),
  /** Of an event `car_update`; of a log entry the kind of record, `car`. */
  type: Schema.optionalKey(Schema.String),
  /** A reason's code. */
  reason: Schema.optionalKey(Schema.String),
  /** Found in the reason, in the ids, and in what was received. */
  text: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(200))),
  /** The time of arrival, `from` included, `to` not. */
  from: Schema.optionalKey(Moment),
  to: Schema.optionalKey(Moment)
})
export type RowFilter = typeof RowFilter.Type

/** A row as a list shows it. The names are those of the columns. */
export const RowSummary = Schema.Struct({
  id: RowId,
  ts: Schema.DateTimeUtcFromString,
  branch: Schema.NullOr(Schema.String),
  /** `car_update`; of a log entry its `operation_type`. */
  type: Schema.NullOr(Schema.String),
  /** The record that the row is about. */
  entity_type: Schema.NullOr(Schema.String),
  entity_id: Schema.NullOr(Schema.String),
  /** The sentence of a log entry. */
  description: Schema.NullOr(Schema.String),
  state: RowState,
  reason: Schema.NullOr(Schema.String),
  attempts: Schema.Int,
  /** Null where there is none. */
  next_attempt_at: Schema.NullOr(Schema.DateTimeUtcFromString),
  processed_at: Schema.NullOr(Schema.DateTimeUtcFromString)
}).annotate({ identifier: "RowSummary" })
export type RowSummary = typeof RowSummary.Type

/** Something that happened to a row. */
export const Step = Schema.Struct({
  at: Schema.DateTimeUtcFromString,
  step: Schema.Literals(["received", "failed", "parked", "processed", "retried", "discarded", "undone"]),
  /** The reason of a failure or of a discard; of what is processed, why nothing was written for it. */
  detail: Schema.NullOr(Schema.String),
  /** Who did it, where a person did. */
  by: Schema.NullOr(Schema.String),
  trace_id: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Step" })
export type Step = typeof Step.Type

/** The columns that are too large to show: of a text its beginning is shown, else null stands there. */
export const Cut = Schema.Array(Schema.String)

/** A row's whole story. */
export const Row = Schema.Struct({
  ...RowSummary.fields,
  /** The trace of its reception, else of its last attempt. */
  trace_id: Schema.NullOr(Schema.String),
  /** What happened to it, oldest first. */
  story: Schema.Array(Step),
  /** The whole row, column by column: `payload`, `payload_received`, `metadata`, `raw_data`, … */
  columns: Schema.Record(Schema.String, Schema.Json),
  cut: Cut
}).annotate({ identifier: "Row" })
export type Row = typeof Row.Type
