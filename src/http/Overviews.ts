/** The state at a glance: what the database and the processes say, put together. */
import { Context, DateTime, Effect, Layer, Schedule, Stream } from "effect"
import { Health } from "../actors/Health.ts"
import { Backlog, type NotDone } from "../database/Backlog.ts"
import { Processes } from "../database/Processes.ts"
import { Unanswered } from "../database/Unanswered.ts"
import { together } from "../domain/Process.ts"
import { troubleOf } from "../domain/Trouble.ts"
import type { BranchState } from "./api/Branches.ts"
import type { Away, Overview } from "./api/Overview.ts"
import { say } from "./unavailable.ts"

/** How often those who watch are told. */
const pace = "2 seconds"

/** Longer than any of the queries takes on a database that is well. */
const patience = "8 seconds"

export class Overviews extends Context.Service<
  Overviews,
  {
    readonly now: Effect.Effect<Overview, Unanswered>
    /** The branches of an overview. */
    readonly branches: Effect.Effect<ReadonlyArray<BranchState>, Unanswered>
    /**
     * The state every 2 s, and the last one at once. All who watch share one query, and nobody asks where nobody
     * watches. Says so while the database does not answer.
     */
    readonly live: Stream.Stream<Overview | Away>
  }
>()("jarvis/http/Overviews") {
  static readonly layer: Layer.Layer<Overviews, never, Backlog | Health | Processes> = Layer.effect(
    Overviews,
    Effect.gen(function* () {
      const backlog = yield* Backlog
      const health = yield* Health
      const processes = yield* Processes

      const branches = Effect.fnUntraced(function* ({ branches, logs }: NotDone) {
        const now = yield* DateTime.now
        const standings = yield* processes.standings
        return branches.map((branch) => {
          const rentprog = standings.get(branch.branch) ?? null
          return { ...branch, rentprog, ...troubleOf(branch, rentprog, logs.length > 0, now) }
        })
      })

      const now = Effect.gen(function* () {
        const [notDone, minutes, all] = yield* Effect.all([backlog.now, backlog.minutes, processes.all], {
          concurrency: "unbounded"
        })
        const { events, history, logs } = notDone
        return {
          at: yield* DateTime.now,
          components: together(yield* health.components, all),
          processes: all,
          events,
          history,
          minutes,
          branches: yield* branches(notDone),
          logs
        }
      }).pipe(
        Effect.timeoutOrElse({
          duration: patience,
          orElse: () => Effect.fail(new Unanswered({ why: "away", detail: `no answer within ${patience}` }))
        })
      )

      const nowOrAway = Effect.catchTag(now, "Unanswered", (error) =>
        Effect.all({ away: say(error), components: health.components })
      )

      return Overviews.of({
        now,
        branches: Effect.flatMap(backlog.now, branches),
        live: yield* Stream.fromEffectSchedule(nowOrAway, Schedule.spaced(pace)).pipe(
          // One that reads slowly misses some, and holds nobody up.
          Stream.share({ capacity: 1, strategy: "sliding", replay: 1, idleTimeToLive: pace })
        )
      })
    })
  )
}
