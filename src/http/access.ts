/** Who may come in: who has the token, or, where none is set, requests from this machine alone. */
import { createHash, timingSafeEqual } from "node:crypto"
import { Duration, Effect, Layer, Option, Predicate, Redacted, Result } from "effect"
import { HttpEffect, HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { RateLimiter } from "effect/persistence"
import { Settings } from "../Settings.ts"
import { AdminAccess, Operator, WebhookAccess } from "./api/Access.ts"
import { Forbidden, TooManyRequests, Unauthorized } from "./api/Problems.ts"

const isLoopback = (address: string): boolean => /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address)

/** `localhost:3000`, `127.0.0.1:3000`, `[::1]` */
const isLoopbackName = (host: string): boolean =>
  /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i.test(host)

/** Whether a page of this very server made a browser send the request: whatever else listens on this machine is another site. */
const isOfThisServer = (origin: string, host: string): boolean => {
  const server = `http://${host}`
  return URL.canParse(server) && new URL(server).origin === origin
}

/** What proxies say of whom they pass on. */
const proxyHeaders = [
  "forwarded",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-forwarded-server",
  "x-real-ip",
  "x-client-ip",
  "true-client-ip",
  "cf-connecting-ip"
]

/** Proxies that say nothing of themselves, as nginx does by default, speak HTTP/1.0. */
const isOld = (source: object): boolean =>
  Predicate.hasProperty(source, "httpVersion") && source.httpVersion === "1.0"

/**
 * Whether a request was made on this machine, and by nobody else's leave: not one that a proxy passed on, nor one that a
 * page of another site or port made a browser send, be it by a name that leads here. A proxy can hide what it does, so where
 * there is one, tokens have to be set.
 */
const isOfThisMachine = ({
  headers,
  remoteAddress,
  source
}: HttpServerRequest.HttpServerRequest): boolean => {
  const { host = "", origin } = headers
  return (
    Option.exists(remoteAddress, isLoopback) &&
    !isOld(source) &&
    isLoopbackName(host) &&
    (origin === undefined || isOfThisServer(origin, host)) &&
    /^(none|same-origin)$/.test(headers["sec-fetch-site"] ?? "none") &&
    proxyHeaders.every((name) => headers[name] === undefined)
  )
}

const addressOf = ({ remoteAddress }: HttpServerRequest.HttpServerRequest) =>
  Option.getOrElse(remoteAddress, () => "unknown")

const digest = (text: string) => createHash("sha256").update(text).digest()

/** In a time that says nothing about either. */
const isSame = (given: Redacted.Redacted, expected: Redacted.Redacted): boolean =>
  timingSafeEqual(digest(Redacted.value(given)), digest(Redacted.value(expected)))

/** How many requests of an address may have a wrong token at a time; one more is allowed every three seconds. */
const bucket = { limit: 20, window: "1 minute", algorithm: "token-bucket", onExceeded: "fail" } as const

const makeCheck = Effect.gen(function* () {
  const limiter = yield* RateLimiter.RateLimiter

  /** Counts against the address. Addresses share 65,536 counts, so that nobody can make them many. */
  const refuse = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest, detail: string) {
    const key = digest(addressOf(request)).toString("hex", 0, 2)
    yield* limiter.consume({ ...bucket, key }).pipe(
      Effect.catchReason("RateLimiterError", "RateLimitExceeded", ({ retryAfter }) =>
        Effect.andThen(
          HttpEffect.appendPreResponseHandler((_, response) =>
            Effect.succeed(
              HttpServerResponse.setHeader(
                response,
                "retry-after",
                String(Math.ceil(Duration.toSeconds(retryAfter)))
              )
            )
          ),
          new TooManyRequests({ detail: "Too many requests of this address had a wrong token." })
        )
      ),
      Effect.catchTag("RateLimiterError", Effect.die)
    )
    return yield* new Unauthorized({ detail })
  })

  /** Answers the request of whoever may come in. `setting` names the token to others. */
  return Effect.fnUntraced(function* (
    setting: string,
    expected: Option.Option<Redacted.Redacted>,
    given: Redacted.Redacted
  ) {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (Option.isSome(expected)) {
      if (isSame(given, expected.value)) return request
      const what = Redacted.value(given) === "" ? "No token is given" : "The token is wrong"
      return yield* refuse(request, `${what}: it is the one of ${setting}.`)
    }
    if (isOfThisMachine(request)) return request
    return yield* new Forbidden({
      detail: `${setting} is not set, so only requests from this machine are answered. Set it to let others in.`
    })
  })
}).pipe(Effect.provide(RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory))))

/** People and their scripts. */
export const admin = Layer.effect(
  AdminAccess,
  Effect.gen(function* () {
    const { adminToken } = yield* Settings
    const check = yield* makeCheck
    return AdminAccess.of({
      bearer: (handler, { credential }) =>
        Effect.flatMap(check("JARVIS_ADMIN_TOKEN", adminToken, credential), (request) =>
          Effect.provideService(handler, Operator, {
            name: operatorName(request.headers["jarvis-operator"]),
            address: addressOf(request)
          })
        )
    })
  })
)

/** RentProg can be given an address and nothing else, so the token may stand in the path. */
export const webhook = Layer.effect(
  WebhookAccess,
  Effect.gen(function* () {
    const { webhookToken } = yield* Settings
    const check = yield* makeCheck
    return WebhookAccess.of({
      bearer: (handler, { credential }) =>
        Effect.gen(function* () {
          const { token } = yield* HttpRouter.params
          const given = token === undefined ? credential : Redacted.make(token)
          yield* check("JARVIS_WEBHOOK_TOKEN", webhookToken, given)
          return yield* handler
        })
    })
  })
)

/** As the browser sends it, percent-encoded, because headers are not made for names. */
const operatorName = (header = ""): string =>
  Result.getOrElse(
    Result.try(() => decodeURIComponent(header)),
    () => header
  )
    .replace(/[\p{Cc}\p{Cs}]/gu, "")
    .trim()
    .slice(0, 100) || "operator"
