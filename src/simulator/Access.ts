/**
 * Who may ask a simulated RentProg, and how often: tokens and quotas.
 */
import { Clock, DateTime, Duration, Effect, Schema } from "effect"
import type { Branch } from "../domain/Branch.ts"
import { employerOf, ownerOf } from "./Companies.ts"

/** A call that gets no answer, with the HTTP status that says so. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", {
  status: Schema.Number,
  detail: Schema.String,
  /** After how many seconds to ask again, where that is known. */
  retryAfter: Schema.optionalKey(Schema.Number)
}) {}

/** What access depends on; read anew with each call. */
export interface AccessRules {
  /** How long a token lives. */
  readonly tokenLifetime: Duration.Input
  /** Record and list calls that a company token is good for in a minute. */
  readonly readsPerMinute: number
  /** Pages of the operations log that a user's token is good for in a minute. */
  readonly searchesPerMinute: number
  /** Calls of `get_token` that a company token is good for in a minute. */
  readonly tokensPerMinute: number
}

/** A token as `get_token` answers it: `exp` is an instant such as `2025-09-30T23:33:37.000+00:00`. */
export interface IssuedToken {
  readonly token: string
  readonly exp: string
}

const minute = 60_000

/** No tokens issued and no quota spent yet. */
export const makeAccess = (rules: () => AccessRules) => {
  const tokens = new Map<string, { readonly branch: Branch; readonly expires: number }>()
  const windows = new Map<string, { readonly start: number; used: number }>()
  let issued = 0

  /** One call of the quota; a minute begins with the first call that no running minute covers. */
  const spend = (name: string, allowed: number, now: number): Effect.Effect<void, Refused> =>
    Effect.suspend(() => {
      const running = windows.get(name)
      const window = running !== undefined && now < running.start + minute ? running : { start: now, used: 0 }
      windows.set(name, window)
      if (window.used >= allowed) {
        const retryAfter = Math.ceil((window.start + minute - now) / 1000)
        return Effect.fail(new Refused({ status: 429, detail: "Too many requests", retryAfter }))
      }
      window.used += 1
      return Effect.void
    })

  /** A new token for the branch that owns the company token. */
  const issue = Effect.fnUntraced(function* (companyToken: string) {
    const branch = ownerOf(companyToken)
    if (branch === undefined) return yield* new Refused({ status: 401, detail: "Unknown company token" })
    const now = yield* Clock.currentTimeMillis
    yield* spend(`token:${branch}`, rules().tokensPerMinute, now)
    issued += 1
    const token = `simulated-token-${issued}`
    const expires = now + Duration.toMillis(rules().tokenLifetime)
    tokens.set(token, { branch, expires })
    const exp = DateTime.formatIso(DateTime.makeUnsafe(expires)).replace("Z", "+00:00")
    return { token, exp } satisfies IssuedToken
  })

  /** The branch whose token it is, expired or not, for the log. */
  const branchOfToken = (token: string): Branch | undefined => tokens.get(token)?.branch ?? employerOf(token)

  /** Lets one read through, and says for which branch. */
  const admit = Effect.fnUntraced(function* (token: string) {
    const now = yield* Clock.currentTimeMillis
    const known = tokens.get(token)
    if (known === undefined || known.expires <= now) {
      return yield* new Refused({ status: 401, detail: "Token is unknown or has expired" })
    }
    yield* spend(`read:${known.branch}`, rules().readsPerMinute, now)
    return known.branch
  })

  /** Lets one search of a user through, of a quota of its own, and says for which branch. */
  const admitUser = Effect.fnUntraced(function* (userToken: string) {
    const branch = employerOf(userToken)
    if (branch === undefined) return yield* new Refused({ status: 401, detail: "Unknown user token" })
    yield* spend(`search:${branch}`, rules().searchesPerMinute, yield* Clock.currentTimeMillis)
    return branch
  })

  /** Ends the life of every token issued so far; those of users live on. */
  const expireTokens = Effect.sync(() => {
    for (const [token, { branch }] of tokens) tokens.set(token, { branch, expires: 0 })
  })

  return { issue, branchOfToken, admit, admitUser, expireTokens }
}

export type Access = ReturnType<typeof makeAccess>
