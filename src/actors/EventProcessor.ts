/**
 * The eventProcessor: wakes the branches that have something to do. It listens to what the trigger notifies, and looks
 * round at intervals, and after each reconnection, for whatever was missed. A cluster singleton: one for all machines.
 */
import { type Duration, Effect, Schedule } from "effect"
import { Singleton } from "effect/cluster"
import { Events } from "../database/Events.ts"
import { Branch } from "../domain/Branch.ts"
import { BranchActor } from "./Branch.ts"
import { listen } from "./listen.ts"
import { reportRefusals } from "./reportRefusals.ts"
import { supervise } from "./supervise.ts"
import { tellBranch } from "./tellBranch.ts"

/** The trigger's channel. A notification says `id|branch|type|ext_id`. */
const channel = "rentprog_event_auto_process"

/** `fallbackInterval`: how often it looks round without being told. */
export const layer = (options: { readonly fallbackInterval: Duration.Duration }) =>
  Singleton.make(
    "EventProcessor",
    Effect.gen(function* () {
      const events = yield* Events
      const actor = yield* BranchActor.client

      const wake = (branch: Branch) =>
        tellBranch(branch, "wake", actor(branch).Wake(undefined, { discard: true }))

      const sweep = Effect.gen(function* () {
        const again = yield* events.normaliseAgain
        if (again > 0) yield* Effect.logInfo(`${again} events are normalised again`)
        yield* Effect.forEach(yield* events.branchesDue, wake, { discard: true })
        yield* reportRefusals("events", yield* events.refusing)
      }).pipe(Effect.withSpan("EventProcessor.sweep"))

      const listener = listen({
        channel,
        component: "event listener",
        name: "Event processor",
        sweep,
        onNotified: (payloads) => Effect.forEach(branchesOf(payloads), wake, { discard: true })
      })
      const fallback = Effect.schedule(sweep, Schedule.spaced(options.fallbackInterval))

      yield* Effect.all([listener, supervise("event fallback")(fallback)], {
        concurrency: "unbounded",
        discard: true
      })
    })
  )

/** Each branch once, however many notifications came together. */
const branchesOf = (payloads: ReadonlyArray<string>): Iterable<Branch> =>
  new Set(
    payloads.flatMap((payload) => {
      const branch = payload.split("|")[1]
      return branch === undefined || branch === "" ? [] : [Branch.make(branch)]
    })
  )
