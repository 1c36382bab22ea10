/**
 * One call of RentProg's API on the wire: timed, guarded by the branch's circuit breaker, and made again where the
 * network or the server failed.
 */
import { Clock, Data, Duration, Effect, Exit, Metric, Predicate, Stream } from "effect"
import {
  FetchHttpClient,
  HttpClient,
  type HttpClientError,
  HttpClientRequest,
  type HttpClientResponse
} from "effect/http"
import { CircuitBreaker } from "effect/persistence"
import type { Branch } from "../domain/Branch.ts"
import { RentProgBadResponse, RentProgTimeout, RentProgUnavailable } from "../domain/Reason.ts"
import type { Standing } from "../domain/Standing.ts"
import { Patience } from "./Patience.ts"
import { Tenure } from "./Tenure.ts"

/** What came back, whole, with any status below 500. */
export interface Answer {
  readonly status: number
  readonly body: string
  /** The header `Retry-After` as it stands. */
  readonly retryAfter: string | undefined
  /** Epoch ms, just before the call went out. */
  readonly sentAt: number
}

/** Every call made, those for tokens and those tried again included; `status` may be `timeout`, `connection` or `bad`. */
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

/** An answer that makes no sense is one all the same, and no reason to try again. */
type Answered = Answer | RentProgBadResponse

const outcomeOf = (exit: Exit.Exit<Answered, Broken>): CircuitBreaker.Outcome => {
  if (Exit.isFailure(exit)) return CircuitBreaker.failure()
  return "status" in exit.value && exit.value.status === 429 ? CircuitBreaker.ignored : CircuitBreaker.success
}

/** How large an answer may be: 32 MB. A page of a hundred records has a few hundred kB. */
const largestBody = 32 * 2 ** 20

/** How often in a row an answer may send the call elsewhere on its host. */
const mostRedirects = 3

/** Whether an answer says beforehand that it is no larger, and has nothing packed. */
const isBounded = ({ headers }: HttpClientResponse.HttpClientResponse): boolean =>
  headers["content-encoding"] === undefined &&
  Number(headers["content-length"] ?? Number.POSITIVE_INFINITY) <= largestBody

/** The whole body; one that is too large is given up where that shows, and its connection with it. */
const bodyOf = (response: HttpClientResponse.HttpClientResponse, what: string) => {
  // Setting up a stream takes longer than a record does.
  if (isBounded(response)) return response.text
  const bytes: Stream.Stream<Uint8Array, HttpClientError.HttpClientError | RentProgBadResponse> =
    response.stream
  return Stream.limitBytes(bytes, largestBody, () =>
    Stream.fail(
      new RentProgBadResponse({
        detail: `${what} was answered with more than ${largestBody / 2 ** 20} MB: see RENTPROG_BASE_URL`
      })
    )
  ).pipe(
    Stream.decodeText(),
    Stream.mkString,
    Effect.catchReason("HttpClientError", "EmptyBodyError", () => Effect.succeed(""))
  )
}

/** Where a redirect leads to, on the host that the request was for. Nobody else may see the token. */
const elsewhere = (request: HttpClientRequest.HttpClientRequest, location: string): URL | undefined => {
  const from = new URL(request.url)
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined
  return to?.host === from.host && (to.protocol === from.protocol || to.protocol === "https:")
    ? to
    : undefined
}

export const make = Effect.gen(function* () {
  const client = yield* HttpClient.HttpClient
  const patience = yield* Patience
  const tenure = yield* Tenure
  const breaker = yield* CircuitBreaker.make({
    tripPolicy: CircuitBreaker.consecutive(patience.failuresToOpen),
    openDuration: patience.openFor
  })

  const call = (branch: Branch, what: string, request: HttpClientRequest.HttpClientRequest) => {
    const count = (status: string) => Metric.update(Metric.withAttributes(callsTotal, { branch, status }), 1)
    return Effect.gen(function* () {
      const sentAt = yield* Clock.currentTimeMillis
      let to = request
      for (let redirects = 0; ; redirects += 1) {
        const response = yield* client
          .execute(to)
          .pipe(Effect.provideService(FetchHttpClient.RequestInit, { redirect: "manual" }))
        const body = yield* bodyOf(response, what)
        const { headers, status } = response
        if (status >= 500) return yield* unavailable(String(status), `${what} was answered ${status}`)
        const { location } = headers
        if (status < 300 || status >= 400 || location === undefined) {
          return { status, body, retryAfter: headers["retry-after"], sentAt } satisfies Answer
        }
        const url = elsewhere(to, location)
        if (url === undefined || redirects === mostRedirects) {
          return yield* new RentProgBadResponse({
            detail: `${what} was answered ${status}, which leads ${url === undefined ? "to another host" : "round and round"}: see RENTPROG_BASE_URL`
          })
        }
        to = HttpClientRequest.setUrl(to, url)
      }
    }).pipe(
      Effect.catchTag("RentProgBadResponse", (bad): Effect.Effect<Answered> => Effect.succeed(bad)),
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
      Effect.tap((answered) => count("status" in answered ? String(answered.status) : "bad")),
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
   * What `prepare` has ready, at a moment when the branch is certain to be this process's: it may have been frozen, or cut off
   * from the database, meanwhile. What was ready before that became certain is not, or all that waited would go out together.
   */
  const certain = <A, E>(branch: Branch, prepare: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(prepare, (prepared) =>
      Effect.flatMap(tenure.isCertain(branch), (isCertain) => {
        if (isCertain) return Effect.succeed(prepared)
        return Effect.flatMap(tenure.holds(branch), (holds) =>
          holds ? certain(branch, prepare) : Effect.interrupt
        )
      })
    )

  /**
   * Makes the call that `prepare` has ready, which may wait for its turn; each further try prepares anew. `what` says
   * in errors which call it was.
   *
   * Interrupted where another process has the branch by then. Fails with `RentProgBadResponse` where the answer leads to
   * another host, or is larger than 32 MB.
   */
  const send = <E>(
    branch: Branch,
    what: string,
    prepare: Effect.Effect<HttpClientRequest.HttpClientRequest, E>
  ): Effect.Effect<Answer, E | RentProgBadResponse | RentProgTimeout | RentProgUnavailable> =>
    isOpen(branch).pipe(
      // Or it would wait for quota only to be turned away.
      Effect.filterOrFail(
        (open) => !open,
        () => openCircuit(branch)
      ),
      Effect.andThen(certain(branch, prepare)),
      Effect.flatMap((request) =>
        call(branch, what, request).pipe(breaker.execute({ key: branch, classify: outcomeOf }))
      ),
      Effect.flatMap((answered) => ("status" in answered ? Effect.succeed(answered) : Effect.fail(answered))),
      Effect.retry({ schedule: patience.retry, while: (error) => error instanceof Broken }),
      Effect.mapError((error) => {
        if (error instanceof Broken) return error.error
        return error instanceof CircuitBreaker.CircuitBreakerError ? openCircuit(branch) : error
      })
    )

  return { send, isOpen, breakerOf }
}).pipe(Effect.provide(CircuitBreaker.layerStoreMemory()))

export type Transport = Effect.Success<typeof make>
