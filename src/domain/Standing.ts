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
  breaker: Schema.Literals(["closed", "open", "half-open"]),
  /**
   * The company token of `RENTPROG_TOKENS`; `refused` from when RentProg answered 401 or 403 to it, or to a new token made
   * of it, until a read goes well.
   */
  token: Schema.Literals(["ok", "missing", "refused"]),
  /** Likewise the user token of `RENTPROG_HISTORY_TOKENS`; null where none is set. */
  user_token: Schema.NullOr(Schema.Literals(["ok", "refused"]))
}).annotate({ identifier: "Standing" })
export type Standing = typeof Standing.Type
