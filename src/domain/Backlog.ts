/** What is not done, and what the last hour saw done. */
import { Schema } from "effect"
import { Branch } from "./Branch.ts"

/** How many rows of a table are not done, and why. */
export const Backlog = Schema.Struct({
  pending: Schema.Int,
  waiting: Schema.Int,
  parked: Schema.Int,
  /** When the oldest that is pending or waiting arrived. */
  oldest: Schema.NullOr(Schema.DateTimeUtcFromString),
  /** When the oldest that is pending arrived. */
  oldest_pending: Schema.NullOr(Schema.DateTimeUtcFromString),
  /** By code, the most frequent first. */
  reasons: Schema.Array(
    Schema.Struct({
      state: Schema.Literals(["waiting", "parked"]),
      reason: Schema.String,
      count: Schema.Int,
      /** When the oldest of them arrived. */
      oldest: Schema.DateTimeUtcFromString
    })
  )
}).annotate({ identifier: "Backlog" })
export type Backlog = typeof Backlog.Type

/** What happened to events in a minute. */
export const Minute = Schema.Struct({
  at: Schema.DateTimeUtcFromString,
  received: Schema.Int,
  processed: Schema.Int,
  /** Milliseconds from INSERT to processed; null where nothing was processed. */
  median: Schema.NullOr(Schema.Number),
  p99: Schema.NullOr(Schema.Number)
}).annotate({ identifier: "Minute" })
export type Minute = typeof Minute.Type

/** A branch, whether it is held, and how many of its events are not done. */
export const BranchBacklog = Schema.Struct({
  branch: Branch,
  name: Schema.NullOr(Schema.String),
  /** Since when a person holds it, and who. */
  paused: Schema.NullOr(Schema.Struct({ at: Schema.DateTimeUtcFromString, by: Schema.String })),
  /** Events that are not done. */
  pending: Schema.Int,
  waiting: Schema.Int,
  parked: Schema.Int,
  /** When the oldest that is pending or waiting arrived. */
  oldest: Schema.NullOr(Schema.DateTimeUtcFromString),
  /** Since when the one has been due that has been due longest, apart from those that refuse to be updated. */
  due_since: Schema.NullOr(Schema.DateTimeUtcFromString)
})
export type BranchBacklog = typeof BranchBacklog.Type

/** How far a branch's operations log is known. */
export const LogBacklog = Schema.Struct({
  branch: Branch,
  /** Null until it was read once. */
  read_until: Schema.NullOr(Schema.DateTimeUtcFromString)
})
export type LogBacklog = typeof LogBacklog.Type
