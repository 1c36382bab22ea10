import { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Layer, Queue, Schedule } from "effect"
import { databaseError } from "../database/Database.ts"
import { within } from "../database/within.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

const component = "notifications"
const interval = "1 minute"

/** How long a notification may take. */
const patience = Duration.seconds(5)

const loss =
  "notifications do not arrive, as through a pooler: set JARVIS_LISTEN_URL to a direct connection to the same database. Until then the sweeps find what is due"

/** Whether a notification comes back by the way that listeners listen. */
const hears = (sql: PgClient.PgClient): Effect.Effect<boolean, DatabaseError> =>
  Effect.gen(function* () {
    const [row] = yield* sql<{ readonly channel: string }>`
      SELECT notification_channel('jarvis_echo') AS channel
    `
    const channel = row?.channel ?? "jarvis_echo"
    const queue = yield* sql.listen(channel)
    const token = crypto.randomUUID()
    yield* sql.notify(channel, token)
    return yield* Queue.take(queue).pipe(
      Effect.repeat({ until: ({ payload }) => payload === token }),
      Effect.as(true),
      Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed(false) })
    )
  }).pipe(Effect.scoped, Effect.mapError(databaseError), within(Duration.times(patience, 3)))

/** Notifies itself at start and every minute: a pooler takes LISTEN, and gives the notifications to nobody. */
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
    const probe = hears(sql).pipe(
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
