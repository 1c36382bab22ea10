import { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Layer, Schedule } from "effect"
import { asDatabaseError } from "../database/Database.ts"
import { within } from "../database/within.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

const interval = "5 seconds"
const limit = Duration.seconds(2)

/** Asks the database every 5 s whether it is there, and tells Health. */
export const layer: Layer.Layer<never, never, Health | PgClient.PgClient> = Layer.effectDiscard(
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const health = yield* Health
    const probe = sql`SELECT 1`.pipe(
      asDatabaseError,
      within(limit),
      Effect.matchEffect({
        onSuccess: () => health.report("database", "up"),
        onFailure: ({ detail }) => health.report("database", "down", detail)
      }),
      Effect.withTracerEnabled(false)
    )
    yield* Effect.repeat(probe, Schedule.spaced(interval)).pipe(
      supervise("database", { reportsItself: true }),
      Effect.forkScoped
    )
  })
)
