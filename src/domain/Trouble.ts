/** What keeps a branch's events from being done, or its log from being read. */
import { DateTime, Duration, Schema } from "effect"
import type { BranchBacklog } from "./Backlog.ts"
import type { Standing } from "./Standing.ts"

/** After so long a due event is late. */
const late = Duration.minutes(5)

export const Trouble = Schema.Struct({
  /** RentProg refuses the branch's company token; or none is set, though there are events. */
  token: Schema.NullOr(Schema.Literals(["missing", "refused"])),
  /** No user token is set for the branch, though the logs of others are read. */
  log: Schema.NullOr(Schema.Literal("missing")),
  /** Since when its oldest due event has been due, where that is late, and why. */
  behind: Schema.NullOr(
    Schema.Struct({
      since: Schema.DateTimeUtcFromString,
      /** A person holds it; RentProg does not answer for it; its quota is used up; else there is much to do. */
      why: Schema.Literals(["paused", "breaker", "quota", "work"])
    })
  )
})
export type Trouble = typeof Trouble.Type

const tokenOf = (backlog: BranchBacklog, standing: Standing | null): Trouble["token"] => {
  const { parked, pending, waiting } = backlog
  if (standing === null || standing.token === "ok") return null
  // That of a branch which nobody uses is not missed.
  return standing.token === "missing" && pending + waiting + parked === 0 ? null : standing.token
}

/** `standing` is null where nobody works for the branch; `readsLogs`: the log of any branch is read. */
export const troubleOf = (
  backlog: BranchBacklog,
  standing: Standing | null,
  readsLogs: boolean,
  now: DateTime.Utc
): Trouble => {
  const { due_since: since, paused } = backlog
  const isPast = (until: DateTime.Utc | null) => until === null || DateTime.isLessThan(until, now)
  const why =
    paused !== null
      ? "paused"
      : standing === null
        ? "work"
        : standing.breaker !== "closed"
          ? "breaker"
          : standing.quota_left === 0 || !isPast(standing.quota_paused_until)
            ? "quota"
            : "work"
  return {
    token: tokenOf(backlog, standing),
    log:
      readsLogs && standing !== null && standing.token !== "missing" && standing.user_token === null
        ? "missing"
        : null,
    behind:
      since !== null && DateTime.isLessThan(DateTime.addDuration(since, late), now) ? { since, why } : null
  }
}
