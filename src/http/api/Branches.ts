import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Branch } from "../../domain/Branch.ts"
import { AdminAccess } from "./Access.ts"
import { NotFound, Unavailable } from "./Problems.ts"

/** Where a branch stands with RentProg's API. */
export const Standing = Schema.Struct({
  /** Reads that may go out now. */
  quota_left: Schema.Int,
  reads_per_minute: Schema.Int,
  /** Until when RentProg said to wait. */
  quota_paused_until: Schema.NullOr(Schema.DateTimeUtcFromString),
  breaker: Schema.Literals(["closed", "open", "half-open"])
}).annotate({ identifier: "Standing" })
export type Standing = typeof Standing.Type

export const BranchState = Schema.Struct({
  branch: Branch,
  name: Schema.NullOr(Schema.String),
  /** Since when a person holds it, and who. */
  paused: Schema.NullOr(Schema.Struct({ at: Schema.DateTimeUtcFromString, by: Schema.String })),
  /** Null where its actor does not answer. */
  rentprog: Schema.NullOr(Standing),
  /** Events that are not done. */
  pending: Schema.Int,
  waiting: Schema.Int,
  parked: Schema.Int,
  oldest: Schema.NullOr(Schema.DateTimeUtcFromString)
}).annotate({ identifier: "BranchState" })
export type BranchState = typeof BranchState.Type

const params = { branch: Branch }

/** The branches. */
export class Branches extends HttpApiGroup.make("branches")
  .add(
    HttpApiEndpoint.get("list", "/", {
      success: Schema.Array(BranchState),
      error: Unavailable
    }).annotate(OpenApi.Summary, "Each branch's quota, breaker and backlog"),
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
