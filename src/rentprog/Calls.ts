/**
 * Calls of RentProg's API: within their quota, with a token that holds, and with every status given its meaning.
 */
import { Effect } from "effect"
import { HttpClientRequest } from "effect/http"
import type { Branch } from "../domain/Branch.ts"
import {
  RentProgBadResponse,
  type RentProgError,
  RentProgNotFound,
  RentProgRateLimited,
  RentProgUnauthorized
} from "../domain/Reason.ts"
import { readJson } from "./Json.ts"
import { Patience } from "./Patience.ts"
import type { Quota } from "./Quota.ts"
import type { Tokens } from "./Token.ts"
import type { Transport } from "./Transport.ts"

/** The JSON of a 200. */
export interface Reply {
  readonly json: unknown
  /** Epoch ms, just before the answering call went out. */
  readonly sentAt: number
}

/** Whose calls they are: what they bear, and what they spend. */
export interface Caller {
  readonly baseUrl: string
  readonly tokens: Tokens
  readonly quota: Quota
}

type Calls = ReturnType<Effect.Success<ReturnType<typeof make>>>
/** One `GET` below the base address. */
export type Read = Calls["get"]
/** One `POST` of JSON. */
export type Post = Calls["post"]

/** RentProg: `Retry-After` is in seconds, and 60 where it is missing. */
const usualWait = 60
/** No quota of RentProg is longer than a minute: a wait beyond this is an error of somebody's, not an answer. */
const longestWait = 300

/** In ms. */
const waitOf = (retryAfter = ""): number =>
  (/^\d+$/.test(retryAfter) ? Math.min(Number(retryAfter), longestWait) : usualWait) * 1000

export const make = Effect.fnUntraced(function* (transport: Transport) {
  const { retriesAfter429 } = yield* Patience

  return ({ baseUrl, quota, tokens }: Caller) => {
    /** Waits for quota first. Fails with `RentProgNotFound` on a 404. */
    const call = Effect.fn("RentProg.read")(function* (
      branch: Branch,
      path: string,
      unsigned: HttpClientRequest.HttpClientRequest
    ): Effect.fn.Return<Reply, RentProgError> {
      yield* Effect.annotateCurrentSpan({ branch, path })
      const request = HttpClientRequest.acceptJson(unsigned)
      const what = `${request.method} ${path} for branch ${branch}`
      let isRenewed = false
      let limited = 0

      while (true) {
        let token = yield* tokens.get(branch)
        const prepare = quota.take(branch).pipe(
          // The wait may have outlived the token.
          Effect.andThen(tokens.get(branch)),
          Effect.map((current) => {
            token = current
            return HttpClientRequest.bearerToken(request, current.value)
          })
        )
        const { body, retryAfter, sentAt, status } = yield* transport.send(branch, what, prepare)
        switch (status) {
          case 200: {
            yield* tokens.took(branch, true)
            const json = yield* readJson(body).pipe(
              Effect.mapError(
                () => new RentProgBadResponse({ detail: `${what} was answered with broken JSON` })
              )
            )
            return { json, sentAt }
          }
          case 401:
          case 403: {
            if (status === 401 && !isRenewed) {
              isRenewed = true
              if (yield* tokens.discard(branch, token)) break
            }
            yield* tokens.took(branch, false)
            return yield* new RentProgUnauthorized({
              detail: `${what} was answered ${status}: correct its token in ${tokens.setting}`
            })
          }
          case 404:
            yield* tokens.took(branch, true)
            return yield* new RentProgNotFound({ detail: `${what} was answered 404` })
          case 429:
            yield* quota.pause(branch, waitOf(retryAfter))
            limited += 1
            if (limited > retriesAfter429) {
              return yield* new RentProgRateLimited({ detail: `${what} was answered 429 ${limited} times` })
            }
            break
          default:
            return yield* new RentProgBadResponse({ detail: `${what} was answered ${status}` })
        }
      }
    })

    const get = (
      branch: Branch,
      path: string,
      params: Readonly<Record<string, number | string>> = {}
    ): Effect.Effect<Reply, RentProgError> =>
      call(branch, path, HttpClientRequest.get(`${baseUrl}${path}`, { urlParams: params }))

    const post = (
      branch: Branch,
      path: string,
      body: unknown,
      headers: Readonly<Record<string, string>>
    ): Effect.Effect<Reply, RentProgError> =>
      call(
        branch,
        path,
        HttpClientRequest.post(`${baseUrl}${path}`, { headers }).pipe(HttpClientRequest.bodyJsonUnsafe(body))
      )

    return { get, post }
  }
})
