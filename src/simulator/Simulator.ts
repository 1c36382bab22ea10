/**
 * A small RentProg for tests and for the demo: a real HTTP server whose records, quotas and faults are at hand.
 */
import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { Context, Duration, Effect, Layer, type Schema } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import type { Branch } from "../domain/Branch.ts"
import type { EntityType } from "../domain/Entity.ts"
import { type AccessRules, makeAccess } from "./Access.ts"
import { basePath, type Manners, routes } from "./Api.ts"
import { type Call, makeCalls } from "./Calls.ts"
import { type Company, companies, companyTokens, userTokens } from "./Companies.ts"
import { type Fault, makeFaults, type Where } from "./Faults.ts"
import { type LogEntry, type LoggedItem, makeHistory } from "./History.ts"
import { type Changes, makeRecords, type NoSuchRecord, type SimulatedRecord } from "./Records.ts"

export type { Call } from "./Calls.ts"
export { Fault, type Where } from "./Faults.ts"
export type { HistoryItem, LogEntry, LoggedItem } from "./History.ts"
export { type Changes, NoSuchRecord, type SimulatedRecord } from "./Records.ts"

/** Everything about the simulated RentProg that can be set at its start and switched while it runs. */
export interface Switches extends AccessRules, Manners {
  /** How long a new record answers 404 and is in no list, as if from a copy that lags behind. */
  readonly replicaLag: Duration.Input
}

/** What holds where nothing else is asked for: the documented behaviour, at once. */
const defaults: Switches = {
  tokenLifetime: "4 minutes",
  readsPerMinute: 120,
  searchesPerMinute: 30,
  tokensPerMinute: 60,
  retryAfter: true,
  ignorePageSize: false,
  envelope: { car: "array", client: "array", booking: "data" },
  historyAt: "search_operations",
  numbersAsText: false,
  replicaLag: 0,
  latency: 0
}

/** A RentProg on 127.0.0.1, and the strings to pull. */
export class Simulator extends Context.Service<
  Simulator,
  {
    /** The base address for `RENTPROG_BASE_URL`: `http://127.0.0.1:PORT/api/v1/public`. */
    readonly url: string
    /** Branch to company token, in the shape of `RENTPROG_TOKENS`. */
    readonly companyTokens: Readonly<Record<Branch, string>>
    /** Branch to the token of a user of the branch: what `/api/v1/search_operations` asks for. */
    readonly userTokens: Readonly<Record<Branch, string>>
    /** Which branch each `company_id` is. */
    readonly companies: ReadonlyArray<Company>
    /** Switches behaviour from the next call on; what is not given stays as it was. */
    readonly set: (changes: Partial<Switches>) => Effect.Effect<void>

    /** Creates a record, or replaces it whole. */
    readonly put: (kind: EntityType, record: SimulatedRecord) => Effect.Effect<void>
    /** Changes fields of a record, and answers those whose value is now another. */
    readonly patch: (
      kind: EntityType,
      id: number,
      fields: Schema.JsonObject
    ) => Effect.Effect<Changes, NoSuchRecord>
    /** Removes a record; where there is none, nothing happens. */
    readonly destroy: (kind: EntityType, id: number) => Effect.Effect<void>
    /** All records of a kind, of every branch, oldest first. */
    readonly records: (kind: EntityType) => Effect.Effect<ReadonlyArray<SimulatedRecord>>
    /** Has a record answer 404 at `/cars/ID` and the like, and be found at `/car/ID` only. */
    readonly answerOnlyAtFallback: (kind: EntityType, id: number) => Effect.Effect<void>

    /** Writes an entry of a branch's operations log, as it then stands there. */
    readonly log: (branch: Branch, entry: LogEntry) => Effect.Effect<LoggedItem>
    /** The operations log of every branch, oldest first. */
    readonly history: Effect.Effect<ReadonlyArray<LoggedItem>>

    /** Switches a fault on for the calls it is for, and answers what switches it off. */
    readonly fault: (fault: Fault, where?: Where) => Effect.Effect<Effect.Effect<void>>
    /** Switches all faults off. */
    readonly clearFaults: Effect.Effect<void>
    /** Ends the life of every token issued so far; those of users live on. */
    readonly expireTokens: Effect.Effect<void>

    /** The calls it got since the log was last cleared, oldest first. */
    readonly calls: Effect.Effect<ReadonlyArray<Call>>
    readonly clearCalls: Effect.Effect<void>
  }
>()("jarvis/simulator/Simulator") {
  /** A RentProg without records on a free port, until the layer closes. */
  static readonly layer = (options: Partial<Switches> = {}): Layer.Layer<Simulator> =>
    Layer.effect(Simulator, make({ ...defaults, ...options })).pipe(
      // Fresh, or two simulators in one program would share a server.
      Layer.provide(Layer.fresh(server)),
      // A server that gets no port on loopback leaves nothing to test with.
      Layer.orDie
    )
}

/** Closes at once: to wait for calls to end would be to wait for those that hang. */
const server = NodeHttpServer.layerServer(createServer, {
  host: "127.0.0.1",
  port: 0,
  disablePreemptiveShutdown: true
})

const make = Effect.fnUntraced(function* (initial: Switches) {
  let switches = initial
  const records = makeRecords(() => Duration.toMillis(switches.replicaLag))
  const history = makeHistory()
  const access = makeAccess(() => switches)
  const faults = makeFaults()
  const calls = makeCalls()

  const api = routes({ records, history, access, faults, calls, manners: () => switches })
  yield* Layer.build(HttpRouter.serve(api, { disableLogger: true, disableListenLog: true }))
  const { address } = yield* HttpServer.HttpServer

  return Simulator.of({
    url: `${HttpServer.formatAddress(address)}${basePath}`,
    companyTokens,
    userTokens,
    companies,
    set: (changes) =>
      Effect.sync(() => {
        switches = { ...switches, ...changes }
      }),
    put: records.put,
    patch: records.patch,
    destroy: records.destroy,
    records: records.all,
    answerOnlyAtFallback: records.answerOnlyAtFallback,
    log: history.log,
    history: history.all,
    fault: faults.add,
    clearFaults: faults.clear,
    expireTokens: access.expireTokens,
    calls: calls.all,
    clearCalls: calls.clear
  })
})
