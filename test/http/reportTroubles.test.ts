/** What is told of branches is told by the process that listens for all. */
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Layer, Stream } from "effect"
import { Health } from "../../src/actors/Health.ts"
import { Presence } from "../../src/actors/presence.ts"
import { KnownBranches } from "../../src/database/KnownBranches.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { Overviews } from "../../src/http/Overviews.ts"
import * as reportTroubles from "../../src/http/reportTroubles.ts"
import { until } from "../support/tables.ts"

const overviews = Layer.succeed(Overviews, {
  now: Effect.never,
  live: Stream.never,
  branches: Effect.succeed([
    {
      ...{ branch: Branch.make("tbilisi"), name: null, paused: null, pending: 1, waiting: 0, parked: 0 },
      ...{ oldest: null, due_since: null, rentprog: null, token: "refused" as const, log: null, behind: null }
    }
  ])
})

const health = Effect.map(
  Health.use(({ components }) => components),
  (all) => all.map(({ name }) => name)
)

it.live(
  "a process that no longer listens forgets what it told, and tells it again when it listens again",
  () => {
    let listens = true
    const tests = reportTroubles.layer.pipe(
      Layer.provideMerge(Health.layer),
      Layer.provide(overviews),
      Layer.provide(
        Layer.mergeAll(
          Layer.succeed(Presence, { has: () => true, listens: () => listens }),
          Layer.succeed(KnownBranches, { all: () => new Set(["tbilisi"]), label: () => "" }),
          Layer.succeed(reportTroubles.WatchInterval, Duration.millis(20))
        )
      )
    )
    return Effect.gen(function* () {
      for (const told of [true, false, true]) {
        listens = told
        const names = yield* until(health, (names) => names.includes("token tbilisi") === told)
        assert.include(names, "branch watch")
      }
    }).pipe(Effect.provide(tests))
  }
)
