import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { BranchBacklog } from "../../domain/Backlog.ts"
import { Branch } from "../../domain/Branch.ts"
import { Standing } from "../../domain/Standing.ts"
import { Trouble } from "../../domain/Trouble.ts"
import { AdminAccess } from "./Access.ts"
import { NotFound, Unavailable } from "./Problems.ts"

export const BranchState = Schema.Struct({
  ...BranchBacklog.fields,
  /** Null where its actor does not answer. */
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
    }).annotate(OpenApi.Summary, "Go on with a paused branch")
  )
  .middleware(AdminAccess)
  .prefix("/api/branches") {}
