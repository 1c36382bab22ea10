import type { PgClient } from "@effect/sql-pg"
import { Duration, Effect, type Layer } from "effect"
import { type Sharding, Singleton } from "effect/cluster"
import { adopt, seldom } from "../database/adoption.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

/** What somebody holds, or what refuses to be updated, is tried again. */
const again = "1 minute"

/**
 * Adopts the rows that stood in the tables before Jarvis, beside everything else, until none is left. A cluster singleton: one for
 * all machines.
 */
export const layer: Layer.Layer<never, never, PgClient.PgClient | Health | Sharding.Sharding> =
  Singleton.make(
    "adoption",
    Effect.gen(function* () {
      const tell = yield* seldom(Duration.seconds(10), (table, rows) =>
        Effect.logInfo(`adopts the rows that were here before: ${rows} of ${table} so far`)
      )
      const untilNoneIsLeft = Effect.repeat(
        Effect.tap(adopt(tell), (left) => (left.length > 0 ? Effect.sleep(again) : Effect.void)),
        { until: (left) => left.length === 0 }
      )
      yield* untilNoneIsLeft.pipe(
        supervise("adoption"),
        Effect.andThen(Health.use(({ forget }) => forget("adoption")))
      )
    })
  )
