import type { PgClient } from "@effect/sql-pg"
import { Clock, Duration, Effect, Layer } from "effect"
import { adopt } from "../database/adoption.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

/** How often the log says how far it is. */
const sayEvery = Duration.toMillis("10 seconds")

/** What somebody holds, or what refuses to be updated, is tried again. */
const again = "1 minute"

/** Adopts the rows that stood in the tables before Jarvis, beside everything else, until none is left. */
export const layer: Layer.Layer<never, never, PgClient.PgClient | Health> = Layer.effectDiscard(
  Effect.gen(function* () {
    let said = yield* Clock.currentTimeMillis
    const tell = Effect.fnUntraced(function* (table: string, rows: number) {
      const now = yield* Clock.currentTimeMillis
      if (now - said < sayEvery) return
      said = now
      yield* Effect.logInfo(`adopts the rows that were here before: ${rows} of ${table} so far`)
    })
    const untilNoneIsLeft = Effect.repeat(
      Effect.tap(adopt(tell), (left) => (left.length > 0 ? Effect.sleep(again) : Effect.void)),
      { until: (left) => left.length === 0 }
    )
    yield* untilNoneIsLeft.pipe(
      supervise("adoption"),
      Effect.andThen(Health.use(({ forget }) => forget("adoption"))),
      Effect.forkScoped
    )
  })
)
