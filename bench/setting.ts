/** Where benchmarks run: an embedded PostgreSQL of their own, gone afterwards. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer, Logger, References } from "effect"
import * as Database from "../src/database/Database.ts"
import { embeddedPostgres } from "../src/database/EmbeddedPostgres.ts"
import { migrate } from "../src/database/Migrations.ts"
import { publicSchema } from "../src/database/SchemaName.ts"

/** A pool on a migrated database. */
export const database = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    return Database.layer(
      yield* embeddedPostgres(yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-bench-" }))
    )
  })
)

/** Runs a benchmark on a migrated database; nothing but its own lines is printed. */
export const run = <E, R>(benchmark: Effect.Effect<void, E, R>) =>
  Effect.andThen(migrate(publicSchema), benchmark).pipe(
    Effect.provideService(References.MinimumLogLevel, "Error"),
    Effect.provide(Logger.layer([Logger.consolePretty()]))
  )

export { NodeRuntime, NodeServices }
