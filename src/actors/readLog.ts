import { Clock, Duration, Effect, Option } from "effect"
import { History } from "../database/History.ts"
import type { Branch } from "../domain/Branch.ts"
import { reasonText } from "../domain/Reason.ts"
import { RentProg } from "../rentprog/RentProg.ts"

/** Entries appear in RentProg's log a little late, so the last minutes are read again. */
const overlap = Duration.toMillis("10 minutes")

/** How much of a log is read that was never read before. */
const firstReading = Duration.toMillis("1 day")

/**
 * Reads a branch's operations log, unless the branch is paused, from where the last reading ended, and writes down what is new; PostgreSQL does the
 * rest. A reading that fails is logged, and the next one begins where it began, as does the one after a pause.
 */
export const readLog = Effect.fn("readLog")(
  function* (branch: Branch) {
    const history = yield* History
    const rentprog = yield* RentProg
    if (yield* history.isPaused(branch)) return
    const until = yield* Clock.currentTimeMillis
    const last = Option.getOrElse(yield* history.readUntil(branch), () => until - firstReading)
    const entries = yield* rentprog.readLog(branch, last - overlap, until)
    const recorded = yield* history.record(branch, entries, until)
    if (recorded > 0) yield* Effect.logInfo(`${recorded} new entries of the operations log`)
  },
  (effect, branch) =>
    effect.pipe(
      Effect.catch((error) => Effect.logWarning("the operations log could not be read", reasonText(error))),
      Effect.catchDefect((defect) => Effect.logError("the operations log could not be read", defect)),
      Effect.annotateLogs({ branch })
    )
)
