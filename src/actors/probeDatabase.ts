import { PgClient } from "@effect/sql-pg"
import { Clock, Duration, Effect, Layer, Schedule } from "effect"
import { databaseError, sayWhy } from "../database/Database.ts"
import { isOfTheConnection, isOfTheServer } from "../database/refusal.ts"
import { within } from "../database/within.ts"
import { writeRow } from "../database/writeRow.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

const interval = "5 seconds"
const limit = Duration.seconds(2)

/** How often the database is written to at most, in milliseconds. */
const writesEvery = Duration.toMillis("30 seconds")

/** Asks the database every 5 s whether it is there, now and then whether it takes writes, and tells Health. */
export const layer: Layer.Layer<never, never, Health | PgClient.PgClient> = Layer.effectDiscard(
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const health = yield* Health
    /** Why the last write was refused, if it was. */
    let refused: string | undefined
    let nextWrite = 0

    const write = writeRow(sql).pipe(
      Effect.as(undefined),
      Effect.catch((error) =>
        isOfTheConnection(error)
          ? Effect.fail(databaseError(error))
          : Effect.succeed(isOfTheServer(error) ? `the server takes no writes: ${sayWhy(error)}` : undefined)
      )
    )
    const probe = Effect.gen(function* () {
      yield* Effect.mapError(sql`SELECT 1`, databaseError)
      const now = yield* Clock.currentTimeMillis
      if (now < nextWrite) return
      refused = yield* write
      nextWrite = now + writesEvery
    }).pipe(
      within(limit),
      Effect.matchEffect({
        onSuccess: () => health.report("database", refused === undefined ? "up" : "down", refused),
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
