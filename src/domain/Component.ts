import { Schema } from "effect"

/** A part of the service, and how it is. */
export const Component = Schema.Struct({
  /** `database`, `migrations`, `event listener`, `event fallback`, `branch tbilisi`, `token tbilisi`, … */
  name: Schema.String,
  /** `refused`: RentProg does not take the branch's token, or there is none; of a log, that of the user. */
  state: Schema.Literals(["up", "down", "starting", "refused"]),
  /** When it came into that state. */
  since: Schema.DateTimeUtcFromString,
  /** What is wrong, where it is not up; of a log, also how far it is known. It quotes nothing that stands in a row. */
  detail: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Component" })
export type Component = typeof Component.Type
