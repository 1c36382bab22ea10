import { Schema } from "effect"

/** A part of the service, and how it is. */
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
