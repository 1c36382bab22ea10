/**
 * The branches that are ours. What else stands in a column `branch` is somebody's text, and no metric and nothing that health
 * tells repeats it.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Schedule } from "effect"
import type { Branch } from "../domain/Branch.ts"
import { sayWhy } from "./Database.ts"

/** How old what is known of the table `branches` may be. */
const interval = "1 minute"

interface Known {
  /** Those of the settings, and those of the table `branches` as of the last minute. */
  readonly all: () => ReadonlySet<string>
  /** A branch as a label: itself where it is known, else `other`; empty where a row has none. */
  readonly label: (branch: string | null) => string
}

const knownFrom = (all: () => ReadonlySet<string>): Known => ({
  all,
  label: (branch) => (branch === null || branch === "" ? "" : all().has(branch) ? branch : "other")
})

/** Unless a layer says which are, none is known. */
export const KnownBranches = Context.Reference<Known>("jarvis/database/KnownBranches", {
  defaultValue: () => knownFrom(() => new Set())
})

/** `tokens` are the branches that a setting has a token of. */
export const layer = (tokens: Iterable<Branch>): Layer.Layer<never, never, PgClient.PgClient> =>
  Layer.effect(
    KnownBranches,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const ofSettings: ReadonlySet<string> = new Set(tokens)
      let all = ofSettings
      const look = sql<{ readonly code: string }>`
        SELECT DISTINCT branches.code FROM branches WHERE branches.code <> ''
      `.pipe(
        Effect.tap((rows) =>
          Effect.sync(() => {
            all = new Set([...ofSettings, ...rows.map(({ code }) => code)])
          })
        ),
        Effect.catch((error) =>
          Effect.logWarning(
            `the table branches could not be read, what was known of it stays: ${sayWhy(error)}`
          )
        ),
        Effect.withTracerEnabled(false)
      )
      yield* look
      yield* Effect.forkScoped(Effect.schedule(look, Schedule.spaced(interval)))
      return knownFrom(() => all)
    })
  )
