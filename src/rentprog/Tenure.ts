import { Context, Effect } from "effect"
import type { Branch } from "../domain/Branch.ts"

/** Whether this process is the one that may call RentProg for a branch. One that is alone may for all. */
export const Tenure = Context.Reference("jarvis/rentprog/Tenure", {
  defaultValue: () => ({
    /** Waits until that is certain. False: another has the branch, or will. */
    holds: (_branch: Branch): Effect.Effect<boolean> => Effect.succeed(true),
    /** Whether that is certain at this moment. */
    isCertain: (_branch: Branch): Effect.Effect<boolean> => Effect.succeed(true),
    /** How often the branch came from another process, which may have spent its quota within the last minute. */
    arrivals: (_branch: Branch): Effect.Effect<number> => Effect.succeed(0)
  })
})
