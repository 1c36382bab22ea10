/**
 * Where actors and singletons run. Nothing is stored of messages because they carry no state, the tables do.
 *
 * A process alone has all of them in memory, while the lease is its own. Those of a cluster share them out, by locks of their
 * sessions in PostgreSQL, and send each other messages.
 */
import { NodeClusterSocket } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Option } from "effect"
import {
  EntityId,
  MessageStorage,
  RunnerAddress,
  RunnerHealth,
  RunnerStorage,
  Runners,
  Sharding,
  ShardingConfig,
  SocketRunner,
  SqlRunnerStorage
} from "effect/cluster"
import { Reactivity } from "effect/reactivity"
import { RpcSerialization } from "effect/rpc"
import { SocketServer } from "effect/socket"
import { SqlClient } from "effect/sql"
import { Lease } from "../database/Lease.ts"
import type { SchemaName } from "../database/SchemaName.ts"
import type { Branch } from "../domain/Branch.ts"
import { Tenure } from "../rentprog/Tenure.ts"
import type { Cluster } from "../Settings.ts"
import { heldStorage } from "./heldStorage.ts"

/** One process that is alone in the world. */
export const inMemory: Layer.Layer<Sharding.Sharding> = Sharding.layer.pipe(
  Layer.provide(Runners.layerNoop),
  Layer.provide([MessageStorage.layerNoop, RunnerStorage.layerMemory, RunnerHealth.layerNoop]),
  Layer.provide(ShardingConfig.layer({ simulateRemoteSerialization: false }))
)

class Shards extends Context.Service<Shards, Effect.Success<ReturnType<typeof heldStorage>>>()(
  "jarvis/actors/Shards"
) {}

/** A storage as the lease allows it. */
const held = <R>(storage: Layer.Layer<RunnerStorage.RunnerStorage, never, R>) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const shards = yield* heldStorage(yield* RunnerStorage.RunnerStorage)
      return Context.make(RunnerStorage.RunnerStorage, shards.storage).pipe(Context.add(Shards, shards))
    })
  ).pipe(Layer.provide(storage))

const tenure = Layer.effect(
  Tenure,
  Effect.gen(function* () {
    const { arrivals, holds, isCertain } = yield* Shards
    const sharding = yield* Sharding.Sharding
    const shardOf = (branch: Branch) => sharding.getShardId(EntityId.make(branch), "default")
    return {
      holds: (branch: Branch) => holds(shardOf(branch)),
      isCertain: (branch: Branch) => isCertain(shardOf(branch)),
      arrivals: (branch: Branch) => arrivals(shardOf(branch))
    }
  })
)

/** How soon what is free is taken, and who has gone is seen. */
const polls = "500 millis"

/** One of the processes that stand by for each other: the one that has the lease runs everything. */
export const alone = tenure.pipe(
  Layer.provideMerge(Sharding.layer),
  Layer.provide(Runners.layerNoop),
  Layer.provide([MessageStorage.layerNoop, RunnerHealth.layerNoop]),
  Layer.provide(held(RunnerStorage.layerMemory)),
  Layer.provide(
    ShardingConfig.layer({
      simulateRemoteSerialization: false,
      shardLockRefreshInterval: "1 second",
      entityMessagePollInterval: polls
    })
  )
)

/** Sessions of their own, past a pooler. What Effect compares are times without a time zone. */
const sessions = Layer.effect(
  SqlClient.SqlClient,
  Effect.gen(function* () {
    const { config } = yield* PgClient.PgClient
    return yield* PgClient.make({
      ...config,
      maxConnections: 3,
      startupParameters: { ...config.startupParameters, TimeZone: "UTC" }
    }).pipe(Effect.provide(Reactivity.layer))
  }).pipe(Effect.orDie)
)

/** Without those whose session has ended: otherwise they are waited for until they were not heard of for long. */
const withoutTheDead = Layer.effect(
  RunnerStorage.RunnerStorage,
  Effect.gen(function* () {
    const storage = yield* RunnerStorage.RunnerStorage
    const lease = yield* Lease
    return {
      ...storage,
      getRunners: Effect.gen(function* () {
        const all = yield* storage.getRunners
        const living = yield* lease.addresses
        return Option.isNone(living)
          ? all
          : all.filter(([{ address }]) => living.value.has(`${address.host}:${address.port}`))
      })
    }
  })
)

/** The port. That a connection breaks, or a stranger makes one, is no error of this process. */
const port = Layer.effect(
  SocketServer.SocketServer,
  Effect.map(SocketServer.SocketServer, (server) => ({
    ...server,
    run: (handler) =>
      server.run((socket) =>
        Effect.catchCause(handler(socket), (cause) =>
          Effect.logDebug("a connection of another process has broken", cause)
        )
      )
  }))
).pipe(Layer.provide(NodeClusterSocket.layerSocketServer))

/**
 * What processes say to each other. To be raised when a message of the actors changes, or the number of shards: those of another
 * protocol then stand by until this cluster has ended.
 */
export const protocol = 1

/** The largest message, in bytes: the largest of ours has a few hundred. */
const largestMessage = 64 * 1024

/** Processes that share the work. */
export const shared = (schema: SchemaName, { address, listen }: Cluster) => {
  const client = NodeClusterSocket.layerClientProtocol
  const storage = withoutTheDead.pipe(
    Layer.provide(SqlRunnerStorage.layerStorage({ prefix: `${schema}.jarvis_cluster` })),
    Layer.provide(sessions)
  )
  return tenure.pipe(
    Layer.provideMerge(SocketRunner.layer),
    Layer.provide([port, client]),
    Layer.provide(RunnerHealth.layerPing.pipe(Layer.provide(Runners.layerRpc), Layer.provide(client))),
    Layer.provide(MessageStorage.layerNoop),
    Layer.provide(held(storage)),
    Layer.provide(
      ShardingConfig.layer({
        runnerAddress: Option.some(RunnerAddress.make(address.host, address.port)),
        runnerListenAddress: Option.some(RunnerAddress.make(listen.host, listen.port)),
        simulateRemoteSerialization: false,
        // Each is handed over by a statement of its own.
        shardsPerGroup: 60,
        // A frozen process loses its locks after that; the lease counts on less.
        shardLockExpiration: "10 seconds",
        refreshAssignmentsInterval: polls,
        entityMessagePollInterval: polls,
        runnerHealthCheckInterval: "5 seconds"
      })
    ),
    Layer.provide(RpcSerialization.layerSchemaBinary({ maxFrameSize: largestMessage }))
  )
}
