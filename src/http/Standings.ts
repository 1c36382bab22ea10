import { Context, Effect, Layer } from "effect"
import type { Sharding } from "effect/cluster"
import { BranchActor } from "../actors/Branch.ts"
import type { Branch } from "../domain/Branch.ts"
import type { EntityKey } from "../domain/Entity.ts"
import type { Standing } from "../domain/Standing.ts"
import type { Asked } from "./api/Branches.ts"

/** Where branches stand with RentProg's API. */
export class Standings extends Context.Service<
  Standings,
  {
    /** Null where the branch's actor does not answer within a second. */
    readonly of: (branch: Branch) => Effect.Effect<Standing | null>
    /** Asks RentProg for a record of the branch, within the branch's quota. */
    readonly ask: (branch: Branch, record: EntityKey) => Effect.Effect<Asked>
  }
>()("jarvis/http/Standings") {
  /** As the branches' actors say it. */
  static readonly layer: Layer.Layer<Standings, never, Sharding.Sharding> = Layer.effect(
    Standings,
    Effect.map(BranchActor.client, (actor) =>
      Standings.of({
        of: (branch) =>
          actor(branch)
            .Status()
            .pipe(
              Effect.timeout("1 second"),
              Effect.catchCause((cause) =>
                Effect.as(
                  Effect.annotateLogs(Effect.logDebug("branch does not say how it stands", cause), {
                    branch
                  }),
                  null
                )
              )
            ),
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
