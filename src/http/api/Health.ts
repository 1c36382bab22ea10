import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { Component } from "../../domain/Component.ts"

export { Component }

const live = Schema.Struct({ status: Schema.Literal("up") })
const components = { components: Schema.Array(Component) }
const Ready = Schema.Struct({ status: Schema.Literal("up"), ...components })
const NotReady = Schema.Struct({ status: Schema.Literal("down"), ...components })

/** Where monitoring looks. */
export class Health extends HttpApiGroup.make("health")
  .add(
    HttpApiEndpoint.get("live", "/live", { success: live }).annotate(OpenApi.Summary, "The process runs"),
    HttpApiEndpoint.get("ready", "/ready", {
      success: Ready,
      error: NotReady.pipe(HttpApiSchema.status(503))
    }).annotate(OpenApi.Summary, "Something can be received and worked on; each part says how it is")
  )
  .prefix("/health")
  .annotate(OpenApi.Description, "Prometheus reads `/metrics`.") {}
