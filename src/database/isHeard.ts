import type { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Queue } from "effect"

/** How long a notification may take. */
const patience = Duration.seconds(5)

/** Whether a notification to oneself comes back: a pooler takes LISTEN, and gives the notifications to nobody. */
export const isHeard = Effect.fnUntraced(function* (sql: PgClient.PgClient) {
  const channel = `jarvis_echo_${crypto.randomUUID()}`
  const queue = yield* sql.listen(channel)
  yield* sql.notify(channel, "")
  return yield* Queue.take(queue).pipe(
    Effect.as(true),
    Effect.timeoutOrElse({ duration: patience, orElse: () => Effect.succeed(false) })
  )
}, Effect.scoped)

/** What to do where it does not. */
export const unheard =
  "notifications do not arrive, as through a pooler: set JARVIS_LISTEN_URL to a direct connection to the same database"
