/** What a branch's actor does about one record: one fetch for all that waits for it, and how that went, written down. */
import { Clock, Duration, Effect, identity, Option, Stream, type Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"
import { Events } from "../database/Events.ts"
import type { Outcome } from "../database/eventOutcomes.ts"
import type { Settled } from "../database/settleEvents.ts"
import { type EntityKey, keyText } from "../domain/Entity.ts"
import type { PendingEvent, Taken } from "../domain/Event.ts"
import {
  backoff,
  codeOf,
  type EventError,
  InternalError,
  isSpent,
  loggableReason,
  reasonText
} from "../domain/Reason.ts"
import { handleRentProgEvent } from "./handleRentProgEvent.ts"

/** What records that are handled at the same time know of each other. */
interface InFlight {
  /** Waits for another record that is being handled right now, if it is. */
  readonly arriving: (key: EntityKey) => Effect.Effect<void>
  /** This one is in the mirror, or has failed. */
  readonly arrived: Effect.Effect<unknown>
}

/** Handles the events of one record and writes down how it went: well for all of them, badly for those that were due. */
export const handleTaken = Effect.fnUntraced(function* (taken: Taken, { arrived, arriving }: InFlight) {
  const began = yield* Clock.currentTimeMillis
  const [first, ...others] = taken.events
  const span = yield* makeSpan(first)
  // One fetch serves them all: the others' traces lead to the one that tells of it.
  const links = [{ span, attributes: {} }]
  const attempts = [
    { event: first, span },
    ...(yield* Effect.forEach(others, (event) =>
      Effect.map(makeSpan(event, links), (span) => ({ event, span }))
    ))
  ]
  const error = yield* handleRentProgEvent(taken, arriving).pipe(
    Effect.annotateLogs(labels(first)),
    Effect.withParentSpan(span),
    Effect.catchDefect((defect) => Effect.fail(new InternalError({ detail: String(defect) }))),
    Effect.match({ onSuccess: () => null, onFailure: identity })
  )
  yield* arrived
  const outcomeOf = makeOutcomes(error, Duration.millis((yield* Clock.currentTimeMillis) - began))
  yield* Effect.forEach(
    attempts.filter(({ event }) => error === null || event.due),
    ({ event, span }) => Effect.flatMap(outcomeOf(event, span.traceId), settle),
    { concurrency: "unbounded", discard: true }
  )
  if (taken.crowded.length > 0) {
    yield* settleRest(taken, error === null ? "all" : "due", (event) => outcomeOf(event, span.traceId))
  }
}, Effect.scoped)

/**
 * What becomes of each event of a record after one attempt at it. Those with as many attempts wait equally long, so that
 * they come back together and one fetch serves them again.
 */
const makeOutcomes = (error: EventError | null, took: Duration.Duration) => {
  const waits = new Map<number, Duration.Duration>()
  const reason = error === null ? null : reasonText(error)
  return Effect.fnUntraced(function* (event: PendingEvent, traceId: string): Effect.fn.Return<Outcome> {
    const attempts = event.attempts + 1
    const wait = waits.get(attempts) ?? (yield* backoff(attempts))
    waits.set(attempts, wait)
    const retryIn = error !== null && isSpent(codeOf(error), attempts) ? null : wait
    return { event, reason, took, retryIn, traceId }
  })
}

/** An event goes on with the trace of its reception, where there is one. */
const makeSpan = (event: PendingEvent, links: ReadonlyArray<Tracer.SpanLink> = []) =>
  Effect.makeSpanScoped("event", {
    ...Option.match(HttpTraceContext.w3c(Headers.fromInput({ traceparent: event.traceparent ?? "" })), {
      onNone: () => ({ root: true }),
      onSome: (parent) => ({ parent })
    }),
    links,
    attributes: labels(event)
  })

const settle = Effect.fnUntraced(function* (outcome: Outcome) {
  const events = yield* Events
  const settled = yield* events.settle(outcome)
  // That a row refuses has been said already.
  if (settled === null) return
  const { event, reason, retryIn } = settled
  yield* (
    reason === null
      ? Effect.logInfo("event processed")
      : retryIn === null
        ? Effect.logError("event parked")
        : Effect.logWarning(`event waits ${Duration.format(retryIn)}`)
  ).pipe(
    Effect.annotateLogs({
      ...labels(event),
      attempts: event.attempts + 1,
      ...(reason === null ? {} : { reason: loggableReason(reason) })
    })
  )
})

/** The same for the other events of a crowded record, page by page, with one line of the log for all of them. */
const settleRest = Effect.fnUntraced(function* (
  taken: Taken,
  which: "all" | "due",
  outcomeOf: (event: PendingEvent) => Effect.Effect<Outcome>
) {
  const events = yield* Events
  const counts = { processed: 0, waiting: 0, parked: 0, refusing: 0 }
  yield* Stream.runForEachArray(
    events.rest(taken, which),
    Effect.fnUntraced(function* (page) {
      const settled = yield* events.settleAll(yield* Effect.forEach(page, outcomeOf))
      for (const one of settled) counts[standingOf(one)] += 1
    })
  )
  const said = Object.entries(counts).flatMap(([standing, count]) =>
    count > 0 ? [`${count} ${standing}`] : []
  )
  yield* Effect.annotateLogs(
    (counts.parked > 0 ? Effect.logError : counts.waiting > 0 ? Effect.logWarning : Effect.logInfo)(
      `more events of the record: ${said.join(", ")}`
    ),
    { branch: taken.branch, record: keyText(taken.record) }
  )
})

const standingOf = (settled: Settled) =>
  settled === null
    ? "refusing"
    : settled.reason === null
      ? "processed"
      : settled.retryIn === null
        ? "parked"
        : "waiting"

/** What every log line and span of an event carries. */
const labels = ({ branch, ext_id, id, type }: PendingEvent) => ({ event_id: id, branch, type, ext_id })
