import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Done } from "../../domain/Action.ts"
import { Row, RowFilter, RowId, RowSummary, Step, Table } from "../../domain/Row.ts"
import { AdminAccess } from "./Access.ts"
import { NotFound, Unavailable } from "./Problems.ts"

export { Row, RowFilter, RowId, RowSummary, Step }

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

export { Done }

const params = { table: Table }
const one = { table: Table, id: RowId }
const reason = Schema.NonEmptyString.check(Schema.isMaxLength(400))

/** The tables `events` and `history`. */
export class Rows extends HttpApiGroup.make("rows")
  .add(
    HttpApiEndpoint.get("list", "/:table", {
      params,
      query: {
        ...RowFilter.fields,
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
