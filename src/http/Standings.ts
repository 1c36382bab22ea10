import { Context, Effect, Layer } from "effect"
import type { Sharding } from "effect/cluster"
import { BranchActor } from "../actors/Branch.ts"
import type { Branch } from "../domain/Branch.ts"
import type { EntityKey } from "../domain/Entity.ts"
import type { Asked } from "./api/Branches.ts"

/** Where branches stand with RentProg's API. */
export class Standings extends Context.Service<
  Standings,
  {
    /** Asks RentProg for a record of the branch, within the branch's quota. */
    readonly ask: (branch: Branch, record: EntityKey) => Effect.Effect<Asked>
  }
>()("jarvis/http/Standings") {
  /** As the branches' actors say it. */
  static readonly layer: Layer.Layer<Standings, never, Sharding.Sharding> = Layer.effect(
    Standings,
    Effect.map(BranchActor.client, (actor) =>
      Standings.of({
        ask: (branch, record) =>
          actor(branch)
            .Has(record)
            .pipe(
              Effect.map((has) => ({ has, reason: null })),
              Effect.catch(({ message }) => Effect.succeed({ has: null, reason: message }))
            )
      })
    )
  )
}
