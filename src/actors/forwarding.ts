import type { PgClient } from "@effect/sql-pg"
import { Effect, type Layer, Schedule } from "effect"
import { type Sharding, Singleton } from "effect/cluster"
import { asDatabaseError } from "../database/Database.ts"
import { sweep } from "../database/forwarding.ts"
import type { SchemaName } from "../database/SchemaName.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

const interval = "30 seconds"

/**
 * Writes what the triggers on another system's tables could not write, and tells Health what is wrong with these. A cluster
 * singleton: one for all machines.
 */
export const layer = (
  schema: SchemaName
): Layer.Layer<never, never, PgClient.PgClient | Health | Sharding.Sharding> =>
  Singleton.make(
    "forwarding",
    Effect.gen(function* () {
      const health = yield* Health
      const once = Effect.gen(function* () {
        const wrong = yield* asDatabaseError(sweep(schema))
        if (wrong === null) return yield* health.forget("forwarding")
        yield* wrong.length === 0
          ? health.report("forwarding", "up")
          : health.report("forwarding", "down", wrong.join("; "))
      })
      yield* Effect.repeat(once, Schedule.spaced(interval)).pipe(
        supervise("forwarding", { reportsItself: true })
      )
    })
  )
