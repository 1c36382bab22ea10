import { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Layer, Schedule } from "effect"
import { databaseError } from "../database/Database.ts"
import { isHeard, unheard } from "../database/isHeard.ts"
import { within } from "../database/within.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

const component = "notifications"
const interval = "1 minute"

/** Longer than a notification may take. */
const limit = Duration.seconds(15)

const loss = `${unheard}. Until then the sweeps find what is due`

/** Notifies itself at start and every minute. */
export const layer: Layer.Layer<never, never, Health | PgClient.PgClient> = Layer.effectDiscard(
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const health = yield* Health
    let isLost = false

    const tell = Effect.fnUntraced(function* (heard: boolean) {
      yield* health.report(component, heard ? "up" : "down", heard ? undefined : loss)
      if (heard === isLost)
        yield* heard ? Effect.logInfo("notifications arrive again") : Effect.logWarning(loss)
      isLost = !heard
    })
    const probe = isHeard(sql).pipe(
      Effect.mapError(databaseError),
      within(limit),
      Effect.matchEffect({
        onSuccess: tell,
        onFailure: ({ detail }) => health.report(component, "down", detail)
      }),
      Effect.withTracerEnabled(false)
    )
    yield* Effect.repeat(probe, Schedule.spaced(interval)).pipe(
      supervise(component, { reportsItself: true }),
      Effect.forkScoped
    )
  })
)
