/**
 * RentProg's API as a service: records, typed, by whichever calls are cheapest.
 */
import { Context, DateTime, Effect, Layer, Option, type Redacted, type Scope } from "effect"
import type { HttpClient } from "effect/http"
import type { Branch } from "../domain/Branch.ts"
import type { EntityKey } from "../domain/Entity.ts"
import type { RentProgError } from "../domain/Reason.ts"
import type { Standing } from "../domain/Standing.ts"
import * as Addresses from "./Addresses.ts"
import * as Calls from "./Calls.ts"
import * as Log from "./Log.ts"
import * as Lookup from "./Lookup.ts"
import * as Quota from "./Quota.ts"
import * as Token from "./Token.ts"
import * as Transport from "./Transport.ts"

export type { Fetched } from "./Addresses.ts"
export { Patience } from "./Patience.ts"

export interface RentProgOptions {
  /** `https://rentprog.net/api/v1/public`, without a slash at its end. */
  readonly baseUrl: string
  /** The company token of each branch. */
  readonly tokens: ReadonlyMap<Branch, Redacted.Redacted>
  /** The token of a user of each branch, for the operations log. */
  readonly userTokens: ReadonlyMap<Branch, Redacted.Redacted>
  /** How many reads each branch may make in any minute. RentProg: 120, shared with the company's other systems. */
  readonly readsPerMinute: number
  /** How many pages of its log each branch may read in any minute. RentProg: 30 searches, shared likewise. */
  readonly searchesPerMinute: number
}

export class RentProg extends Context.Service<
  RentProg,
  {
    /**
     * The record as it is now, as the branch's token sees it. Waits for quota as long as it takes. Wants that come
     * within a few milliseconds are satisfied together, each as soon as its own answer is there.
     *
     * - `RentProgNotFound`: 404 on both addresses
     * - `RentProgUnauthorized`: no token for the branch, or one that RentProg refuses
     * - `RentProgRateLimited`: 429 after every wait that it asked for
     * - `RentProgTimeout`, `RentProgUnavailable`: no answer or 5xx after every try, or the branch's circuit is open
     * - `RentProgBadResponse`: any other answer that is not the record asked for
     */
    readonly fetch: (branch: Branch, key: EntityKey) => Effect.Effect<Addresses.Fetched, RentProgError>
    /** Until the scope ends, no fetch of the branch waits for quota: one that does, or would, is interrupted. */
    readonly endWaits: (branch: Branch) => Effect.Effect<void, never, Scope.Scope>
    /**
     * A page of the branch's operations log, from 1, the newest entries first. Fails as `fetch` does, with
     * `RentProgUnauthorized` where the branch has no user token, and with `RentProgNotFound` where RentProg keeps its log
     * at the older address alone.
     */
    readonly searchLog: (branch: Branch, page: number) => Effect.Effect<Log.LogPage, RentProgError>
    /** A page of what was made in a window of the log, in any order, from the older address. */
    readonly listLog: (
      branch: Branch,
      window: Log.Window,
      page: number
    ) => Effect.Effect<Log.LogPage, RentProgError>
    /** When the branch's user token ends, where it says so. */
    readonly userTokenEnds: (branch: Branch) => Option.Option<DateTime.Utc>
    /** Where a branch stands with the API. Asks RentProg nothing and uses no quota up. */
    readonly standing: (branch: Branch) => Effect.Effect<Standing>
    /** The branches that have a token. */
    readonly branches: ReadonlyArray<Branch>
  }
>()("jarvis/rentprog/RentProg") {
  /** How long it waits and how often it tries is `Patience`, read when the layer is built. */
  static readonly layer = (options: RentProgOptions): Layer.Layer<RentProg, never, HttpClient.HttpClient> =>
    Layer.effect(RentProg, make(options))
}

const make = Effect.fnUntraced(function* (options: RentProgOptions) {
  const { baseUrl, readsPerMinute, searchesPerMinute, tokens, userTokens } = options
  const transport = yield* Transport.make
  const calls = yield* Calls.make(transport)

  const company = yield* Token.make(transport, baseUrl, tokens)
  const reads = yield* Quota.make(readsPerMinute)
  const { get } = calls({ baseUrl, tokens: company, quota: reads })
  /** Waits while a read would have to wait for quota; not where it would be turned away instead. */
  const ready = (branch: Branch): Effect.Effect<void> =>
    Effect.flatMap(transport.isOpen(branch), (isOpen) => (isOpen ? Effect.void : reads.ready(branch)))
  const { fetch } = yield* Lookup.make(Addresses.make(get), ready)

  const users = Token.ofUsers(userTokens)
  const { list, search } = Log.make(
    calls({
      baseUrl: baseUrl.replace(/\/public$/, ""),
      tokens: users,
      quota: yield* Quota.make(searchesPerMinute)
    })
  )

  const standing = Effect.fnUntraced(function* (branch: Branch): Effect.fn.Return<Standing> {
    const { left, pausedUntil } = yield* reads.standing(branch)
    const user = yield* users.standing(branch)
    return {
      quota_left: left,
      quota_most: reads.most,
      reads_per_minute: readsPerMinute,
      quota_paused_until: pausedUntil === null ? null : DateTime.makeUnsafe(pausedUntil),
      breaker: yield* transport.breakerOf(branch),
      token: yield* company.standing(branch),
      user_token: user === "missing" ? null : user
    }
  })

  return RentProg.of({
    fetch: (branch, key) =>
      tokens.has(branch)
        ? fetch(branch, key)
        : // It fails. Nothing is kept of a branch that somebody has made up: events may name any number of them.
          Effect.andThen(company.get(branch), fetch(branch, key)),
    endWaits: reads.endWaits,
    searchLog: search,
    listLog: list,
    userTokenEnds: (branch) => Option.flatMap(Option.fromNullishOr(userTokens.get(branch)), Token.expiryOf),
    standing,
    branches: Array.from(new Set([...tokens.keys(), ...userTokens.keys()]))
  })
})
