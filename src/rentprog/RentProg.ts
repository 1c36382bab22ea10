/**
 * RentProg's API as a service: records, typed, by whichever calls are cheapest.
 */
import { Context, Effect, Layer, type Redacted } from "effect"
import type { HttpClient } from "effect/http"
import type { Branch } from "../domain/Branch.ts"
import type { EntityKey } from "../domain/Entity.ts"
import type { LogEntry } from "../domain/History.ts"
import type { RentProgError } from "../domain/Reason.ts"
import type { Standing } from "../domain/Standing.ts"
import * as Addresses from "./Addresses.ts"
import * as Calls from "./Calls.ts"
import * as Log from "./Log.ts"
import * as Lookup from "./Lookup.ts"
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
    /**
     * The entries of the branch's operations log that were made from `from` until `to`, both in milliseconds since
     * 1970. Fails as `fetch` does, with `RentProgUnauthorized` where the branch has no user token.
     */
    readonly readLog: (
      branch: Branch,
      from: number,
      to: number
    ) => Effect.Effect<ReadonlyArray<LogEntry>, RentProgError>
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
  const { baseUrl, readsPerMinute, tokens, userTokens } = options
  const transport = yield* Transport.make
  const calls = yield* Calls.make(transport, readsPerMinute)
  const company = yield* Token.make(transport, baseUrl, tokens)
  const users = Token.ofUsers(userTokens)
  const read = calls.reader(baseUrl, company)
  const { fetch } = yield* Lookup.make(Addresses.make(read), calls.ready)
  const readLog = Log.make(calls.reader(baseUrl.replace(/\/public$/, ""), users))
  const branches = Array.from(new Set([...tokens.keys(), ...userTokens.keys()]))
  const standing = Effect.fnUntraced(function* (branch: Branch): Effect.fn.Return<Standing> {
    const user = yield* users.standing(branch)
    return {
      ...(yield* calls.standing(branch)),
      token: yield* company.standing(branch),
      user_token: user === "missing" ? null : user
    }
  })
  return RentProg.of({ fetch, readLog, standing, branches })
})
