/**
 * The actor of one branch. It owns what there is one of: the branch's token, quota and circuit breaker, so one actor
 * spends one quota on however many machines Jarvis runs.
 *
 * Told `Wake`, it drains the branch's due events until none is left. Each record is handled by a fiber of its own, so
 * no slow or failing record holds up another; events that come for a record in the meantime wait for the next fetch.
 */
import { Duration, Effect, Fiber, FiberMap, identity, Latch, Option, Semaphore } from "effect"
import { groupBy, type NonEmptyReadonlyArray } from "effect/Array"
import { ClusterSchema, Entity } from "effect/cluster"
import { Rpc } from "effect/rpc"
import { Events } from "../database/Events.ts"
import { Branch } from "../domain/Branch.ts"
import { type EntityKey, keyText } from "../domain/Entity.ts"
import { entityOf, type PendingEvent } from "../domain/Event.ts"
import { backoff, codeOf, type EventError, InternalError, isSpent, reasonText } from "../domain/Reason.ts"
import { handleRentProgEvent } from "./handleRentProgEvent.ts"
import { readLog } from "./readLog.ts"
import { supervise } from "./supervise.ts"

/** There may be something to do. Losing one costs a fallback interval, never a row. */
export const Wake = Rpc.make("Wake").annotate(ClusterSchema.InterruptOnTermination, true)

/** The branch's operations log is to be read as far as it goes. */
export const ReadLog = Rpc.make("ReadLog").annotate(ClusterSchema.InterruptOnTermination, true)

/** Addressed by the branch's code. */
export const BranchActor = Entity.make("Branch", [Wake, ReadLog])

/** How many records a branch handles at a time; what is above waits in the table. */
const mostInFlight = 1000

/** How long what is in flight may take when the service stops. */
const grace = "15 seconds"

export const layer = BranchActor.toLayer(
  Effect.gen(function* () {
    const branch = Branch.make((yield* Entity.CurrentAddress).entityId)
    const events = yield* Events
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
      ReadLog: () => Effect.asVoid(oneReader.withPermitsIfAvailable(1)(readLog(branch))),
      Wake: () =>
        Effect.suspend(() => {
          news.openUnsafe()
          if (draining) return Effect.void
          draining = true
          return Effect.onInterrupt(supervise(`branch ${branch}`)(drain), () =>
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
  const spans = yield* Effect.forEach(group, (event) =>
    Effect.makeSpanScoped("event", { root: true, attributes: labels(event) })
  )
  const error = yield* handleRentProgEvent(branch, entityOf(group[0]), group, arriving).pipe(
    Effect.annotateLogs(labels(group[0])),
    spans[0] === undefined ? identity : Effect.withParentSpan(spans[0]),
    Effect.catchDefect((defect) => Effect.fail(new InternalError({ detail: String(defect) }))),
    Effect.match({ onSuccess: () => null, onFailure: identity })
  )
  const attempted = error === null ? group : group.filter(({ due }) => due)
  yield* Effect.forEach(attempted, (event) => settle(event, error), {
    concurrency: "unbounded",
    discard: true
  })
}, Effect.scoped)

const settle = Effect.fnUntraced(function* (event: PendingEvent, error: EventError | null) {
  const events = yield* Events
  const reason = error === null ? null : reasonText(error)
  const attempts = event.attempts + 1
  const retryIn = error === null || isSpent(codeOf(error), attempts) ? null : yield* backoff(attempts)

  yield* events.settle({ event, reason, retryIn })

  yield* (
    reason === null
      ? Effect.logInfo("event processed")
      : retryIn === null
        ? Effect.logError("event parked")
        : Effect.logWarning(`event waits ${Duration.format(retryIn)}`)
  ).pipe(Effect.annotateLogs({ ...labels(event), attempts, ...(reason === null ? {} : { reason }) }))
})

/** What every log line and span of an event carries. */
const labels = ({ branch, ext_id, id, type }: PendingEvent) => ({ event_id: id, branch, type, ext_id })
