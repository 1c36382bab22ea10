/** The whole service in a test: a database of its own, a simulated RentProg over real HTTP, and the actors. */
import { Context, Duration, Effect, Layer, Logger, Redacted, References, Schedule } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import * as BranchActor from "../../src/actors/Branch.ts"
import * as Cluster from "../../src/actors/Cluster.ts"
import * as EventProcessor from "../../src/actors/EventProcessor.ts"
import { Health } from "../../src/actors/Health.ts"
import * as HistoryProcessor from "../../src/actors/HistoryProcessor.ts"
import { Events } from "../../src/database/Events.ts"
import { History } from "../../src/database/History.ts"
import { Mirror } from "../../src/database/Mirror.ts"
import { Notifications } from "../../src/database/Notifications.ts"
import { Processes } from "../../src/database/Processes.ts"
import { Questions } from "../../src/database/Questions.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { Patience, RentProg } from "../../src/rentprog/RentProg.ts"
import { Simulator, type Switches } from "../../src/simulator/Simulator.ts"
import { testDatabase } from "../support/TestDatabase.ts"

/** Quick to give up, so that what fails fails soon; and never by its circuit alone. */
const hasty: typeof Patience.Service = {
  callTimeout: "10 seconds",
  retry: Schedule.recurs(1),
  retriesAfter429: 0,
  failuresToOpen: 100_000,
  openFor: "1 second",
  tokenMargin: 0,
  gatherFor: "5 millis"
}

/** One line of the log. */
export interface Line {
  readonly level: string
  readonly message: string
  readonly labels: Readonly<Record<string, unknown>>
}

/** What the service logged so far, oldest first. */
export class Log extends Context.Service<Log, { readonly lines: ReadonlyArray<Line> }>()("test/Log") {
  static readonly layer = Layer.unwrap(
    Effect.sync(() => {
      const lines: Array<Line> = []
      const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
        const labels = fiber.getRef(References.CurrentLogAnnotations)
        lines.push({ level: logLevel, message: [message].flat().map(String).join(" "), labels })
      })
      return Layer.mergeAll(Layer.succeed(Log, { lines }), Logger.layer([logger]))
    })
  )
}

export interface WorldOptions {
  readonly simulator?: Partial<Switches>
  readonly patience?: Partial<typeof Patience.Service>
  /** Company tokens by branch, where they are not those of the simulator. */
  readonly tokens?: Readonly<Record<string, string>>
  /** How often the service looks round by itself; so rarely by default that no test sees it. */
  readonly fallbackInterval?: Duration.Input
  /** The branches whose operations log is read. */
  readonly logs?: ReadonlyArray<Branch>
  /** Layers that stand between the service and what it would be given. */
  readonly events?: Layer.Layer<Events, never, Events>
  readonly rentprog?: Layer.Layer<RentProg, never, RentProg>
  readonly notifications?: Layer.Layer<Notifications>
}

const byBranch = (tokens: Readonly<Record<string, string>>) =>
  new Map(Object.entries(tokens).map(([branch, token]) => [Branch.make(branch), Redacted.make(token)]))

const rentprog = ({
  patience,
  tokens
}: WorldOptions): Layer.Layer<RentProg, never, Simulator | HttpClient.HttpClient> =>
  Layer.unwrap(
    Effect.map(Simulator, ({ companyTokens, url, userTokens }) =>
      RentProg.layer({
        baseUrl: url,
        tokens: byBranch(tokens ?? companyTokens),
        userTokens: byBranch(userTokens),
        readsPerMinute: 100_000,
        searchesPerMinute: 100_000
      })
    )
  ).pipe(Layer.provide(Layer.succeed(Patience, { ...hasty, ...patience })))

/** Where the service runs: a migrated database, a generous simulator, and a log and a health that are kept. */
export const surroundings = (options: WorldOptions = {}) =>
  Layer.mergeAll(
    testDatabase,
    Health.layer,
    Simulator.layer({
      ...{ readsPerMinute: 100_000, searchesPerMinute: 100_000, tokensPerMinute: 100_000 },
      ...options.simulator
    })
  ).pipe(Layer.provideMerge(Log.layer))

/** One process, which works for all branches and says at once how they stand. */
export const oneProcess = Layer.effect(
  Processes,
  Effect.map(RentProg, ({ branches, standing }) => ({
    say: () => Effect.void,
    all: Effect.succeed([]),
    standings: Effect.map(
      Effect.forEach(branches, (branch) => Effect.map(standing(branch), (its) => [branch, its] as const)),
      (standings) => new Map(standings)
    )
  }))
)

/** What the actors need, over the surroundings. */
export const dependencies = (options: WorldOptions = {}) =>
  Layer.mergeAll(Cluster.inMemory, oneProcess, options.events ?? Layer.empty).pipe(
    Layer.provideMerge(options.rentprog ?? Layer.empty),
    Layer.provideMerge(rentprog(options)),
    Layer.provideMerge(
      Layer.mergeAll(
        Events.layer,
        History.layer,
        Mirror.layer,
        Questions.layer,
        options.notifications ?? Notifications.layer
      )
    ),
    Layer.provide(FetchHttpClient.layer)
  )

/** The service; it ends with the scope of the layer. */
export const service = (options: WorldOptions = {}) => {
  const fallbackInterval = Duration.fromInputUnsafe(options.fallbackInterval ?? "1 hour")
  return Layer.mergeAll(
    EventProcessor.layer({ fallbackInterval }),
    HistoryProcessor.layer({ fallbackInterval, logs: options.logs ?? [] }),
    BranchActor.layer
  ).pipe(Layer.provide(dependencies(options)))
}

/** Both. */
export const world = (options: WorldOptions = {}) =>
  service(options).pipe(Layer.provideMerge(surroundings(options)))
