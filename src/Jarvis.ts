/** The whole service, composed: database, RentProg, actors. What cannot start says so in one line. */
import { NodeServices } from "@effect/platform-node"
import { Effect, Layer, Logger, Option, References, Schema } from "effect"
import { FetchHttpClient, type HttpServerError } from "effect/http"
import { Otlp } from "effect/observability"
import * as adoption from "./actors/adoption.ts"
import * as BranchActor from "./actors/Branch.ts"
import * as Cluster from "./actors/Cluster.ts"
import * as EventProcessor from "./actors/EventProcessor.ts"
import * as forwarding from "./actors/forwarding.ts"
import { Health } from "./actors/Health.ts"
import * as HistoryProcessor from "./actors/HistoryProcessor.ts"
import * as presence from "./actors/presence.ts"
import * as probeDatabase from "./actors/probeDatabase.ts"
import * as probeNotifications from "./actors/probeNotifications.ts"
import { Audit } from "./database/Audit.ts"
import { Backlog } from "./database/Backlog.ts"
import * as Database from "./database/Database.ts"
import { embedded } from "./database/EmbeddedPostgres.ts"
import { Entities } from "./database/Entities.ts"
import { Events } from "./database/Events.ts"
import { History } from "./database/History.ts"
import { Inbox } from "./database/Inbox.ts"
import * as KnownBranches from "./database/KnownBranches.ts"
import { Lease } from "./database/Lease.ts"
import { Measures } from "./database/Measures.ts"
import * as Migrations from "./database/Migrations.ts"
import { Mirror } from "./database/Mirror.ts"
import { Notifications } from "./database/Notifications.ts"
import { Pauses } from "./database/Pauses.ts"
import { Processes } from "./database/Processes.ts"
import { count } from "./database/preflight/names.ts"
import { risks } from "./database/preflight/report.ts"
import type { Plan } from "./database/preflight.ts"
import { Questions } from "./database/Questions.ts"
import { RowActions } from "./database/RowActions.ts"
import { Rows } from "./database/Rows.ts"
import { Overviews } from "./http/Overviews.ts"
import * as reportTroubles from "./http/reportTroubles.ts"
import * as Server from "./http/Server.ts"
import { logLines } from "./logLines.ts"
import { RentProg } from "./rentprog/RentProg.ts"
import { Settings } from "./Settings.ts"
import { smallHeap } from "./smallHeap.ts"

/** What keeps Jarvis from starting, in one line that says what to do. */
export class StartError extends Schema.TaggedError<StartError>()("StartError", { message: Schema.String }) {}

/** The pool: on `DATABASE_URL`, else on an embedded server. */
export const database = Layer.unwrap(
  Effect.gen(function* () {
    const settings = yield* Settings
    if (Option.isSome(settings.databaseUrl))
      return Database.layer(settings.databaseUrl.value, settings.schema, settings.listenUrl)
    const { keepRunning, url } = yield* embedded(settings.dataDirectory).pipe(
      Effect.mapError(({ message }) => new StartError({ message }))
    )
    yield* Effect.forkScoped(keepRunning)
    yield* Effect.logInfo(
      `DATABASE_URL is not set: an embedded PostgreSQL keeps the data in ${settings.dataDirectory}; psql "$(cat ${settings.dataDirectory}/database-url)"`
    )
    return Database.layer(url, settings.schema)
  })
).pipe(
  Layer.catchTag("ConnectionError", ({ message }) =>
    Layer.effectContext(Effect.fail(new StartError({ message })))
  ),
  Layer.provide(NodeServices.layer)
)

const cannotMigrate = ({ message }: Migrations.MigrationError) =>
  new StartError({ message: `cannot migrate the database: ${message}` })

/** What bringing the database up to date would meet, and do. */
export const planned = Settings.use(({ schema }) => Migrations.plan(schema)).pipe(
  Effect.mapError(cannotMigrate),
  Effect.provide(NodeServices.layer)
)

/**
 * Brings the database up to date and answers the names of what ran. Where nothing is fatal, `tell` hears the plan before
 * anything changes.
 */
export const migrated = (tell: (plan: Plan) => Effect.Effect<void>) =>
  Settings.use(({ schema }) => Migrations.migrate(schema, tell)).pipe(
    Effect.catchTag("MigrationError", (error) => Effect.fail(cannotMigrate(error))),
    Effect.provide(NodeServices.layer)
  )

/** Logs and traces as the settings say. A command's standard output is for its answer. */
export const observability = (stream: "stdout" | "stderr") =>
  Layer.unwrap(
    Settings.useSync(({ logFormat, logLevel, otlpEndpoint }) =>
      Layer.mergeAll(
        Logger.layer([
          loggers[stream][Option.getOrElse(logFormat, () => (process[stream].isTTY ? "pretty" : "logfmt"))],
          // A span keeps its lines, which nobody sees where none goes out.
          ...(Option.isSome(otlpEndpoint) ? [Logger.tracerLogger] : [])
        ]),
        Layer.succeed(Logger.LogToStderr, stream === "stderr"),
        Layer.succeed(References.MinimumLogLevel, logLevel),
        Option.match(otlpEndpoint, {
          onNone: () => Layer.empty,
          onSome: (baseUrl) =>
            Layer.provide(
              Otlp.layerJson({ baseUrl, resource: { serviceName: "jarvis" } }),
              FetchHttpClient.layer
            )
        })
      )
    )
  )

