/** What a branch's actor does about one record: one fetch for all that waits for it, and how that went, written down. */
import { Clock, Duration, Effect, Exit, Option, Result, Schedule, type Tracer } from "effect"
import { makeBy, type NonEmptyArray } from "effect/Array"
import { Headers, HttpTraceContext } from "effect/http"
import { Events } from "../database/Events.ts"
import { type Ending, type Outcome, outcomeOf } from "../database/eventOutcomes.ts"
import type { Written } from "../database/Mirror.ts"
import type { Settled } from "../database/settleEvents.ts"
import { type EntityKey, keyText } from "../domain/Entity.ts"
import type { PendingEvent, Taken } from "../domain/Event.ts"
import {
  backoff,
  codeOf,
  DatabaseError,
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

/** How often a row that somebody holds is tried until it is left for the next time. */
const lockPatience = Schedule.spaced("500 millis").pipe(Schedule.upTo({ times: 4 }))

/**
 * Handles the events of one record and writes down how it went: well for all of them, badly for those that were due. Fails
 * where that could not be written down for all of them.
 */
export const handleTaken = Effect.fnUntraced(function* (taken: Taken, { arrived, arriving }: InFlight) {
  const began = yield* Clock.currentTimeMillis
  const attempts = yield* begin(taken)
  const [{ event, span }] = attempts
  const result = yield* handleRentProgEvent(taken, arriving).pipe(
    Effect.annotateLogs(labels(event)),
    Effect.withParentSpan(span),
    Effect.catchDefect((defect) => Effect.fail(new InternalError({ detail: String(defect) }))),
    Effect.result
  )
  yield* arrived
  const ending = yield* endingOf(result, Duration.millis((yield* Clock.currentTimeMillis) - began))
  const exits = yield* Effect.forEach(
    attempts.filter(({ event }) => ending.processed || event.due),
    ({ event, span }) => Effect.exit(settle(outcomeOf(event, { ...ending, traceId: span.traceId }))),
    { concurrency: "unbounded" }
  )
  if (taken.crowded.length > 0) yield* settleRest(taken, { ...ending, traceId: span.traceId })
  yield* Exit.asVoidAll(exits)
}, Effect.scoped)

/** An attempt at an event, and the span that tells of it. */
interface Attempt {
  readonly event: PendingEvent
  readonly span: Tracer.Span
}

/** Begins the span of each event of a record. They end with the scope. */
export const begin = Effect.fnUntraced(function* ({ events: [first, ...others] }: Taken) {
  const attempts: NonEmptyArray<Attempt> = [{ event: first, span: yield* makeSpan(first) }]
  // One fetch serves them all: the others' traces lead to the one that tells of it.
  const links = [{ span: attempts[0].span, attributes: {} }]
  for (const event of others) attempts.push({ event, span: yield* makeSpan(event, links) })
  return attempts
})

/** Events of a record with as many attempts wait equally long, so that they come back together and one fetch serves them. */
const endingOf = Effect.fnUntraced(function* (
  result: Result.Result<Written, EventError>,
  took: Duration.Duration
): Effect.fn.Return<Omit<Ending, "traceId">> {
  const processed = Result.isSuccess(result)
  // A row that refuses to be done says so as a database_error.
  const most = reasons[processed ? "database_error" : codeOf(result.failure)]
  const waits = yield* Effect.forEach(
    makeBy(most - 1, (n) => n + 1),
    backoff
  )
  const reason = processed
    ? result.success === "written"
      ? null
      : result.success
    : reasonText(result.failure)
  return { processed, reason, took, waits }
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

const heldRow = new DatabaseError({ detail: "a row is locked, next time" })

const settle = Effect.fnUntraced(function* (outcome: Outcome) {
  const events = yield* Events
  const settled = yield* Effect.repeat(events.settle(outcome), {
    until: (settled) => settled !== "locked",
    schedule: lockPatience
  })
  if (settled === "locked") return yield* heldRow
  yield* tell(outcome.event, settled)
})

/** Tells the log how an attempt at an event went. */
export const tell = Effect.fnUntraced(function* (asked: PendingEvent, settled: Exclude<Settled, "locked">) {
  // That a row refuses has been said already.
  if (settled === "refused") return
  if (settled === "touched") {
    return yield* Effect.annotateLogs(
      Effect.logDebug("event was touched meanwhile, its outcome is left out"),
      labels(asked)
    )
  }
  const { event, processed, reason, retryIn } = settled
  yield* (
    processed
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
  if (tally.locked > 0) yield* heldRow
})

/** What every log line and span of an event carries. */
const labels = ({ branch, ext_id, id, type }: PendingEvent) => ({ event_id: id, branch, type, ext_id })
