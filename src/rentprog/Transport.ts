/**
 * One call of RentProg's API on the wire: timed, guarded by the branch's circuit breaker, and made again where the
 * network or the server failed.
 */
import { Clock, Data, Duration, Effect, Exit, Metric, Predicate } from "effect"
import { HttpClient, type HttpClientRequest } from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import type { Branch } from "../domain/Branch.ts"
import { RentProgTimeout, RentProgUnavailable } from "../domain/Reason.ts"
import type { Standing } from "../domain/Standing.ts"
import { Patience } from "./Patience.ts"

/** What came back, whole, with any status below 500. */
export interface Answer {
  readonly status: number
  readonly body: string
  /** The header `Retry-After` as it stands. */
  readonly retryAfter: string | undefined
  /** Epoch ms, just before the call went out. */
  readonly sentAt: number
}

/** Every call made, those for tokens and those tried again included; `status` may be `timeout` or `connection`. */
const callsTotal = Metric.counter("jarvis_rentprog_calls_total", {
  description: "Calls of RentProg's API by branch and HTTP status",
  incremental: true
})

/** A call that got no answer, or a 5xx: worth another try, and a failure in the eyes of the breaker. */
class Broken extends Data.TaggedError("Broken")<{
  readonly status: string
  readonly error: RentProgUnavailable | RentProgTimeout
}> {}

const unavailable = (status: string, detail: string) =>
  new Broken({ status, error: new RentProgUnavailable({ detail }) })

/** What is at the bottom of an error of the HTTP client: `ECONNREFUSED`. */
const bottomOf = (error: unknown): string => {
  if (Predicate.hasProperty(error, "cause") && error.cause !== undefined) return bottomOf(error.cause)
  if (Predicate.hasProperty(error, "code")) return String(error.code)
  return Predicate.isError(error) ? error.message : String(error)
}

const outcomeOf = (exit: Exit.Exit<Answer, Broken>): CircuitBreaker.Outcome => {
  if (Exit.isFailure(exit)) return CircuitBreaker.failure()
  return exit.value.status === 429 ? CircuitBreaker.ignored : CircuitBreaker.success
}

export const make = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  const patience = yield* Patience
  const breaker = yield* CircuitBreaker.make({
    tripPolicy: CircuitBreaker.consecutive(patience.failuresToOpen),
    openDuration: patience.openFor
  })

  const call = (branch: Branch, what: string, request: HttpClientRequest.HttpClientRequest) => {
    const count = (status: string) => Metric.update(Metric.withAttributes(callsTotal, { branch, status }), 1)
    return Effect.gen(function* () {
      const sentAt = yield* Clock.currentTimeMillis
      const response = yield* client.execute(request)
      const body = yield* response.text
      const { headers, status } = response
      if (status >= 500) return yield* unavailable(String(status), `${what} was answered ${status}`)
      return { status, body, retryAfter: headers["retry-after"], sentAt } satisfies Answer
    }).pipe(
      Effect.catchTag("HttpClientError", (error) =>
        Effect.fail(unavailable("connection", `${what} failed: ${bottomOf(error)}`))
      ),
      Effect.timeoutOrElse({
        duration: patience.callTimeout,
        orElse: () => {
          const detail = `${what} had no whole answer within ${Duration.format(Duration.fromInputUnsafe(patience.callTimeout))}`
          return Effect.fail(new Broken({ status: "timeout", error: new RentProgTimeout({ detail }) }))
        }
      }),
      Effect.tap(({ status }) => count(String(status))),
      Effect.tapError(({ status }) => count(status))
    )
  }

  const openCircuit = (branch: Branch) =>
    new RentProgUnavailable({
      detail: `circuit open: ${patience.failuresToOpen} calls for branch ${branch} failed in a row; a call tries again every ${Duration.format(Duration.fromInputUnsafe(patience.openFor))}`
    })

  const circuit = (branch: Branch) => Effect.orDie(breaker.state(branch))

  /** Whether a call of the branch would be turned away, the one that tries whether RentProg is back apart. */
  const isOpen = (branch: Branch): Effect.Effect<boolean> =>
    Effect.map(
      circuit(branch),
      (state) =>
        (state._tag === "Open" && Duration.isPositive(state.retryAfter)) ||
        (state._tag === "HalfOpen" && state.probing)
    )

  const breakerOf = (branch: Branch): Effect.Effect<Standing["breaker"]> =>
    Effect.map(circuit(branch), (state) => {
      if (state._tag === "Closed") return "closed"
      return state._tag === "Open" && Duration.isPositive(state.retryAfter) ? "open" : "half-open"
    })

  /**
   * Makes the call that `prepare` has ready, which may wait for its turn; each further try prepares anew. `what` says
   * in errors which call it was.
   */
  const send = <E>(
    branch: Branch,
    what: string,
    prepare: Effect.Effect<HttpClientRequest.HttpClientRequest, E>
  ): Effect.Effect<Answer, E | RentProgTimeout | RentProgUnavailable> =>
    isOpen(branch).pipe(
      // Or it would wait for quota only to be turned away.
      Effect.filterOrFail(
        (open) => !open,
        () => openCircuit(branch)
      ),
      Effect.andThen(prepare),
      Effect.flatMap((request) =>
        call(branch, what, request).pipe(breaker.execute({ key: branch, classify: outcomeOf }))
      ),
      Effect.retry({ schedule: patience.retry, while: (error) => error instanceof Broken }),
      Effect.mapError((error) => {
        if (error instanceof Broken) return error.error
        return error instanceof CircuitBreaker.CircuitBreakerError ? openCircuit(branch) : error
      })
    )

  return { send, isOpen, breakerOf }
}).pipe(Effect.provide(CircuitBreaker.layerStoreMemory()))

export type Transport = Effect.Success<typeof make>
