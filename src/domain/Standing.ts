import { Schema } from "effect"

/** Where a branch stands with RentProg's API. */
export const Standing = Schema.Struct({
  /** Reads that may go out now. */
  quota_left: Schema.Int,
  /** How many may be ready at a time: the quota flows in evenly. */
  quota_most: Schema.Int,
  reads_per_minute: Schema.Int,
  /** Until when RentProg said to wait. */
  quota_paused_until: Schema.NullOr(Schema.DateTimeUtcFromString),
  /** `half-open`: it was open, and the next call tries whether RentProg is back. */
  breaker: Schema.Literals(["closed", "open", "half-open"])
}).annotate({ identifier: "Standing" })
export type Standing = typeof Standing.Type
