/** What a branch's actor does about one record: one fetch for all that waits for it, and how that went, written down. */
import { Clock, Duration, Effect, identity, Option, type Tracer } from "effect"
import { makeBy } from "effect/Array"
import { Headers, HttpTraceContext } from "effect/http"
import { Events } from "../database/Events.ts"
import { type Ending, type Outcome, outcomeOf } from "../database/eventOutcomes.ts"
import { type EntityKey, keyText } from "../domain/Entity.ts"
import type { PendingEvent, Taken } from "../domain/Event.ts"
import {
  backoff,
  codeOf,
  type EventError,
  InternalError,
  loggableReason,
  reasons,
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
  const ending = yield* endingOf(error, Duration.millis((yield* Clock.currentTimeMillis) - began), span)
  yield* Effect.forEach(
    attempts.filter(({ event }) => error === null || event.due),
    ({ event, span }) => settle(outcomeOf(event, { ...ending, traceId: span.traceId })),
    { concurrency: "unbounded", discard: true }
  )
  if (taken.crowded.length > 0) yield* settleRest(taken, ending)
}, Effect.scoped)

/** Events of a record with as many attempts wait equally long, so that they come back together and one fetch serves them. */
const endingOf = Effect.fnUntraced(function* (
  error: EventError | null,
  took: Duration.Duration,
  { traceId }: Tracer.Span
): Effect.fn.Return<Ending> {
  // A row that refuses to be done says so as a database_error.
  const most = reasons[error === null ? "database_error" : codeOf(error)]
  const waits = yield* Effect.forEach(
    makeBy(most - 1, (n) => n + 1),
    backoff
  )
  return { reason: error === null ? null : reasonText(error), took, waits, traceId }
})

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

/** The same for the other events of a crowded record, with one line of the log for all of them. */
const settleRest = Effect.fnUntraced(function* (taken: Taken, ending: Ending) {
  const events = yield* Events
  const tally = yield* events.settleRest(taken, ending)
  const said = Object.entries(tally).flatMap(([standing, count]) =>
    count > 0 ? [`${count} ${standing}`] : []
  )
  yield* Effect.annotateLogs(
    (tally.parked > 0 ? Effect.logError : tally.waiting > 0 ? Effect.logWarning : Effect.logInfo)(
      `more events of the record: ${said.join(", ")}`
    ),
    { branch: taken.branch, record: keyText(taken.record) }
  )
})

/** What every log line and span of an event carries. */
const labels = ({ branch, ext_id, id, type }: PendingEvent) => ({ event_id: id, branch, type, ext_id })
