import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "./api/Api.ts"
import { Overviews } from "./Overviews.ts"
import { unavailable } from "./unavailable.ts"

/** The state at a glance. */
export const glance = HttpApiBuilder.group(
  Api,
  "glance",
  Effect.fnUntraced(function* (handlers) {
    const overviews = yield* Overviews
    return handlers
      .handle("overview", () => Effect.catchTag(overviews.now, "Unanswered", unavailable))
      .handle("live", () => Effect.succeed(overviews.live))
  })
)
