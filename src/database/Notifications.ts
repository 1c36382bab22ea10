/**
 * What PostgreSQL notifies, as a stream that survives its connection.
 *
 * A connection that is lost says `Lost` and is opened anew with a growing delay. Notifications sent meanwhile are gone for
 * good, so each (re)connection says `Listening`: whoever reads the stream then looks into the tables.
 */
import { PgClient } from "@effect/sql-pg"
import { Clock, Context, Effect, Layer, Queue, Schedule, Stream } from "effect"
import type { SqlError } from "effect/sql"
import { sayWhy } from "./Database.ts"

export type Signal =
  | { readonly _tag: "Listening" }
  | { readonly _tag: "Notified"; readonly payload: string }
  /** It listens again after a rest: what was notified meanwhile is gone. */
  | { readonly _tag: "Rested" }
  /** Also where a connection could not be opened. */
  | { readonly _tag: "Lost"; readonly why: string }

/** So many notifications within so many milliseconds are worth a rest. */
const many = 25
const within = 50

/** How long a rest is. */
const rest = "100 millis"

export class Notifications extends Context.Service<
  Notifications,
  {
    /**
     * Never ends and never fails. The channel is the one of that name in Jarvis's own schema.
     *
     * One that `rests` stops listening for a moment when very many are notified: each notification costs whoever commits it
     * a signal to each session that listens, and this process a packet.
     */
    readonly listen: (channel: string, options: { readonly rests: boolean }) => Stream.Stream<Signal>
  }
>()("jarvis/database/Notifications") {
  static readonly layer: Layer.Layer<Notifications, never, PgClient.PgClient> = Layer.effect(
    Notifications,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      /** Listens until so many are notified that a rest is due. */
      const once = Effect.fnUntraced(function* (
        channel: string,
        begin: Signal,
        rests: boolean,
        signals: Queue.Enqueue<Signal>
      ): Effect.fn.Return<void, SqlError.SqlError> {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const queue = yield* sql.listen(channel)
            yield* Queue.offer(signals, begin)
            let heard = 0
            let since = 0
            while (!rests || heard < many) {
              const some = yield* Queue.takeAll(queue)
              yield* Queue.offerAll(
                signals,
                some.map(({ payload }): Signal => ({ _tag: "Notified", payload }))
              )
              const now = yield* Clock.currentTimeMillis
              if (now - since > within) {
                since = now
                heard = 0
              }
              heard += some.length
            }
          })
        )
      })

      const listening = Effect.fnUntraced(function* (
        name: string,
        rests: boolean,
        signals: Queue.Enqueue<Signal>
      ): Effect.fn.Return<never, SqlError.SqlError> {
        const [row] = yield* sql<{
          readonly channel: string
        }>`SELECT notification_channel(${name}) AS channel`
        const channel = row?.channel ?? name
        yield* once(channel, { _tag: "Listening" }, rests, signals)
        while (true) {
          yield* Effect.sleep(rest)
          yield* once(channel, { _tag: "Rested" }, rests, signals)
        }
      })

      return Notifications.of({
        listen: (channel, { rests }) =>
          // A queue between: what comes while its reader is busy comes together, and a loss is known at once.
          Stream.callback<Signal>((signals) =>
            Stream.callback<Signal, SqlError.SqlError>((heard) =>
              Effect.catch(listening(channel, rests, heard), (error) => Queue.fail(heard, error))
            ).pipe(
              Stream.tapError((error) => {
                const why = sayWhy(error)
                return Effect.logWarning(`listener lost its connection, connects again: ${why}`).pipe(
                  Effect.annotateLogs({ channel }),
                  Effect.andThen(Queue.offer(signals, { _tag: "Lost", why }))
                )
              }),
              // Its delay begins anew with whatever is heard.
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
