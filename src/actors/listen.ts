import { Effect, Stream } from "effect"
import { Notifications, type Signal } from "../database/Notifications.ts"

/** A listener of one of the triggers' channels. */
export interface Listener<E, R> {
  readonly channel: string
  /** As the log calls whoever listens: `Event processor`. */
  readonly name: string
  /** Finds what nobody notified: at each (re)connection, because notifications sent meanwhile are gone. */
  readonly sweep: Effect.Effect<void, E, R>
  /** Gets the payloads that came together. */
  readonly onNotified: (payloads: ReadonlyArray<string>) => Effect.Effect<void, E, R>
}

/** Listens for good. People grep for what it says when it begins. */
export const listen = Effect.fnUntraced(function* <E, R>({
  channel,
  name,
  onNotified,
  sweep
}: Listener<E, R>) {
  const notifications = yield* Notifications
  let started = false
  const listening = Effect.suspend(() => {
    const first = !started
    started = true
    return Effect.logInfo(
      first
        ? `✅ ${name} started, listening for pg_notify events`
        : `${name} listens again, sweeps what it missed`
    )
  })
  yield* Stream.runForEachArray(notifications.listen(channel), (signals) =>
    signals.some(({ _tag }) => _tag === "Listening")
      ? Effect.andThen(listening, sweep)
      : onNotified(payloadsOf(signals))
  )
})

const payloadsOf = (signals: ReadonlyArray<Signal>): ReadonlyArray<string> =>
  signals.flatMap((signal) => (signal._tag === "Notified" ? [signal.payload] : []))
