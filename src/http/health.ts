/** Whether the service runs, and whether it is of use. */
import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Health } from "../actors/Health.ts"
import { Api } from "./api/Api.ts"

export const health = HttpApiBuilder.group(
  Api,
  "health",
  Effect.fnUntraced(function* (handlers) {
    const health = yield* Health
    return handlers.handleAll({
      live: () => Effect.succeed({ status: "up" } as const),
      ready: () =>
        Effect.flatMap(health.components, (components) =>
          Effect.flatMap(health.ready, (ready) =>
            ready
              ? Effect.succeed({ status: "up", components } as const)
              : Effect.fail({ status: "down", components } as const)
          )
        )
    })
  })
)
