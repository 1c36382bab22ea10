/** What every answer has, whoever gives it: problem details where it is none, headers, limits, a span, a line of the log. */
import { STATUS_CODES } from "node:http"
import { Cause, Clock, Effect, Metric, Option } from "effect"
import {
  Headers,
  HttpMiddleware,
  HttpRouter,
  HttpServerError,
  HttpServerRequest,
  HttpServerResponse,
  HttpTraceContext,
  ProblemDetails
} from "effect/http"

/** Nothing but what this server itself sends; no frame, no form, no script in a page that is not named here. */
export const policy = ({ scripts, styles }: { readonly scripts: string; readonly styles: string }) =>
  [
    "default-src 'none'",
    `script-src ${scripts}`,
    `style-src ${styles}`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'"
  ].join("; ")

const headers = {
  "content-security-policy": policy({ scripts: "'self'", styles: "'self'" }),
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "cache-control": "no-store"
}

/** A proxy must not hold back what is told live. */
const unheld = { "x-accel-buffering": "no" }

/** Whatever is set already stays. */
const withHeaders = (response: HttpServerResponse.HttpServerResponse) =>
  HttpServerResponse.setHeaders(
    response,
    Headers.merge(
      Headers.fromInput(response.body._tag === "Stream" ? { ...headers, ...unheld } : headers),
      response.headers
    )
  )

/** Not what the router says in a plain word or none; what a handler answers as JSON stands. */
const isBare = ({ headers, status }: HttpServerResponse.HttpServerResponse) =>
  status >= 400 && !/^application\/(problem\+)?json/.test(headers["content-type"] ?? "")

/** Seconds after which whoever met a database that is away may come again. */
const retryAfter = "5"

const withProblem = (response: HttpServerResponse.HttpServerResponse) => {
  const { status } = response
  const problem = isBare(response)
    ? ProblemDetails.toResponse({
        type: ProblemDetails.blankType,
        status,
        title: STATUS_CODES[status] ?? "Error"
      })
    : response
  return status === 503 && problem.headers["retry-after"] === undefined
    ? HttpServerResponse.setHeader(problem, "retry-after", retryAfter)
    : problem
}

/** How long an answer may take to begin. */
const mostTime = "30 seconds"

/** As it may be logged: an address, however it is spelt, may hold a token, and a search may be for a person. */
const loggablePath = (url: string) =>
  /^\/(api|health)(\/[\w-]+)*(?=$|\?)|^\/(webhooks\/\w+(?=$|\?|\/)|metrics$|docs$|openapi\.json$|$)/.exec(
    url
  )?.[0] ?? "…"

/** Tells of a defect, to the log alone. */
const recover = (cause: Cause.Cause<unknown>) =>
  Effect.flatMap(HttpServerError.causeResponse(cause), ([response]) =>
    response.status < 500
      ? Effect.succeed(response)
      : Effect.as(Effect.logError("a request failed", cause), response)
  )

/** How requests that bring rows were answered. A token that was changed on one side alone shows here. */
const webhooks = Metric.counter("jarvis_webhooks_total", {
  description: "Requests to /webhooks by HTTP status",
  incremental: true
})
export const countWebhook = (status: number) =>
  Metric.update(Metric.withAttributes(webhooks, { status: String(status) }), 1)

/** For all routes. */
export const answers = HttpRouter.middleware(
  (handler) =>
    Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const began = yield* Clock.currentTimeMillis
      const response = yield* handler.pipe(
        Effect.timeoutOrElse({
          duration: mostTime,
          orElse: () => Effect.succeed(HttpServerResponse.empty({ status: 503 }))
        }),
        Effect.catchCause((cause) =>
          Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : recover(cause)
        ),
        Effect.map((response) => withHeaders(withProblem(response))),
        Effect.tap(({ status }) => Effect.annotateCurrentSpan({ "http.response.status_code": status })),
        Effect.withSpan("http", {
          kind: "server",
          parent: Option.getOrUndefined(HttpTraceContext.fromHeaders(request.headers)),
          attributes: { "http.request.method": request.method }
        })
      )
      if (/^\/+webhooks/i.test(request.url)) yield* countWebhook(response.status)
      yield* Effect.logDebug("http").pipe(
        Effect.annotateLogs({
          method: request.method,
          path: loggablePath(request.url),
          status: response.status,
          ms: (yield* Clock.currentTimeMillis) - began
        })
      )
      return response
    }),
  { global: true }
)

/** Server-sent events go out as they are: a compressor would hold them back. */
export const compressed = HttpRouter.middleware(
  HttpMiddleware.compression({
    compressible: (type) => /^(text\/(?!event-stream)|application\/(.*\+)?json|image\/svg)/.test(type)
  }),
  { global: true }
)
