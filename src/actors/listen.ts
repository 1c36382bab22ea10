import { Effect, Stream } from "effect"
import { Notifications, type Signal } from "../database/Notifications.ts"
import { Health } from "./Health.ts"
import { supervise } from "./supervise.ts"

/** A listener of one of the triggers' channels. */
export interface Listener<E, R> {
  readonly channel: string
  /** As health calls it: `event listener`. */
  readonly component: string
  /** As the log calls whoever listens: `Event processor`. */
  readonly name: string
  /** Finds what nobody notified: at each (re)connection, because notifications sent meanwhile are gone. */
  readonly sweep: Effect.Effect<void, E, R>
  /** Gets the payloads that came together. */
  readonly onNotified: (payloads: ReadonlyArray<string>) => Effect.Effect<void, E, R>
  /** Finds what was notified during a rest. Whoever has it rests when very many are notified. */
  readonly onRested?: Effect.Effect<void, E, R>
}

/** Listens for good, supervised: up while it listens. People grep for what it says when it begins. */
export const listen = Effect.fnUntraced(function* <E, R>({
  channel,
  component,
  name,
  onNotified,
  onRested,
  sweep
}: Listener<E, R>) {
  const notifications = yield* Notifications
  const health = yield* Health
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

  const handle = Effect.fnUntraced(function* (signals: ReadonlyArray<Signal>) {
    const connection = signals.findLast(({ _tag }) => _tag === "Listening" || _tag === "Lost")
    if (connection?._tag === "Lost") return yield* health.report(component, "down", connection.why)
    if (connection === undefined) {
      if (onRested !== undefined && signals.some(({ _tag }) => _tag === "Rested")) yield* onRested
      return yield* onNotified(payloadsOf(signals))
    }
    yield* listening
    yield* health.report(component, "up")
    yield* sweep
  })

  yield* Stream.runForEachArray(
    notifications.listen(channel, { rests: onRested !== undefined }),
    handle
  ).pipe(supervise(component, { reportsItself: true }))
})

const payloadsOf = (signals: ReadonlyArray<Signal>): ReadonlyArray<string> =>
  signals.flatMap((signal) => (signal._tag === "Notified" ? [signal.payload] : []))
