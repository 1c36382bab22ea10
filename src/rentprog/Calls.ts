/**
 * Reads of RentProg's API: within the quota, with a token that holds, and with every status given its meaning.
 */
import { DateTime, Effect, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import type { Branch } from "../domain/Branch.ts"
import {
  RentProgBadResponse,
  type RentProgError,
  RentProgNotFound,
  RentProgRateLimited,
  RentProgUnauthorized
} from "../domain/Reason.ts"
import type { Standing } from "../domain/Standing.ts"
import { Patience } from "./Patience.ts"
import * as Quota from "./Quota.ts"
import type { Token, Tokens } from "./Token.ts"
import type { Transport } from "./Transport.ts"

/** The JSON of a 200. */
export interface Reply {
  readonly json: unknown
  /** Epoch ms, just before the answering call went out. */
  readonly sentAt: number
}

export type Calls = Effect.Success<ReturnType<typeof make>>
export type Read = ReturnType<Calls["reader"]>

/** RentProg: `Retry-After` is in seconds, and 60 where it is missing. */
const usualWait = 60
/** No quota of RentProg is longer than a minute: a wait beyond this is an error of somebody's, not an answer. */
const longestWait = 300

/** In ms. */
const waitOf = (retryAfter = ""): number =>
  (/^\d+$/.test(retryAfter) ? Math.min(Number(retryAfter), longestWait) : usualWait) * 1000

const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

export const make = Effect.fnUntraced(function* (transport: Transport, readsPerMinute: number) {
  const { retriesAfter429 } = yield* Patience
  const quota = yield* Quota.make(readsPerMinute)

  /** One `GET` below `baseUrl`, waiting for quota first. Fails with `RentProgNotFound` on a 404. */
  const reader = (baseUrl: string, tokens: Tokens) =>
    Effect.fn("RentProg.read")(function* (
      branch: Branch,
      path: string,
      params: Readonly<Record<string, number | string>> = {}
    ): Effect.fn.Return<Reply, RentProgError> {
      yield* Effect.annotateCurrentSpan({ branch, path })
      const request = HttpClientRequest.get(`${baseUrl}${path}`).pipe(
        HttpClientRequest.setUrlParams(params),
        HttpClientRequest.acceptJson
      )
      const what = `GET ${path} for branch ${branch}`
      let refused: Token | undefined
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
            const json = yield* parse(body).pipe(
              Effect.mapError(
                () => new RentProgBadResponse({ detail: `${what} was answered with broken JSON` })
              )
            )
            return { json, sentAt }
          }
          case 401:
            if (refused !== undefined) {
              yield* tokens.took(branch, false)
              return yield* new RentProgUnauthorized({
                detail: `${what} was answered 401 to a new token as well`
              })
            }
            refused = token
            yield* tokens.discard(branch, token)
            break
          case 403:
            yield* tokens.took(branch, false)
            return yield* new RentProgUnauthorized({ detail: `${what} was answered 403` })
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

  /** Waits while a read would have to wait for quota; not where it would be turned away instead. */
  const ready = (branch: Branch): Effect.Effect<void> =>
    Effect.flatMap(transport.isOpen(branch), (isOpen) => (isOpen ? Effect.void : quota.ready(branch)))

  const standing = Effect.fnUntraced(function* (branch: Branch) {
    const { left, pausedUntil } = yield* quota.standing(branch)
    return {
      quota_left: left,
      quota_most: quota.most,
      reads_per_minute: readsPerMinute,
      quota_paused_until: pausedUntil === null ? null : DateTime.makeUnsafe(pausedUntil),
      breaker: yield* transport.breakerOf(branch)
    } satisfies Partial<Standing>
  })

  return { reader, ready, standing }
})
