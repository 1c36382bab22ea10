/** What a branch's actor does about records that are gone: they need no fetch, and are handled all together. */
import { Clock, Duration, Effect, Exit } from "effect"
import { Events } from "../database/Events.ts"
import { Mirror } from "../database/Mirror.ts"
import { meaning, type Taken } from "../domain/Event.ts"
import { begin, tell } from "./handleTaken.ts"

/** Whether a record is known to be gone, and all that waits for it was taken. */
export const isDestroyed = ({ crowded, events }: Taken): boolean =>
  crowded.length === 0 && events.some(({ type }) => meaning[type].operation === "destroy")

/**
 * Handles them with one write to the mirror and one to their events, and answers those that either did not take: they are for
 * `handleTaken`, which does the same for one record, however often, and ends in the same.
 *
 * `arrived` is told of each that is in the mirror.
 */
export const handleDestroyed = Effect.fnUntraced(function* (
  all: ReadonlyArray<Taken>,
  arrived: (taken: Taken) => void
): Effect.fn.Return<ReadonlyArray<Taken>, never, Events | Mirror> {
  const events = yield* Events
  const mirror = yield* Mirror
  const left = new Set(all)

  yield* Effect.gen(function* () {
    const began = yield* Clock.currentTimeMillis
    const attempts = yield* Effect.forEach(all, (taken) =>
      Effect.map(begin(taken), (its) => ({ taken, its }))
    )
    const exits = yield* mirror.destroyAll(
      all.map(({ branch, record }) => ({ ...record, branch, at: began }))
    )
    const took = Duration.millis((yield* Clock.currentTimeMillis) - began)
    const outcomes = attempts.flatMap(({ its, taken }, n) => {
      const exit = exits[n]
      if (exit === undefined || Exit.isFailure(exit)) return []
      left.delete(taken)
      arrived(taken)
      const reason = exit.value === "written" ? null : exit.value
      return its.map(({ event, span }) => ({
        taken,
        outcome: { event, processed: true, reason, took, retryIn: null, traceId: span.traceId }
      }))
    })
    const settled = yield* events.settleAll(outcomes.map(({ outcome }) => outcome))
    for (const [n, { outcome, taken }] of outcomes.entries()) {
      const exit = settled[n]
      if (exit === undefined || Exit.isFailure(exit) || exit.value === "locked") left.add(taken)
      else yield* tell(outcome.event, exit.value)
    }
  }).pipe(
    Effect.scoped,
    Effect.catchDefect((defect) =>
      Effect.logError("records that are gone could not be handled together", defect)
    )
  )
  return Array.from(left)
})
