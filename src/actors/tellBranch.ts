import { Effect } from "effect"
import type { Branch } from "../domain/Branch.ts"

/** Sends a branch's actor a message. One that is lost is logged: it costs an interval, never a row. */
export const tellBranch = <E, R>(branch: Branch, what: string, message: Effect.Effect<void, E, R>) =>
  Effect.catch(message, (error) =>
    Effect.logWarning(`branch could not be told to ${what}, the next interval tells it again`, error).pipe(
      Effect.annotateLogs({ branch })
    )
  )
