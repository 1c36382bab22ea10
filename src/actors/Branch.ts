/**
 * The actor of one branch. Owns the branch's token, quota and circuit breaker, so one actor spends one quota on however
 * many machines Jarvis runs.
 *
 * Told `Wake`, it drains the branch's due events until none is left. Each record is handled by a fiber of its own, so
 * no slow or failing record holds up another; those that are gone are handled by one, since nothing of theirs is fetched.
 * Events that come for a record in the meantime wait for the next fetch.
 */
import {
  Clock,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  FiberHandle,
  FiberSet,
  Latch,
  Layer,
  Option,
  Result,
  Schema
} from "effect"
import { partition } from "effect/Array"
import { ClusterSchema, Entity } from "effect/cluster"
import { Rpc } from "effect/rpc"
import { Events } from "../database/Events.ts"
import { History } from "../database/History.ts"
import { KnownBranches } from "../database/KnownBranches.ts"
import { isPart } from "../database/takeEvents.ts"
import { Branch, whyPaused } from "../domain/Branch.ts"
import { type EntityKey, EntityType, keyText, RentprogId } from "../domain/Entity.ts"
import type { Taken } from "../domain/Event.ts"
import { reasonText } from "../domain/Reason.ts"
import { RentProg } from "../rentprog/RentProg.ts"
import { Tenure } from "../rentprog/Tenure.ts"
import { Health } from "./Health.ts"
import { handleDestroyed, isDestroyed } from "./handleDestroyed.ts"
import { handleTaken } from "./handleTaken.ts"
import { readLog } from "./readLog.ts"
import { restAfter } from "./restAfter.ts"
import { shareFibers } from "./shareFibers.ts"
import { supervise } from "./supervise.ts"

/** There may be something to do. Losing one costs a fallback interval, never a row. */
export const Wake = Rpc.make("Wake").annotate(ClusterSchema.InterruptOnTermination, true)

/** The branch's operations log is to be read as far as it goes. */
export const ReadLog = Rpc.make("ReadLog").annotate(ClusterSchema.InterruptOnTermination, true)

