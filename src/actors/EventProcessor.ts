/**
 * The eventProcessor: wakes the branches that have something to do, finds the branch of events that have none, and has
 * people's questions answered. It listens to what the trigger notifies. At intervals, and after each reconnection, it looks for
 * whatever was missed.
 * A cluster singleton: one for all machines.
 */
import { type Duration, Effect, FiberSet, Result, Schedule } from "effect"
import { partition } from "effect/Array"
import { Singleton } from "effect/cluster"
import { Events } from "../database/Events.ts"
import { notice } from "../database/Questions.ts"
import { Branch } from "../domain/Branch.ts"
import { makeAnswerQuestions } from "./answerQuestions.ts"
import { BranchActor } from "./Branch.ts"
import { findBranches } from "./findBranch.ts"
import { listen } from "./listen.ts"
import { reportRefusals } from "./reportRefusals.ts"
import { supervise } from "./supervise.ts"
import { tellBranch } from "./tellBranch.ts"

/** The trigger's channel. A notification says `id|branch|type|ext_id`, without a branch where nobody knows it. */
const channel = "rentprog_event_auto_process"

/** `fallbackInterval`: how often it looks round without being told. */
export const layer = (options: { readonly fallbackInterval: Duration.Duration }) =>
  Singleton.make(
    "EventProcessor",
    Effect.gen(function* () {
      const events = yield* Events
      const actor = yield* BranchActor.client
      const { look, run } = yield* findBranches
      const answerQuestions = yield* makeAnswerQuestions

      const telling = yield* FiberSet.make<void, never>()
      /** Not waited for: a branch whose process is frozen holds up no other. */
      const wake = (branch: Branch) =>
        Effect.asVoid(
          FiberSet.run(telling, tellBranch(branch, "wake", actor(branch).Wake(undefined, { discard: true })))
        )

      /** What notifications would have told of. */
      const catchUp = Effect.gen(function* () {
        yield* Effect.forEach(yield* events.branchesDue, wake, { discard: true })
        yield* look
        yield* answerQuestions
      })

      const sweep = Effect.gen(function* () {
        yield* catchUp
        // Last, because it looks at each event that has no branch: the trigger tells of those that it brings.
        const again = yield* events.normaliseAgain
        if (again > 0) yield* Effect.logInfo(`${again} events are normalised again`)
        yield* reportRefusals("events", yield* events.refusing)
      }).pipe(Effect.withSpan("EventProcessor.sweep"))

      const listener = listen({
        channel,
        component: "event listener",
        name: "Event processor",
        sweep,
        onRested: catchUp,
        onNotified: Effect.fnUntraced(function* (payloads) {
          const [questions, others] = partition(payloads, (payload) =>
            payload === notice ? Result.succeed(payload) : Result.fail(payload)
          )
          yield* Effect.forEach(
            branchesOf(others),
            (branch) => (branch === "" ? look : wake(Branch.make(branch))),
            { discard: true }
          )
          if (questions.length > 0) yield* answerQuestions
        })
      })
      const fallback = Effect.schedule(sweep, Schedule.spaced(options.fallbackInterval))

      yield* Effect.all([listener, supervise("event fallback")(fallback), supervise("event branches")(run)], {
        concurrency: "unbounded",
        discard: true
      })
    })
  )

/** Each branch once, however many notifications came together; an empty one where an event has none. */
const branchesOf = (payloads: ReadonlyArray<string>): Iterable<string> =>
  new Set(payloads.flatMap((payload) => payload.split("|").slice(1, 2)))
