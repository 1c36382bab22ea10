import { Effect, Layer, Schedule } from "effect"
import { EntityId, Sharding } from "effect/cluster"
import { Lease } from "../database/Lease.ts"
import { RentProg } from "../rentprog/RentProg.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

/** The singletons, and what Health calls the part of each that has to come up somewhere. */
const parts = [
  ["EventProcessor", "event listener"],
  ["HistoryProcessor", "history listener"]
] as const

/** Tells every second what this process does, and Health of what another one does instead. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const sharding = yield* Sharding.Sharding
    const lease = yield* Lease
    const health = yield* Health
    const { branches } = yield* RentProg
    const has = (name: string): boolean =>
      sharding.hasShardId(sharding.getShardId(EntityId.make(name), "default"))

    const look = Effect.gen(function* () {
      yield* lease.tell({ branches: branches.filter(has), listens: has("EventProcessor") })
      const elsewhere = parts.filter(([name]) => !has(name))
      if (elsewhere.length === 0 || !(yield* lease.isDoneElsewhere)) return
      for (const [, component] of elsewhere) yield* health.report(component, "up", "in another process")
    })
    yield* Effect.repeat(look, Schedule.spaced("1 second")).pipe(
      supervise("presence"),
      Effect.withTracerEnabled(false),
      Effect.forkScoped
    )
  })
)
