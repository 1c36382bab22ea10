import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { RowState, Table } from "../../domain/Row.ts"
import { AdminAccess } from "./Access.ts"
import { NotFound, Unavailable } from "./Problems.ts"

/** A row's number: a bigint, as text. */
export const RowId = Schema.String.check(Schema.isPattern(/^\d{1,18}$/))

/** Which rows. What is left out does not count; of no filter, every row is one. */
export const filter = {
  state: Schema.optionalKey(RowState),
  branch: Schema.optionalKey(Schema.String),
  /** Of an event `car_update`; of a log entry the kind of record, `car`. */
  type: Schema.optionalKey(Schema.String),
  /** A reason's code. */
  reason: Schema.optionalKey(Schema.String),
  /** Found in the reason, in the ids, and in what was received. */
  text: Schema.optionalKey(Schema.String),
  /** The time of arrival, `from` included, `to` not. */
  from: Schema.optionalKey(Schema.DateTimeUtcFromString),
  to: Schema.optionalKey(Schema.DateTimeUtcFromString)
}
export const RowFilter = Schema.Struct(filter)
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
  /** The reason of a failure, or of a discard. */
  detail: Schema.NullOr(Schema.String),
  /** Who did it, where a person did. */
  by: Schema.NullOr(Schema.String),
  trace_id: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Step" })
export type Step = typeof Step.Type

/** A row's whole story. */
export const Row = Schema.Struct({
  ...RowSummary.fields,
  /** The trace of its reception, else of its last attempt. */
  trace_id: Schema.NullOr(Schema.String),
  /** What happened to it, oldest first. */
  story: Schema.Array(Step),
  /** The whole row, column by column: `payload`, `payload_received`, `metadata`, `raw_data`, … */
  columns: Schema.Record(Schema.String, Schema.Json)
}).annotate({ identifier: "Row" })
export type Row = typeof Row.Type

/** Which rows an action is about: these, or all that match. */
const which = {
  ids: Schema.optionalKey(Schema.NonEmptyArray(RowId)),
  filter: Schema.optionalKey(RowFilter),
  /** Only count them. */
  dry_run: Schema.optionalKey(Schema.Boolean)
}
const isOne = Schema.makeFilter(
  ({ filter, ids }: { readonly filter?: unknown; readonly ids?: unknown }) =>
    (ids === undefined) !== (filter === undefined) || "give either ids or filter"
)

export const Done = Schema.Struct({
  /** The action's number in the audit; null for a dry run, and where there was nothing to do. */
  action: Schema.NullOr(RowId),
  /** How many rows it was about. */
  count: Schema.Int,
  /** There are more than one action takes: do it again. */
  more: Schema.Boolean
}).annotate({ identifier: "Done" })
export type Done = typeof Done.Type

const params = { table: Table }
const one = { table: Table, id: RowId }
const reason = Schema.NonEmptyString.check(Schema.isMaxLength(400))

/** The tables `events` and `history`. */
export class Rows extends HttpApiGroup.make("rows")
  .add(
    HttpApiEndpoint.get("list", "/:table", {
      params,
      query: {
        ...filter,
        /** Rows with smaller ids than this one. */
        before: Schema.optionalKey(RowId),
        limit: Schema.optionalKey(
          Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 200 }))
        )
      },
      success: Schema.Struct({
        rows: Schema.Array(RowSummary),
        /** The `before` of the next page; null where there is none. */
        next: Schema.NullOr(RowId)
      }),
      error: Unavailable
    }).annotate(OpenApi.Summary, "Rows that match, the newest first"),
    HttpApiEndpoint.get("one", "/:table/:id", {
      params: one,
      success: Row,
      error: [NotFound, Unavailable]
    }).annotate(OpenApi.Summary, "A row's whole story"),
    HttpApiEndpoint.post("retry", "/:table/retry", {
      params,
      payload: Schema.Struct(which).check(isOne),
      success: Done,
      error: Unavailable
    }).annotate(OpenApi.Summary, "Run rows again; of a filter without a state, those that are not done"),
    HttpApiEndpoint.post("discard", "/:table/discard", {
      params,
      payload: Schema.Struct({ ...which, reason }).check(isOne),
      success: Done,
      error: Unavailable
    }).annotate(OpenApi.Summary, "Decide that rows need no processing; done ones are left alone")
  )
  .middleware(AdminAccess)
  .prefix("/api")
  .annotate(OpenApi.Description, "The tables `events` and `history`: what arrived, and what became of it.") {}
