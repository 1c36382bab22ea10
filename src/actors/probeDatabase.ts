import { PgClient } from "@effect/sql-pg"
import { Clock, Duration, Effect, Layer, Schedule } from "effect"
import { databaseError, sayWhy } from "../database/Database.ts"
import { isOfTheConnection, isOfTheServer } from "../database/refusal.ts"
import { within } from "../database/within.ts"
import { writeRow } from "../database/writeRow.ts"
import { DatabaseError } from "../domain/Reason.ts"
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
      within(limit),
      Effect.catch((error) => {
        // Reads may go well meanwhile: what a write that hangs tells is remembered until the next.
        if (error._tag === "DatabaseError")
          return Effect.succeed(`the server takes no writes: ${error.detail}`)
        return isOfTheConnection(error)
          ? Effect.fail(databaseError(error))
          : Effect.succeed(isOfTheServer(error) ? `the server takes no writes: ${sayWhy(error)}` : undefined)
      }),
      // Where the connection is lost, so is the way to roll back.
      Effect.catchDefect((defect) => Effect.fail(new DatabaseError({ detail: String(defect) })))
    )
    const probe = Effect.gen(function* () {
      yield* sql`SELECT 1`.pipe(Effect.mapError(databaseError), within(limit))
      const now = yield* Clock.currentTimeMillis
      if (now < nextWrite) return
      // Before the write, which may fail.
      nextWrite = now + writesEvery
      refused = yield* write
    }).pipe(
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
