/** Tells Health which branches fall behind, and whose token RentProg does not take. */
import { Context, DateTime, Duration, Effect, Layer, Schedule } from "effect"
import { Health } from "../actors/Health.ts"
import { supervise } from "../actors/supervise.ts"
import { KnownBranches } from "../database/KnownBranches.ts"
import type { Trouble } from "../domain/Trouble.ts"
import type { BranchState } from "./api/Branches.ts"
import { Overviews } from "./Overviews.ts"

/** How often it looks. */
export const WatchInterval = Context.Reference("jarvis/http/WatchInterval", {
  defaultValue: () => Duration.seconds(30)
})

const tokens: { readonly [T in NonNullable<Trouble["token"]>]: string } = {
  missing: "events wait, and no company token is set: add it to RENTPROG_TOKENS",
  refused: "RentProg refuses the company token: correct it in RENTPROG_TOKENS"
}

const reasons: { readonly [W in NonNullable<Trouble["behind"]>["why"]]: string } = {
  paused: "a person holds the branch",
  breaker: "RentProg does not answer",
  quota: "its quota is used up",
  work: "there is more to do than is done"
}

const reportOne = Effect.fnUntraced(function* ({ behind, branch, token }: BranchState) {
  const health = yield* Health
  const now = yield* DateTime.now
  yield* token === null
    ? health.forget(`token ${branch}`)
    : health.report(`token ${branch}`, "refused", tokens[token])
  yield* behind === null
    ? health.forget(`backlog ${branch}`)
    : health.report(
        `backlog ${branch}`,
        "down",
        `the oldest due event has been due for ${Math.floor(Duration.toMinutes(DateTime.distance(behind.since, now)))} minutes: ${reasons[behind.why]}`
      )
})

export const layer: Layer.Layer<never, never, Health | Overviews> = Layer.effectDiscard(
  Effect.gen(function* () {
    const overviews = yield* Overviews
    const known = yield* KnownBranches
    const report = overviews.branches.pipe(
      Effect.map((branches) => branches.filter(({ branch }) => known.all().has(branch))),
      Effect.flatMap(Effect.forEach(reportOne, { discard: true })),
      // That the database is away is told of already, and what was said of a branch stays.
      Effect.catchTag("Unanswered", ({ detail }) => Effect.logDebug(`no look at the branches: ${detail}`)),
      Effect.withTracerEnabled(false)
    )
    yield* Effect.repeat(report, Schedule.spaced(yield* WatchInterval)).pipe(
      supervise("branch watch"),
      Effect.forkScoped
    )
  })
)
