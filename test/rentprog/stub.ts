/**
 * A RentProg in memory, for what depends on time: it answers as a test says, under the test's clock.
 */
import { Clock, Effect, Fiber, Layer, Redacted } from "effect"
import { HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Branch } from "../../src/domain/Branch.ts"
import { type EntityKey, type EntityType, RentprogId } from "../../src/domain/Entity.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"

export const tbilisi = Branch.make("tbilisi")
export const kutaisi = Branch.make("kutaisi")

export const key = (entityType: EntityType, id: number): EntityKey => ({
  entityType,
  entityId: RentprogId.make(String(id))
})

/** A call as it came in. */
export interface Call {
  /** Epoch ms of the test's clock. */
  readonly at: number
  /** Below the base address: `/cars/1`. */
  readonly path: string
  readonly params: URLSearchParams
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  /** The JSON that was posted. */
  readonly body: unknown
  /** The company token or token it bore. */
  readonly bearer: string
  /** How many calls came before it, those for tokens apart. */
  readonly number: number
}

/** An answer: a response, `hang` for none ever, `drop` for a broken connection. */
export type Answer = Response | "hang" | "drop"

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers })

/** What a record's address answers where all is well. */
export const record = ({ path }: Call): Response => json({ id: Number(path.split("/").at(-1)) })

export interface Stub {
  /** Reads so far. */
  readonly reads: Array<Call>
  /** Token requests so far. */
  readonly tokenRequests: Array<Call>
  readonly layer: Layer.Layer<HttpClient.HttpClient>
}

/** Tokens are `token-1`, `token-2` …, and live 4 minutes, unless `token` says otherwise. */
export const makeStub = (read: (call: Call) => Answer, token?: (call: Call) => Answer | undefined): Stub => {
  const reads: Array<Call> = []
  const tokenRequests: Array<Call> = []
  const client = HttpClient.make((request, url) =>
    Effect.gen(function* () {
      const at = yield* Clock.currentTimeMillis
      const path = url.pathname.replace(/^\/api(\/public)?/, "")
      const params = url.searchParams
      const bearer =
        params.get("company_token") ?? (request.headers["authorization"] ?? "").slice("Bearer ".length)
      const log = path === "/get_token" ? tokenRequests : reads
      const { headers, method } = request
      const sent = request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : "null"
      const body: unknown = JSON.parse(sent)
      const call = { at, path, params, method, headers, body, bearer, number: log.length }
      log.push(call)
      const exp = new Date(at + 240_000).toISOString().replace("Z", "+00:00")
      const answer =
        path === "/get_token" ? (token?.(call) ?? json({ token: `token-${log.length}`, exp })) : read(call)
      if (answer === "hang") return yield* Effect.never
      if (answer === "drop") {
        return yield* new HttpClientError.HttpClientError({
          reason: new HttpClientError.TransportError({ request, cause: new Error("socket hang up") })
        })
      }
      return HttpClientResponse.fromWeb(request, answer)
    })
  )
  return { reads, tokenRequests, layer: Layer.succeed(HttpClient.HttpClient, client) }
}

/** The client against a stub, with company tokens for tbilisi and kutaisi. */
export const rentProg = (
  stub: Stub,
  readsPerMinute = 1_000_000,
  searchesPerMinute = 1_000_000
): Layer.Layer<RentProg> =>
  RentProg.layer({
    baseUrl: "http://rentprog.test/api/public",
    tokens: new Map([tbilisi, kutaisi].map((branch) => [branch, Redacted.make(`company-secret-${branch}`)])),
    userTokens: new Map([tbilisi, kutaisi].map((branch) => [branch, Redacted.make(`user-secret-${branch}`)])),
    readsPerMinute,
    searchesPerMinute
  }).pipe(Layer.provide(stub.layer))

/** Lets what waits for bodies, not for time, go on. */
const breathe = Effect.promise(
  () => new Promise<void>((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))
)

/** Lets the test's clock run for so many milliseconds. */
export const elapse = Effect.fnUntraced(function* (millis: number) {
  for (let left = millis; left > 0; left -= 100) {
    yield* breathe
    yield* TestClock.adjust(Math.min(left, 100))
  }
  yield* breathe
})

/** Runs an effect, and the test's clock for as long as it takes. */
export const inTime = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.forkChild(effect)
  while (fiber.pollUnsafe() === undefined) yield* elapse(100)
  return yield* Fiber.join(fiber)
})
