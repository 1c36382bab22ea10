import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Table } from "../../domain/Row.ts"
import { AdminAccess } from "./Access.ts"
import { Conflict, NotFound, Unavailable } from "./Problems.ts"
import { Done, RowFilter, RowId } from "./Rows.ts"

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

/** The audit. */
export class Actions extends HttpApiGroup.make("actions")
  .add(
    HttpApiEndpoint.get("list", "/", {
      query: { before: Schema.optionalKey(RowId) },
      success: Schema.Struct({ actions: Schema.Array(Action), next: Schema.NullOr(RowId) }),
      error: Unavailable
    }).annotate(OpenApi.Summary, "What people did, the newest first"),
    HttpApiEndpoint.post("undo", "/:id/undo", {
      params: { id: RowId },
      success: Done,
      error: [NotFound, Conflict, Unavailable]
    }).annotate(OpenApi.Summary, "Take a discard back: its rows stand as they stood before")
  )
  .middleware(AdminAccess)
  .prefix("/api/actions") {}
