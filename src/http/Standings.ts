import { Context, Effect, Layer } from "effect"
import type { Sharding } from "effect/cluster"
import { BranchActor } from "../actors/Branch.ts"
import type { Branch } from "../domain/Branch.ts"
import type { Standing } from "../domain/Standing.ts"

/** Where branches stand with RentProg's API. */
export class Standings extends Context.Service<
  Standings,
  {
    /** Null where the branch's actor does not answer within a second. */
    readonly of: (branch: Branch) => Effect.Effect<Standing | null>
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
            )
      })
    )
  )
}
