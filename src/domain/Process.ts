import { Schema } from "effect"
import { Branch } from "./Branch.ts"
import { Component } from "./Component.ts"

/** A process that serves. Several may share a database. */
export const Process = Schema.Struct({
  id: Schema.Int,
  host: Schema.String,
  pid: Schema.Int,
  /** `working`: alone; `sharing`: with others; `standing by`: it takes webhooks, serves the page, and takes over. */
  role: Schema.Literals(["working", "sharing", "standing by"]),
  /** `host:port` where the others reach it; null of one that shares no work. */
  address: Schema.NullOr(Schema.String),
  /** Those that it works for, of the branches that have a token. */
  branches: Schema.Array(Branch),
  /** It hears of new events for all, and tells of what is counted for all. */
  listens: Schema.Boolean,
  started_at: Schema.DateTimeUtcFromString,
  /** Written every second. */
  seen_at: Schema.DateTimeUtcFromString,
  /** False: it was not seen for 5 s, so it is gone or frozen. It is told of for 5 minutes. */
  present: Schema.Boolean,
  /** It is the one that answers. */
  self: Schema.Boolean,
  /** Its parts, as it says it of itself; of one that is not present, as it said last. */
  components: Schema.Array(Component)
}).annotate({ identifier: "Process" })
export type Process = typeof Process.Type

/** What a process says of a part that runs in another one. */
export const elsewhere = "in another process"

/** What a process says of itself, and what the others say of parts that run there alone. */
export const together = (
  own: ReadonlyArray<Component>,
  processes: ReadonlyArray<Process>
): ReadonlyArray<Component> => {
  const others = new Map(
    processes
      .filter(({ present, self }) => present && !self)
      .flatMap(({ components }) => components)
      .filter(({ detail }) => detail !== elsewhere)
      .map((component) => [component.name, component])
  )
  const seen = new Set(own.map(({ name }) => name))
  return [
    ...own.map((component) =>
      component.detail === elsewhere ? (others.get(component.name) ?? component) : component
    ),
    ...[...others.values()].filter(({ name }) => !seen.has(name))
  ]
}
