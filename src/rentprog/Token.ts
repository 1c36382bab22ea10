/**
 * The tokens that calls bear: one for each branch, shared by all its calls until shortly before it runs out.
 */
import { Cache, Clock, DateTime, Duration, Effect, Exit, Option, Redacted, Schema } from "effect"
import { HttpClientRequest } from "effect/http"
import type { Branch } from "../domain/Branch.ts"
import {
  RentProgBadResponse,
  type RentProgError,
  RentProgRateLimited,
  RentProgUnauthorized
} from "../domain/Reason.ts"
import type { Standing } from "../domain/Standing.ts"
import { Patience } from "./Patience.ts"
import type { Transport } from "./Transport.ts"

export interface Token {
  readonly value: Redacted.Redacted
  /** How long from its arrival on the token is used, in ms. */
  readonly lifetime: number
}

export interface Tokens {
  /** The branch's token, asked for where there is none; callers that come meanwhile share the answer. */
  readonly get: (branch: Branch) => Effect.Effect<Token, RentProgError>
  /** Forgets a token that RentProg refused, unless another has taken its place. False where no other can be had. */
  readonly discard: (branch: Branch, token: Token) => Effect.Effect<boolean>
  /** Where a person corrects it. */
  readonly setting: "RENTPROG_TOKENS" | "RENTPROG_HISTORY_TOKENS"
  /** Remembers whether RentProg took the branch's token for what it is. */
  readonly took: (branch: Branch, isTaken: boolean) => Effect.Effect<void>
  /** How RentProg took the branch's token the last time. */
  readonly standing: (branch: Branch) => Effect.Effect<Standing["token"]>
}

/** How RentProg takes the tokens that a setting has. */
const reception = (given: ReadonlyMap<Branch, Redacted.Redacted>) => {
  const refused = new Set<Branch>()
  return {
    took: (branch, isTaken) =>
      Effect.sync(() => {
        if (isTaken) refused.delete(branch)
        else refused.add(branch)
      }),
    standing: (branch) =>
      Effect.sync(() => (!given.has(branch) ? "missing" : refused.has(branch) ? "refused" : "ok"))
  } satisfies Pick<Tokens, "took" | "standing">
}

/** A JWT: what it claims is its middle part. */
const Claims = Schema.StringFromBase64Url.pipe(
  Schema.decodeTo(Schema.fromJsonString(Schema.Struct({ exp: Schema.Finite })))
)

/** Until when a token lives, where it says so, as a JWT does. */
export const expiryOf = (token: Redacted.Redacted): Option.Option<DateTime.Utc> =>
  Schema.decodeUnknownOption(Claims)(Redacted.value(token).split(".")[1]).pipe(
    Option.flatMap(({ exp }) => DateTime.make(exp * 1000))
  )

/** A clock that is ahead of RentProg's must not cost a token request for each read. */
const shortestUse = Duration.toMillis("15 seconds")

const Issued = Schema.fromJsonString(
  Schema.Struct({ token: Schema.RedactedFromValue(Schema.NonEmptyString), exp: Schema.DateTimeUtcFromString })
)

export const make = Effect.fnUntraced(function* (
  transport: Transport,
  baseUrl: string,
  companyTokens: ReadonlyMap<Branch, Redacted.Redacted>
) {
  const margin = Duration.toMillis((yield* Patience).tokenMargin)
  const { standing, took } = reception(companyTokens)

  const ask = Effect.fn("RentProg.getToken")(function* (branch: Branch) {
    yield* Effect.annotateCurrentSpan({ branch })
    const companyToken = companyTokens.get(branch)
    if (companyToken === undefined) {
      return yield* new RentProgUnauthorized({
        detail: `no token for branch ${branch}: add it to RENTPROG_TOKENS`
      })
    }
    const request = HttpClientRequest.get(`${baseUrl}/get_token`).pipe(
      HttpClientRequest.setUrlParam("company_token", companyToken)
    )
    const what = `GET /get_token for branch ${branch}`
    const { body, status } = yield* transport.send(branch, what, Effect.succeed(request))
    switch (status) {
      case 200:
        break
      case 401:
      case 403:
        yield* took(branch, false)
        return yield* new RentProgUnauthorized({
          detail: `RentProg refuses the company token of branch ${branch} (${status}): correct it in RENTPROG_TOKENS`
        })
      case 429:
        return yield* new RentProgRateLimited({ detail: `${what} was answered 429` })
      default:
        return yield* new RentProgBadResponse({ detail: `${what} was answered ${status}` })
    }
    const now = yield* Clock.currentTimeMillis
    const { exp, token } = yield* Schema.decodeUnknownEffect(Issued)(body).pipe(
      // The cause may quote the token.
      Effect.mapError(() => new RentProgBadResponse({ detail: `${what} brought no token with an exp` }))
    )
    return {
      value: token,
      lifetime: Math.max(DateTime.toEpochMillis(exp) - now - margin, shortestUse)
    } satisfies Token
  })

  const tokens = yield* Cache.makeWith(ask, {
    capacity: Number.POSITIVE_INFINITY,
    timeToLive: (exit) => (Exit.isSuccess(exit) ? exit.value.lifetime : 0)
  })

  return {
    get: (branch) => Cache.get(tokens, branch),
    discard: (branch, token) =>
      Effect.as(
        Cache.invalidateWhen(tokens, branch, (current) => current === token),
        true
      ),
    setting: "RENTPROG_TOKENS",
    took,
    standing
  } satisfies Tokens
})

/** Tokens of users, for the operations log: there is no other to ask for where RentProg refuses one. */
export const ofUsers = (userTokens: ReadonlyMap<Branch, Redacted.Redacted>): Tokens => ({
  ...reception(userTokens),
  get: (branch) => {
    const value = userTokens.get(branch)
    return value === undefined
      ? Effect.fail(
          new RentProgUnauthorized({
            detail: `no user token for branch ${branch}: add it to RENTPROG_HISTORY_TOKENS`
          })
        )
      : Effect.succeed({ value, lifetime: Number.POSITIVE_INFINITY })
  },
  setting: "RENTPROG_HISTORY_TOKENS",
  discard: () => Effect.succeed(false)
})
