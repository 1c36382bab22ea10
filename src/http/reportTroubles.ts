/** In the process that has the EventProcessor, tells Health which branches fall behind, whose token RentProg does not take, and whose log nobody reads. */
import { Context, DateTime, Duration, Effect, Layer, Schedule } from "effect"
import { Health } from "../actors/Health.ts"
import { Presence } from "../actors/presence.ts"
import { supervise } from "../actors/supervise.ts"
import { KnownBranches } from "../database/KnownBranches.ts"
import type { Component } from "../domain/Component.ts"
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

/** What is to be said of a branch. */
const troublesOf = (
  { behind, branch, log, token }: BranchState,
  now: DateTime.Utc
): ReadonlyArray<Pick<Component, "name" | "state"> & { readonly detail: string }> => [
  ...(token === null ? [] : [{ name: `token ${branch}`, state: "refused" as const, detail: tokens[token] }]),
  ...(log === null
    ? []
    : [
        {
          name: `log ${branch}`,
          state: "refused" as const,
          detail: "nobody reads it, as no user token is set: add it to RENTPROG_HISTORY_TOKENS"
        }
      ]),
  ...(behind === null
    ? []
    : [
        {
          name: `backlog ${branch}`,
          state: "down" as const,
          detail: `the oldest due event has been due for ${Math.floor(Duration.toMinutes(DateTime.distance(behind.since, now)))} minutes: ${reasons[behind.why]}`
        }
      ])
]

export const layer: Layer.Layer<never, never, Health | Overviews> = Layer.effectDiscard(
  Effect.gen(function* () {
    const health = yield* Health
    const overviews = yield* Overviews
    const known = yield* KnownBranches
    const { listens } = yield* Presence
    /** The parts that were told of the last time. */
    let told: ReadonlySet<string> = new Set()

    const report = Effect.gen(function* () {
      if (!listens()) {
        // Another process says it from now on.
        for (const name of told) yield* health.forget(name)
        told = new Set()
        return
      }
      const branches = (yield* overviews.branches).filter(({ branch }) => known.all().has(branch))
      const now = yield* DateTime.now
      const troubles = branches.flatMap((branch) => troublesOf(branch, now))
      // Of a branch that nobody works for at the moment, what was said of its tokens stays.
      const silent = branches.filter(({ rentprog }) => rentprog === null)
      const stays = silent
        .flatMap(({ branch }) => [`token ${branch}`, `log ${branch}`])
        .filter((name) => told.has(name))
      const names = new Set([...troubles.map(({ name }) => name), ...stays])
      for (const name of told) if (!names.has(name)) yield* health.forget(name)
      for (const { detail, name, state } of troubles) yield* health.report(name, state, detail)
      told = names
    }).pipe(
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