/** A branch cannot say what it was asked: RentProg does not answer, or a person holds the branch. */
class Silent extends Schema.TaggedError<Silent>()("Silent", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

/** Does RentProg have a record for the branch? */
export const Has = Rpc.make("Has", {
  payload: { entityType: EntityType, entityId: RentprogId },
  success: Schema.Boolean,
  error: Silent
}).annotate(ClusterSchema.InterruptOnTermination, true)

/** Addressed by the branch's code. */
export const BranchActor = Entity.make("Branch", [Wake, ReadLog, Has])

/** How many records a branch handles at a time; what is above waits in the table. */
const mostInFlight = 1500

/** How long a record is left alone at most whose outcome cannot be written down, in seconds. */
const longestPause = 300

/** How long what is in flight may take when the service stops: less than main.ts gives to everything. */
const grace = "12 seconds"

const sayUnsettled = (records: number): string =>
  `the events of ${records} ${records === 1 ? "record" : "records"} could not be settled, they stay due: see the log`

const make = (fibersOfBranch: ReturnType<typeof shareFibers>) =>
  Effect.gen(function* () {
    const branch = Branch.make((yield* Entity.CurrentAddress).entityId)
    const events = yield* Events
    const health = yield* Health
    const history = yield* History
    const rentprog = yield* RentProg
    const tenure = yield* Tenure
    const known = yield* KnownBranches
    const component = `branch ${known.label(branch)}`
    yield* Effect.addFinalizer(() =>
      Effect.forEach([component, `log ${branch}`, `user token ${branch}`], health.forget, { discard: true })
    )
    const inFlight = yield* FiberSet.make<void, never>()
    const stopping = Latch.makeUnsafe()
    // What waits for quota, or is left alone for a while, is not under way: it stays due.
    yield* Effect.addFinalizer(() =>
      stopping.open.pipe(
        Effect.andThen(rentprog.endWaits(branch)),
        Effect.andThen(FiberSet.awaitEmpty(inFlight)),
        Effect.interruptible,
        Effect.timeoutOption(grace),
        Effect.scoped
      )
    )

    const fibers = fibersOfBranch()

    const reading = yield* FiberHandle.make<void, never>()

    /** Open when there may be something new to take: a `Wake` came, or a record is done. */
    const news = Latch.makeUnsafe()
    let draining = false
    /** When a `Wake` came last while it was draining. */
    let wokenAt = Number.NEGATIVE_INFINITY
    /** How often a pause has ended what was under way: what was being taken at that time is left in the table. */
    let ended = 0

    /** The records in flight, until each is in the mirror or has failed; its events are settled after that. */
    const arrivals = new Map<string, Deferred.Deferred<void>>()
    const arriving = (key: EntityKey) =>
      Effect.suspend(() => {
        const arrival = arrivals.get(keyText(key))
        return arrival === undefined ? Effect.void : Deferred.await(arrival)
      })
    const arrived = ({ record }: Taken): void => {
      const arrival = arrivals.get(keyText(record))
      if (arrival !== undefined) Deferred.doneUnsafe(arrival, Effect.void)
    }

    /** How often in a row the outcome of a record could not be written down. */
    const unsettled = new Map<string, number>()

    const settled = (taken: Taken) =>
      Effect.suspend(() =>
        unsettled.delete(keyText(taken.record)) && unsettled.size === 0
          ? health.report(component, "up")
          : Effect.void
      )

    /** Handles records that are not in flight, all of them in one fiber. */
    const start = Effect.fnUntraced(function* <R>(
      some: ReadonlyArray<Taken>,
      handling: Effect.Effect<void, never, R>
    ) {
      const its = some.map(({ record }) => [keyText(record), Deferred.makeUnsafe<void>()] as const)
      for (const [key, arrival] of its) arrivals.set(key, arrival)
      const isAlone = some.length === 1
      const fiber = yield* FiberSet.run(inFlight, handling)
      if (isAlone) fibers.count(1)
      fiber.addObserver(() => {
        if (isAlone) fibers.count(-1)
        for (const [key, arrival] of its) {
          Deferred.doneUnsafe(arrival, Effect.void)
          // Unless it is being handled by itself by now.
          if (arrivals.get(key) === arrival) arrivals.delete(key)
        }
        news.openUnsafe()
      })
      return fiber
    })

    /** Waits, and others have the fiber's place: however many records wait so, they hold up no other. */
    const leaveAlone = (failures: number) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          fibers.count(-1)
          news.openUnsafe()
        }),
        () =>
          Effect.raceFirst(
            Effect.sleep(Duration.seconds(Math.min(10 * 2 ** (failures - 1), longestPause))),
            stopping.await
          ),
        () => Effect.sync(() => fibers.count(1))
      )

    const handle = (taken: Taken) => {
      const key = keyText(taken.record)
      return handleTaken(taken, { arriving, arrived: Effect.sync(() => arrived(taken)) }).pipe(
        Effect.andThen(settled(taken)),
        Effect.mapError(({ detail }) => detail),
        Effect.catchDefect((defect) => Effect.fail(String(defect))),
        // The rows are still due. Taking them again at once would ask RentProg again at once.
        Effect.catch((why) => {
          const failures = (unsettled.get(key) ?? 0) + 1
          unsettled.set(key, failures)
          return Effect.logError(`events could not be settled, they stay due: ${why}`).pipe(
            Effect.annotateLogs({ branch, record: key }),
            Effect.andThen(health.failed(component, sayUnsettled(unsettled.size))),
            Effect.andThen(leaveAlone(failures))
          )
        })
      )
    }

    const handleAll = Effect.fnUntraced(function* (destroyed: ReadonlyArray<Taken>) {
      const left = new Set(yield* handleDestroyed(destroyed, arrived))
      for (const taken of destroyed) yield* left.has(taken) ? start([taken], handle(taken)) : settled(taken)
    })

    const drain = Effect.gen(function* () {
      // Whoever has lost the branch takes no more; the actor ends.
      while (yield* tenure.holds(branch)) {
        news.closeUnsafe()
        const began = yield* Clock.currentTimeMillis
        const inFlightKeys = Array.from(arrivals.keys())
        const before = ended
        const isFull = inFlightKeys.length >= mostInFlight || fibers.isFull()
        const found = isFull ? [] : yield* events.take(branch, inFlightKeys)
        const due = ended === before ? found : []
        const [destroyed, others] = partition(due, (taken) =>
          isDestroyed(taken) ? Result.succeed(taken) : Result.fail(taken)
        )
        // The others are still due.
        const some = others.slice(0, fibers.free())
        for (const taken of some) yield* start([taken], handle(taken))
        const handled = destroyed.length > 0 ? yield* start(destroyed, handleAll(destroyed)) : undefined
        if (some.length < others.length || isPart(due)) {
          // Those that were taken go first.
          yield* Effect.sleep("1 millis")
          if (handled !== undefined) yield* restAfter(Fiber.await(handled), { began, wokenAt })
          continue
        }
        if (arrivals.size === 0 && !news.isOpen()) {
          // What could not be settled is due no more: somebody else has dealt with it, or holds the branch.
          if (unsettled.size > 0) yield* health.report(component, "up")
          unsettled.clear()
          break
        }
        yield* news.await
      }
      draining = false
    })

    /** What is asked for others. */
    const asked = yield* FiberSet.make<boolean, Silent>()
    const isHeld = Effect.orElseSucceed(history.isPaused(branch), () => false)
    const paused = new Silent({ detail: whyPaused })
    const has = Effect.fnUntraced(function* (key: EntityKey) {
      const fetch = rentprog.fetch(branch, key).pipe(
        Effect.as(true),
        Effect.catchTag("RentProgNotFound", () => Effect.succeed(false)),
        Effect.mapError((error) => new Silent({ detail: reasonText(error) })),
        Effect.catchDefect((defect) => Effect.fail(new Silent({ detail: String(defect) })))
      )
      const fiber = yield* FiberSet.run(
        asked,
        Effect.flatMap(isHeld, (held) => (held ? Effect.fail(paused) : fetch))
      )
      // What nobody waits for any more is not asked.
      const exit = yield* Fiber.await(fiber).pipe(Effect.onInterrupt(() => Fiber.interrupt(fiber)))
      return yield* Exit.hasInterrupts(exit) ? paused : exit
    })

    return BranchActor.of({
      Has: ({ payload }) => has(payload),
      ReadLog: () =>
        FiberHandle.run(reading, readLog(branch), { onlyIfMissing: true }).pipe(
          Effect.flatMap(Fiber.await),
          Effect.asVoid
        ),
      Wake: () =>
        Effect.gen(function* () {
          if (draining) wokenAt = yield* Clock.currentTimeMillis
          // What a person holds waits in the table, and not for quota.
          const isBusy =
            draining ||
            arrivals.size + (yield* FiberSet.size(asked)) > 0 ||
            Option.isSome(FiberHandle.getUnsafe(reading))
          if (isBusy && (yield* isHeld)) {
            ended += 1
            yield* FiberSet.clear(inFlight)
            yield* FiberSet.clear(asked)
            yield* FiberHandle.clear(reading)
          }
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
  })

/** Longer than from one reading of its log to the next: health forgets what an actor that has ended said of the log. */
const maxIdleTime = "5 minutes"

export const layer = Layer.unwrap(
  Effect.sync(() => BranchActor.toLayer(make(shareFibers()), { concurrency: "unbounded", maxIdleTime }))
)
