import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"

/** A part that has to work for the service to be of use. */
export const Component = Schema.Struct({
  /** `database`, `migrations`, `event listener`, `event fallback`, `branch tbilisi`, … */
  name: Schema.String,
  state: Schema.Literals(["up", "down", "starting"]),
  /** When it came into that state. */
  since: Schema.DateTimeUtcFromString,
  /** What is wrong, where it is down. */
  detail: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Component" })
export type Component = typeof Component.Type

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
    }).annotate(OpenApi.Summary, "Every part works")
  )
  .prefix("/health")
  .annotate(OpenApi.Description, "Prometheus reads `/metrics`.") {}
