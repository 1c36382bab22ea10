import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { BranchBacklog } from "../../domain/Backlog.ts"
import { Branch } from "../../domain/Branch.ts"
import { EntityType, RentprogId } from "../../domain/Entity.ts"
import { Asked } from "../../domain/Question.ts"
import { Standing } from "../../domain/Standing.ts"
import { Trouble } from "../../domain/Trouble.ts"
import { AdminAccess } from "./Access.ts"
import { NotFound, Unavailable } from "./Problems.ts"

export const BranchState = Schema.Struct({
  ...BranchBacklog.fields,
  /** Null where nobody works for it. */
  rentprog: Schema.NullOr(Standing),
  ...Trouble.fields
}).annotate({ identifier: "BranchState" })
export type BranchState = typeof BranchState.Type

const params = { branch: Branch }

/** The branches. */
export class Branches extends HttpApiGroup.make("branches")
  .add(
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Array(BranchState),
      error: Unavailable
    }).annotate(
      OpenApi.Summary,
      "Each branch's quota, breaker and backlog, and what keeps it from being worked on"
    ),
    HttpApiEndpoint.post("pause", "/:branch/pause", {
      params,
      success: HttpApiSchema.NoContent,
      error: [NotFound, Unavailable]
    }).annotate(OpenApi.Summary, "Ask RentProg for nothing of this branch until it is resumed"),
    HttpApiEndpoint.post("resume", "/:branch/resume", {
      params,
      success: HttpApiSchema.NoContent,
      error: [NotFound, Unavailable]
    }).annotate(OpenApi.Summary, "Go on with a paused branch"),
    HttpApiEndpoint.post("ask", "/:branch/ask", {
      params,
      payload: Schema.Struct({ entity_type: EntityType, entity_id: RentprogId }),
      success: Asked,
      error: [NotFound, Unavailable]
    }).annotate(
      OpenApi.Summary,
      "Ask RentProg for a record of the branch, within its quota: so one sees whether its token holds; waits for 20 seconds at most"
    )
  )
  .middleware(AdminAccess)
  .prefix("/api/branches") {}