const loggers = {
  stdout: {
    pretty: Logger.consolePretty(),
    logfmt: logLines(process.stdout, Logger.formatLogFmt),
    json: logLines(process.stdout, Logger.formatJson)
  },
  stderr: {
    pretty: Logger.consolePretty(),
    logfmt: logLines(process.stderr, Logger.formatLogFmt),
    json: logLines(process.stderr, Logger.formatJson)
  }
}

const cannotShare = (cause: unknown) =>
  new StartError({
    message: `cannot listen for the other processes: ${String(cause)}; see JARVIS_CLUSTER and JARVIS_CLUSTER_LISTEN`
  })

/** Locks are those of a session, and messages go to an address. */
const mayShare = Layer.effectDiscard(
  Effect.gen(function* () {
    const lease = yield* Lease
    if (!(yield* lease.hasSession)) {
      return yield* new StartError({
        message: `JARVIS_CLUSTER needs a session of its own, which DATABASE_URL does not give. ${Database.whatAPoolerNeeds}`
      })
    }
    const namesake = yield* lease.namesake
    if (Option.isNone(namesake)) return
    return yield* new StartError({
      message: `JARVIS_CLUSTER is the address of ${namesake.value} as well: each process needs one of its own, where the others reach it`
    })
  })
)

/** Where the actors run, while it is this process's turn. */
const cluster = ({ cluster, schema }: Settings["Service"]) =>
  Option.match(cluster, {
    onNone: () => Cluster.alone,
    onSome: (place) =>
      Cluster.shared(schema, place).pipe(
        Layer.catchTag("SocketServerError", (error) =>
          Layer.effectContext(Effect.fail(cannotShare(error.cause)))
        ),
        Layer.provide(mayShare)
      )
  }).pipe(
    Layer.provideMerge(
      Lease.layer(
        schema,
        Option.map(cluster, ({ address }) => ({
          address: `${address.host}:${address.port}`,
          protocol: Cluster.protocol
        }))
      )
    )
  )

/** What the actors do, and what tells of them. */
const actors = Layer.unwrap(
  Settings.useSync((settings) =>
    Layer.mergeAll(
      EventProcessor.layer({ fallbackInterval: settings.eventsFallbackInterval }),
      HistoryProcessor.layer({
        fallbackInterval: settings.historyFallbackInterval,
        logs: Array.from(settings.rentprog.userTokens.keys())
      }),
      BranchActor.layer,
      probeDatabase.layer,
      probeNotifications.layer,
      adoption.layer,
      forwarding.layer(settings.schema),
      presence.layer
    ).pipe(
      Layer.provideMerge(Layer.mergeAll(RentProg.layer(settings.rentprog), Processes.layer, Questions.layer)),
      Layer.provide(cluster(settings)),
      Layer.provide([Events.layer, History.layer, Mirror.layer, Notifications.layer]),
      Layer.provide(FetchHttpClient.layer)
    )
  )
)

/** What the admin API reads and writes. */
const admin = Layer.unwrap(
  Settings.useSync(({ rentprog }) =>
    Layer.mergeAll(Overviews.layer, RowActions.layer, Pauses.layer).pipe(
      Layer.provide(Audit.layer),
      Layer.provide(
        Backlog.layer({
          tokens: Array.from(rentprog.tokens.keys()),
          logs: Array.from(rentprog.userTokens.keys())
        })
      ),
      Layer.merge(Layer.mergeAll(Audit.layer, Entities.layer, Inbox.layer, Measures.layer, Rows.layer))
    )
  )
)

const cannotListen = ({ cause }: HttpServerError.ServeError) =>
  new StartError({ message: `cannot listen for HTTP: ${String(cause)}; see JARVIS_HOST and JARVIS_PORT` })

const http = Layer.effectDiscard(
  Effect.flatMap(Server.address, (address) =>
    Effect.logInfo(`✅ HTTP server started, listening on ${address}`)
  )
).pipe(
  Layer.provideMerge(Layer.merge(Server.layer, reportTroubles.layer)),
  Layer.catchTag("ServeError", (error) => Layer.effectContext(Effect.fail(cannotListen(error)))),
  Layer.provide(NodeServices.layer)
)

/** How many risks there are; where something is about to change, each of them as well. */
const warn = Effect.fnUntraced(function* (plan: Plan) {
  const found = risks(plan)
  if (plan.pending.length > 0) {
    yield* Effect.forEach(found, (risk) => Effect.logWarning(`the database: ${risk}`), { discard: true })
  }
  if (found.length > 0) {
    yield* Effect.logWarning(`the database has ${count(found.length, "risk")}; see jarvis migrate --dry-run`)
  }
})

const migrations = Layer.effectDiscard(
  Effect.andThen(
    migrated(warn),
    Health.use(({ report }) => report("migrations", "up"))
  )
)

/** Whoever has a token of either kind is known. */
const knownBranches = Layer.unwrap(
  Settings.useSync(({ rentprog: { tokens, userTokens } }) =>
    KnownBranches.layer([...tokens.keys(), ...userTokens.keys()])
  )
)

/** The service, on a database that it brings up to date first. It stops in the other order: nothing comes in any more. */
export const service = http.pipe(
  Layer.provide(admin),
  Layer.provide(actors),
  Layer.provide(knownBranches),
  Layer.provide(migrations),
  Layer.provide(Health.layer),
  Layer.provide(Layer.effectDiscard(smallHeap))
)
