/**
 * What PostgreSQL notifies, as a stream that survives its connection.
 *
 * A connection that is lost is opened anew with a growing delay. Notifications sent meanwhile are gone for good, so
 * each (re)connection says `Listening`: whoever reads the stream then looks into the tables.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Schedule, Stream } from "effect"
import { sayWhy } from "./Database.ts"

export type Signal = { readonly _tag: "Listening" } | { readonly _tag: "Notified"; readonly payload: string }

export class Notifications extends Context.Service<
  Notifications,
  {
    /** Never ends and never fails. */
    readonly listen: (channel: string) => Stream.Stream<Signal>
  }
>()("jarvis/database/Notifications") {
  static readonly layer: Layer.Layer<Notifications, never, PgClient.PgClient> = Layer.effect(
    Notifications,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      const once = (channel: string) =>
        Stream.unwrap(
          Effect.map(sql.listen(channel), (queue) =>
            Stream.succeed<Signal>({ _tag: "Listening" }).pipe(
              Stream.concat(
                Stream.map(Stream.fromQueue(queue), ({ payload }): Signal => ({ _tag: "Notified", payload }))
              )
            )
          )
        )

      return Notifications.of({
        listen: (channel) =>
          once(channel).pipe(
            Stream.tapError((error) =>
              Effect.logWarning(`listener lost its connection, connects again: ${sayWhy(error)}`).pipe(
                Effect.annotateLogs({ channel })
              )
            ),
            Stream.retry(reconnect),
            Stream.orDie
          )
      })
    })
  )
}

/** From 200 ms, doubling, to 10 s. */
const reconnect = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("10 seconds")]).pipe(
  Schedule.jittered
)
