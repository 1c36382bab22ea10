import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Backlog, LogBacklog, Minute } from "../../domain/Backlog.ts"
import { Process } from "../../domain/Process.ts"
import { AdminAccess } from "./Access.ts"
import { BranchState } from "./Branches.ts"
import { Component } from "./Health.ts"
import { Unavailable } from "./Problems.ts"

export { Backlog, Minute }

export const Overview = Schema.Struct({
  at: Schema.DateTimeUtcFromString,
  /** The parts of the process that answers, and those that run in another process alone. */
  components: Schema.Array(Component),
  /** All that have not ended, the oldest first. */
  processes: Schema.Array(Process),
  events: Backlog,
  history: Backlog,
  /** The last hour, oldest first, each minute once. */
  minutes: Schema.Array(Minute),
  branches: Schema.Array(BranchState),
  /** How far each operations log is known; the part `log tbilisi` says whether it can be read. */
  logs: Schema.Array(LogBacklog)
}).annotate({ identifier: "Overview" })
export type Overview = typeof Overview.Type

/** The database does not answer: all there is to tell. */
export const Away = Schema.Struct({
  away: Schema.String,
  components: Schema.Array(Component)
}).annotate({ identifier: "Away" })
export type Away = typeof Away.Type

/** The state at a glance. */
export class Glance extends HttpApiGroup.make("glance")
  .add(
    HttpApiEndpoint.get("overview", "/overview", { success: Overview, error: Unavailable }).annotate(
      OpenApi.Summary,
      "The state at a glance"
    ),
    HttpApiEndpoint.get("live", "/live", {
      success: HttpApiSchema.StreamSse({ data: Schema.Union([Overview, Away]) })
    }).annotate(OpenApi.Summary, "The same as server-sent events, every two seconds")
  )
  .middleware(AdminAccess)
  .prefix("/api") {}
