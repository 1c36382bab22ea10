/**
 * What PostgreSQL notifies, as a stream that survives its connection.
 *
 * A connection that is lost says `Lost` and is opened anew with a growing delay. Notifications sent meanwhile are gone for
 * good, so each (re)connection says `Listening`: whoever reads the stream then looks into the tables.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Queue, Schedule, Stream } from "effect"
import { sayWhy } from "./Database.ts"

export type Signal =
  | { readonly _tag: "Listening" }
  | { readonly _tag: "Notified"; readonly payload: string }
  /** Also where a connection could not be opened. */
  | { readonly _tag: "Lost"; readonly why: string }

export class Notifications extends Context.Service<
  Notifications,
  {
    /** Never ends and never fails. The channel is the one of that name in Jarvis's own schema. */
    readonly listen: (channel: string) => Stream.Stream<Signal>
  }
>()("jarvis/database/Notifications") {
  static readonly layer: Layer.Layer<Notifications, never, PgClient.PgClient> = Layer.effect(
    Notifications,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      const once = (name: string) =>
        Effect.gen(function* () {
          const [row] = yield* sql<{
            readonly channel: string
          }>`SELECT notification_channel(${name}) AS channel`
          const queue = yield* sql.listen(row?.channel ?? name)
          return Stream.succeed<Signal>({ _tag: "Listening" }).pipe(
            Stream.concat(
              Stream.map(Stream.fromQueue(queue), ({ payload }): Signal => ({ _tag: "Notified", payload }))
            )
          )
        }).pipe(Stream.unwrap)

      return Notifications.of({
        listen: (channel) =>
          // A queue between: what comes while its reader is busy comes together, and a loss is known at once.
          Stream.callback<Signal>((signals) =>
            once(channel).pipe(
              Stream.tapError((error) => {
                const why = sayWhy(error)
                return Effect.logWarning(`listener lost its connection, connects again: ${why}`).pipe(
                  Effect.annotateLogs({ channel }),
                  Effect.andThen(Queue.offer(signals, { _tag: "Lost", why }))
                )
              }),
              Stream.retry(reconnect),
              Stream.orDie,
              Stream.runForEachArray((some) => Queue.offerAll(signals, some))
            )
          )
      })
    })
  )
}

/** From 200 ms, doubling, to 10 s. */
const reconnect = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")]).pipe(
  Schedule.jittered
)
