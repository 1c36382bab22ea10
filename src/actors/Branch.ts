/**
 * The actor of one branch. It owns what there is one of: the branch's token, quota and circuit breaker, so one actor
 * spends one quota on however many machines Jarvis runs.
 *
 * Told `Wake`, it drains the branch's due events until none is left. Each record is handled by a fiber of its own, so
 * no slow or failing record holds up another; events that come for a record in the meantime wait for the next fetch.
 */
import { Duration, Effect, Fiber, FiberMap, identity, Latch, Option, Semaphore, type Tracer } from "effect"
import { groupBy, type NonEmptyReadonlyArray } from "effect/Array"
import { ClusterSchema, Entity } from "effect/cluster"
import { Headers, HttpTraceContext } from "effect/http"
import { Rpc } from "effect/rpc"
import { Events } from "../database/Events.ts"
import { History } from "../database/History.ts"
import { Branch } from "../domain/Branch.ts"
import { type EntityKey, keyText } from "../domain/Entity.ts"
import { entityOf, type PendingEvent } from "../domain/Event.ts"
import {
  backoff,
  codeOf,
  type EventError,
  InternalError,
  isSpent,
  loggableReason,
  reasonText
} from "../domain/Reason.ts"
import { Standing } from "../domain/Standing.ts"
import { RentProg } from "../rentprog/RentProg.ts"
import { Health } from "./Health.ts"
import { handleRentProgEvent } from "./handleRentProgEvent.ts"
import { readLog } from "./readLog.ts"
import { supervise } from "./supervise.ts"

/** There may be something to do. Losing one costs a fallback interval, never a row. */
export const Wake = Rpc.make("Wake").annotate(ClusterSchema.InterruptOnTermination, true)

/** The branch's operations log is to be read as far as it goes. */
export const ReadLog = Rpc.make("ReadLog").annotate(ClusterSchema.InterruptOnTermination, true)

/** Where does the branch stand with RentProg? */
export const Status = Rpc.make("Status", { success: Standing }).annotate(
  ClusterSchema.InterruptOnTermination,
  true
)

/** Addressed by the branch's code. */
export const BranchActor = Entity.make("Branch", [Wake, ReadLog, Status])

/** How many records a branch handles at a time; what is above waits in the table. */
const mostInFlight = 1000

/** How long what is in flight may take when the service stops. */
const grace = "15 seconds"

export const layer = BranchActor.toLayer(
  Effect.gen(function* () {
    const branch = Branch.make((yield* Entity.CurrentAddress).entityId)
    const events = yield* Events
    const health = yield* Health
    const history = yield* History
    const rentprog = yield* RentProg
    const component = `branch ${branch}`
    yield* Effect.addFinalizer(() => health.forget(component))
    const inFlight = yield* FiberMap.make<string, void, never>()
    yield* Effect.addFinalizer(() => FiberMap.awaitEmpty(inFlight).pipe(Effect.timeoutOption(grace)))

    /** Open when there may be something new to take: a `Wake` came, or a record is done. */
    const news = Latch.makeUnsafe()
    let draining = false

    const arriving = (key: EntityKey) =>
      Effect.flatMap(FiberMap.get(inFlight, keyText(key)), (fiber) =>
        Option.isSome(fiber) ? Effect.asVoid(Fiber.await(fiber.value)) : Effect.void
      )

    const handle = (group: NonEmptyReadonlyArray<PendingEvent>) =>
      handleGroup(branch, group, arriving).pipe(
        Effect.mapError(({ detail }) => detail),
        Effect.catchDefect((defect) => Effect.fail(String(defect))),
        // The rows are still due. Taking them again at once would ask RentProg again at once.
        Effect.catch((why) =>
          Effect.logError(`events could not be settled, they stay due: ${why}`).pipe(
            Effect.andThen(Effect.sleep("10 seconds"))
          )
        )
      )

    const drain = Effect.gen(function* () {
      while (true) {
        news.closeUnsafe()
        const inFlightKeys = Array.from(inFlight, ([key]) => key)
        const due = inFlightKeys.length < mostInFlight ? yield* events.take(branch, inFlightKeys) : []
        const groups = Object.values(groupBy(due, (event) => keyText(entityOf(event))))
        for (const group of groups) {
          const fiber = yield* FiberMap.run(inFlight, keyText(entityOf(group[0])), handle(group))
          // Observers are called in their order: by now the record is no longer in flight.
          fiber.addObserver(() => news.openUnsafe())
        }
        if (groups.length > 0) continue
        if (inFlightKeys.length === 0 && !news.isOpen()) {
          draining = false
          return
        }
        yield* news.await
      }
    })

    const oneReader = yield* Semaphore.make(1)

    return BranchActor.of({
      Status: () => rentprog.standing(branch),
      ReadLog: () => Effect.asVoid(oneReader.withPermitsIfAvailable(1)(readLog(branch))),
      Wake: () =>
        Effect.gen(function* () {
          // What a person holds waits in the table, and not for quota.
          const isHeld =
            (yield* FiberMap.size(inFlight)) > 0 &&
            (yield* Effect.orElseSucceed(history.isPaused(branch), () => false))
          if (isHeld) yield* FiberMap.clear(inFlight)
          news.openUnsafe()
          if (draining) return
          draining = true
          yield* Effect.onInterrupt(supervise(component)(drain), () =>
            Effect.sync(() => {
              draining = false
            })
          )
        })
    })
  }),
  { concurrency: "unbounded" }
)

/** Handles the events of one record and writes down how it went: well for all of them, badly for those that were due. */
const handleGroup = Effect.fnUntraced(function* (
  branch: Branch,
  group: NonEmptyReadonlyArray<PendingEvent>,
  arriving: (key: EntityKey) => Effect.Effect<void>
) {
  const [first, ...others] = group
  const span = yield* makeSpan(first)
  // One fetch serves them all: the others' traces lead to the one that tells of it.
  const links = [{ span, attributes: {} }]
  const attempts = [
    { event: first, span },
    ...(yield* Effect.forEach(others, (event) =>
      Effect.map(makeSpan(event, links), (span) => ({ event, span }))
    ))
  ]
  const error = yield* handleRentProgEvent(branch, entityOf(first), group, arriving).pipe(
    Effect.annotateLogs(labels(first)),
    Effect.withParentSpan(span),
    Effect.catchDefect((defect) => Effect.fail(new InternalError({ detail: String(defect) }))),
    Effect.match({ onSuccess: () => null, onFailure: identity })
  )
  yield* Effect.forEach(
    attempts.filter(({ event }) => error === null || event.due),
    ({ event, span }) => settle(event, error, span.traceId),
    { concurrency: "unbounded", discard: true }
  )
}, Effect.scoped)

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

const settle = Effect.fnUntraced(function* (event: PendingEvent, error: EventError | null, traceId: string) {
  const events = yield* Events
  const reason = error === null ? null : reasonText(error)
  const attempts = event.attempts + 1
  const retryIn = error === null || isSpent(codeOf(error), attempts) ? null : yield* backoff(attempts)

  yield* events.settle({ event, reason, retryIn, traceId })

  yield* (
    reason === null
      ? Effect.logInfo("event processed")
      : retryIn === null
        ? Effect.logError("event parked")
        : Effect.logWarning(`event waits ${Duration.format(retryIn)}`)
  ).pipe(
    Effect.annotateLogs({
      ...labels(event),
      attempts,
      ...(reason === null ? {} : { reason: loggableReason(reason) })
    })
  )
})

/** What every log line and span of an event carries. */
const labels = ({ branch, ext_id, id, type }: PendingEvent) => ({ event_id: id, branch, type, ext_id })
