/** The metrics of attempts at events. */
import { Effect, Metric } from "effect"
import { codeOfText } from "../domain/Reason.ts"
import { KnownBranches } from "./KnownBranches.ts"

const handled = Metric.counter("jarvis_events_total", {
  description: "Attempts at events, by branch, type and outcome: processed, or the code of the reason",
  incremental: true
})

const duration = Metric.histogram("jarvis_event_duration_seconds", {
  description: "Time from the INSERT of an event until it was processed, by branch",
  boundaries: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600]
})

/** Attempts that ended alike. */
export interface Counted {
  readonly branch: string
  readonly type: string
  readonly reason: string | null
  readonly count: number
  /** From their INSERT until they were processed, by the clock of the database, where that is known. */
  readonly seconds: ReadonlyArray<number>
}

export const countEvents = Effect.fnUntraced(function* ({ branch, count, reason, seconds, type }: Counted) {
  const known = yield* KnownBranches
  const label = known.label(branch)
  const outcome = reason === null ? "processed" : (codeOfText(reason) ?? "unknown")
  yield* Metric.update(Metric.withAttributes(handled, { branch: label, type, outcome }), count)
  const took = Metric.withAttributes(duration, { branch: label })
  for (const each of seconds) yield* Metric.update(took, each)
})
