import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Action, Done } from "../../domain/Action.ts"
import { RowId } from "../../domain/Row.ts"
import { AdminAccess } from "./Access.ts"
import { Conflict, NotFound, Unavailable } from "./Problems.ts"

export { Action }

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
