/** What this process does of what is shared out among all, and that it tells the others. */
import { Context, Duration, Effect, Layer } from "effect"
import { EntityId, Sharding } from "effect/cluster"
import { databaseError } from "../database/Database.ts"
import { KnownBranches } from "../database/KnownBranches.ts"
import { Lease } from "../database/Lease.ts"
import { Processes } from "../database/Processes.ts"
import { isOfTheConnection, isOfTheServer } from "../database/refusal.ts"
import { unanswered } from "../database/Unanswered.ts"
import { Branch } from "../domain/Branch.ts"
import { elsewhere } from "../domain/Process.ts"
import { RentProg } from "../rentprog/RentProg.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

/** What this process does. One that is alone in the world does everything. */
export const Presence = Context.Reference("jarvis/actors/Presence", {
  defaultValue: () => ({
    /** Whether it works for a branch. */
    has: (_branch: Branch): boolean => true,
    /** Whether it has the EventProcessor: one process at a time, which tells of what is counted for all. */
    listens: (): boolean => true
  })
})

/** The singletons, and what Health calls the part of each that has to come up somewhere. */
const parts = [
  ["EventProcessor", "event listener"],
  ["HistoryProcessor", "history listener"]
] as const

/** How long after it was said it is said again how so many branches stand: their number is what it costs. */
const paceFor = (branches: number) => Duration.millis(1000 + 4 * branches)

export const layer = Layer.effect(
  Presence,
  Effect.gen(function* () {
    const sharding = yield* Sharding.Sharding
    const lease = yield* Lease
    const health = yield* Health
    const known = yield* KnownBranches
    const processes = yield* Processes
    const rentprog = yield* RentProg
    const has = (name: string): boolean =>
      sharding.hasShardId(sharding.getShardId(EntityId.make(name), "default"))
    const listens = () => has("EventProcessor")

    const look = Effect.gen(function* () {
      const without = parts.filter(([name]) => !has(name))
      if (without.length > 0 && (yield* lease.isDoneElsewhere)) {
        for (const [, component] of without) yield* health.report(component, "up", elsewhere)
      }
      const standings = yield* Effect.forEach(
        Array.from(known.all(), (branch) => Branch.make(branch)).filter(has),
        (branch) => Effect.map(rentprog.standing(branch), (standing) => [branch, standing] as const)
      )
      yield* processes
        .say({
          branches: rentprog.branches.filter(has),
          listens: listens(),
          components: yield* health.components,
          standings: new Map(standings)
        })
        .pipe(
          // That the database is away is told of already, and the next time all is said.
          Effect.catchTag("DatabaseError", () => Effect.void),
          Effect.catchTag("SqlError", (error) =>
            unanswered(error).why !== "refused" || isOfTheConnection(error) || isOfTheServer(error)
              ? Effect.void
              : databaseError(error)
          )
        )
      yield* Effect.sleep(paceFor(standings.length))
    })
    yield* Effect.forever(look).pipe(
      supervise("presence"),
      Effect.withTracerEnabled(false),
      Effect.forkScoped
    )
    return { has, listens }
  })
)
