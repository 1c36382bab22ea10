import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Health } from "../../src/actors/Health.ts"
import { listen } from "../../src/actors/listen.ts"
import { Notifications, type Signal } from "../../src/database/Notifications.ts"

const listening: Signal = { _tag: "Listening" }
const lost: Signal = { _tag: "Lost", why: "the cable is out" }
const rested: Signal = { _tag: "Rested" }
const notified = (payload: string): Signal => ({ _tag: "Notified", payload })

/** A listener, what it did so far, and how Health has it. */
const listener = Effect.gen(function* () {
  const arrays = yield* Queue.unbounded<ReadonlyArray<Signal>>()
  const deeds: Array<string> = []
  let broken = false
  const fiber = yield* listen({
    channel: "a channel",
    component: "event listener",
    name: "A listener",
    sweep: Effect.suspend(() => {
      deeds.push("sweep")
      return broken ? Effect.fail("no sweep") : Effect.void
    }),
    onNotified: (payloads) => Effect.sync(() => deeds.push(payloads.join(" "))),
    onRested: Effect.sync(() => deeds.push("look"))
  }).pipe(
    Effect.provideService(Notifications, {
      listen: () => Stream.flatMap(Stream.fromQueue(arrays), Stream.fromIterable)
    }),
    Effect.forkChild
  )
  const { components } = yield* Health
  const state = Effect.map(components, (all) => {
    const part = all.find(({ name }) => name === "event listener")
    return [part?.state, part?.detail].filter((said) => said !== null).join(": ")
  })
  /** What comes together, what it does then, and how it is. */
  const hears = Effect.fnUntraced(function* (...signals: ReadonlyArray<Signal>) {
    deeds.length = 0
    yield* Queue.offer(arrays, signals)
    yield* TestClock.adjust(0)
    return [deeds.join(), yield* state]
  })
  const breaks = (now: boolean) =>
    Effect.sync(() => {
      broken = now
    })
  return { hears, state, breaks, fiber }
})

it.effect("a listener is up while it listens, and sweeps each time it begins to", () =>
  Effect.gen(function* () {
    const { fiber, hears, state } = yield* listener
    assert.strictEqual(yield* state, "starting")
    assert.deepStrictEqual(yield* hears(listening), ["sweep", "up"])
    assert.deepStrictEqual(yield* hears(notified("1"), notified("2")), ["1 2", "up"])
    assert.deepStrictEqual(yield* hears(notified("1"), rested, notified("2")), ["look,1 2", "up"])
    assert.deepStrictEqual(yield* hears(rested, lost), ["", "down: the cable is out"])
    assert.deepStrictEqual(yield* hears(lost), ["", "down: the cable is out"])
    assert.deepStrictEqual(yield* hears(listening, notified("3")), ["sweep", "up"])
    // Nobody is told what came before a loss: the sweep after it finds that.
    assert.deepStrictEqual(yield* hears(notified("4"), lost), ["", "down: the cable is out"])
    assert.deepStrictEqual(yield* hears(lost, listening), ["sweep", "up"])
    assert.deepStrictEqual(yield* hears(listening, lost), ["", "down: the cable is out"])
    yield* Fiber.interrupt(fiber)
    assert.strictEqual(yield* state, "down: it has ended")
  }).pipe(Effect.provide(Health.layer))
)

it.effect("a listener whose sweep fails is down, and listens anew", () =>
  Effect.gen(function* () {
    const { breaks, hears, state } = yield* listener
    yield* breaks(true)
    assert.deepStrictEqual(yield* hears(listening), ["sweep", "down: an error, see the log"])
    yield* breaks(false)
    yield* TestClock.adjust("2 seconds")
    assert.strictEqual(yield* state, "down: an error, see the log")
    assert.deepStrictEqual(yield* hears(listening), ["sweep", "up"])
  }).pipe(Effect.provide(Health.layer))
)
