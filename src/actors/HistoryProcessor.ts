/**
 * The historyEventProcessor. PostgreSQL reads and applies the operations log by itself; this tells how that went, asks
 * RentProg for records that entries wait for, tries again what stayed behind, and has the branches read their logs. A
 * cluster singleton: one for all machines.
 */
import { Context, Duration, Effect, Metric, Option, Schedule, Schema } from "effect"
import { chunksOf } from "effect/Array"
import { Singleton } from "effect/cluster"
import { History } from "../database/History.ts"
import { tellLocked } from "../database/historyRows.ts"
import { KnownBranches } from "../database/KnownBranches.ts"
import type { HistoryOutcome } from "../database/retryHistory.ts"
import type { Branch } from "../domain/Branch.ts"
import { HistoryId } from "../domain/History.ts"
import { backoff, codeOfText, isSpent, loggableReason } from "../domain/Reason.ts"
import { BranchActor } from "./Branch.ts"
import { listen } from "./listen.ts"
import { reportRefusals } from "./reportRefusals.ts"
import { supervise } from "./supervise.ts"
import { tellBranch } from "./tellBranch.ts"

/** The trigger's channel. A notification says `id|branch|entity_type|entity_id`. */
const channel = "history_item_processed"

const handled = Metric.counter("jarvis_history_total", {
  description:
    "Attempts at entries of the operations log, by branch, kind of record and outcome: processed, or the code of the reason",
  incremental: true
})

/** The kinds of record that the log tells of: whatever else somebody wrote in `entity_type` is no label. */
const kinds = ["car", "client", "booking", "payment", "maintenance"]

/** How many batches a sweep takes: what is left comes with the next one, before a sweep could meet itself. */
const mostBatches = 100

/** How many entries are read at a time to tell of them, however many were notified together. */
const mostAtOnce = 1000

export interface HistoryProcessorOptions {
  /** How often it looks for what stayed behind. */
  readonly fallbackInterval: Duration.Duration
  /** The branches whose log is read. */
  readonly logs: ReadonlyArray<Branch>
}

/** How often the log of each branch is read. */
export const ReadInterval = Context.Reference("jarvis/actors/ReadInterval", {
  defaultValue: () => Duration.minutes(3)
})

export const layer = (options: HistoryProcessorOptions) =>
  Singleton.make(
    "HistoryProcessor",
    Effect.gen(function* () {
      const history = yield* History
      const actor = yield* BranchActor.client

      const ask = Effect.flatMap(history.askForMissing, (asked) =>
        asked > 0 ? Effect.logInfo(`${asked} records that the log tells of are asked for`) : Effect.void
      )

      const tell = Effect.fnUntraced(function* (ids: ReadonlyArray<HistoryId>) {
        let isMissing = false
        for (const some of chunksOf(ids, mostAtOnce)) {
          const outcomes = yield* history.outcomes(some)
          yield* Effect.forEach(outcomes, tellOne, { discard: true })
          isMissing ||= outcomes.some(({ reason }) => codeOfText(reason) === "entity_not_found")
        }
        if (isMissing) yield* ask
      })

      let isReadAgain = false
      const sweep = Effect.gen(function* () {
        for (let batch = 0; batch < mostBatches; batch += 1) {
          const { due, locked, outcomes, stuck } = yield* history.retry(waitFor)
          yield* Effect.forEach(outcomes, tellOne, { discard: true })
          // The next batch begins with those that are stuck.
          if (due > stuck) continue
          yield* tellLocked(locked)
          break
        }
        yield* ask
        // Once: only another version reads what this one did not.
        if (!isReadAgain) {
          const again = yield* history.readAgain
          if (again > 0) yield* Effect.logInfo(`${again} entries that did not read before are read again`)
          isReadAgain = true
        }
        yield* reportRefusals("history", yield* history.refusing)
      }).pipe(Effect.withSpan("HistoryProcessor.sweep"))

      const listener = listen({
        channel,
        component: "history listener",
        name: "History processor",
        sweep,
        onNotified: (payloads) => tell(idsOf(payloads))
      })

      const readLogs = Effect.forEach(
        options.logs,
        (branch) => tellBranch(branch, "read its log", actor(branch).ReadLog(undefined, { discard: true })),
        { discard: true }
      )

      yield* Effect.all(
        [
          listener,
          supervise("history fallback")(Effect.schedule(sweep, Schedule.spaced(options.fallbackInterval))),
          supervise("log reader")(Effect.repeat(readLogs, Schedule.spaced(yield* ReadInterval)))
        ],
        { concurrency: "unbounded", discard: true }
      )
    })
  )

/** What waits for a record applies when that arrives, and looks once a day all the same; the rest backs off. */
const waitFor = (outcome: HistoryOutcome): Effect.Effect<Duration.Duration | null> => {
  const code = codeOfText(outcome.reason)
  if (code === "entity_not_found") return Effect.succeed(Duration.days(1))
  // The trigger made the first attempt, which nobody counted.
  const attempts = outcome.attempts + 1
  if (code === null || isSpent(code, attempts)) return Effect.succeed(null)
  return backoff(attempts)
}

const tellOne = ({ attempts, branch, entity_id, entity_type, id, processed, reason }: HistoryOutcome) =>
  (processed
    ? Effect.logInfo(reason === null ? "history applied" : "history done")
    : // That a record is still missing is no news each day.
      attempts > 0 && codeOfText(reason) === "entity_not_found"
      ? Effect.logDebug("history waits")
      : Effect.logWarning("history waits")
  ).pipe(
    Effect.annotateLogs({
      history_id: id,
      branch,
      entity_type,
      entity_id,
      attempts,
      ...(reason === null ? {} : { reason: loggableReason(reason) })
    }),
    Effect.andThen(KnownBranches),
    Effect.flatMap((known) =>
      Metric.update(
        Metric.withAttributes(handled, {
          branch: known.label(branch),
          type: kinds.find((kind) => kind === entity_type) ?? "",
          outcome: processed && reason === null ? "processed" : (codeOfText(reason) ?? "unknown")
        }),
        1
      )
    )
  )

const readId = Schema.decodeUnknownOption(HistoryId)

const idsOf = (payloads: ReadonlyArray<string>): ReadonlyArray<HistoryId> =>
  payloads.flatMap((payload) => Option.toArray(readId(payload.split("|", 1)[0])))
