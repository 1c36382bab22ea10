/** Where Effect meets the page: calls are started here, and interrupted when nobody waits for them any more. */
import { Effect, ManagedRuntime } from "effect"
import { type Client, Jarvis } from "./api.ts"
import { type Failure, isPassing, type Problem, problemOf } from "./problem.ts"
import { gate } from "./state/session.ts"

const runtime = ManagedRuntime.make(Jarvis.layer)

/** Starts it; what is answered interrupts it. */
export const start = (effect: Effect.Effect<void, never, Jarvis>): (() => void) => {
  const fiber = runtime.runFork(effect)
  return () => fiber.interruptUnsafe()
}

/** What is asked of the client, its failures told as problems; whoever is not let in is sent to the gate. */
export const asked = <A>(
  call: (jarvis: Client) => Effect.Effect<A, Failure>
): Effect.Effect<A, Problem, Jarvis> =>
  Jarvis.use(call).pipe(
    Effect.mapError(problemOf),
    Effect.catchDefect((defect) =>
      Effect.fail<Problem>({ kind: "unexpected", detail: String(defect), passing: false })
    ),
    Effect.tapError((problem) =>
      Effect.sync(() => {
        if (problem.kind === "unauthorized") gate.set({ kind: "sign-in" })
        if (problem.kind === "forbidden") gate.set({ kind: "forbidden", detail: problem.detail })
      })
    )
  )

/** After so long a call has no answer, whatever the connection looks like. */
const patience = "20 seconds"

/** What is asked of the client, and answered in time. */
export const told = <A>(
  call: (jarvis: Client) => Effect.Effect<A, Failure>
): Effect.Effect<A, Problem, Jarvis> =>
  Effect.timeoutOrElse(asked(call), {
    duration: patience,
    orElse: () => Effect.fail<Problem>({ kind: "network" })
  })

const longestWait = 30_000

/** Asks again until what stands in the way has passed, each time after a longer while: 1 s, doubling to 30 s. */
export const patiently = <A>(
  call: Effect.Effect<A, Problem, Jarvis>,
  onProblem: (problem: Problem, wait: number) => void,
  wait = 1000
): Effect.Effect<A, Problem, Jarvis> =>
  Effect.catch(call, (problem) => {
    if (!isPassing(problem)) return Effect.fail(problem)
    onProblem(problem, wait)
    return Effect.andThen(Effect.sleep(wait), patiently(call, onProblem, Math.min(wait * 2, longestWait)))
  })
