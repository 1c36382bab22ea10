import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { BranchBacklog } from "../../domain/Backlog.ts"
import { Branch } from "../../domain/Branch.ts"
import { EntityType, RentprogId } from "../../domain/Entity.ts"
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

export const Asked = Schema.Struct({
  /** Whether RentProg has the record; null where it could not be asked. */
  has: Schema.NullOr(Schema.Boolean),
  /** Why it could not be asked: a reason, or that a person holds the branch. */
  reason: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Asked" })
export type Asked = typeof Asked.Type

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
      error: NotFound
    }).annotate(
      OpenApi.Summary,
      "Ask RentProg for a record of the branch, within its quota: so one sees whether its token holds"
    )
  )
  .middleware(AdminAccess)
  .prefix("/api/branches") {}
