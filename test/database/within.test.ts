import { assert, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { within } from "../../src/database/within.ts"

const soon = within(Duration.seconds(2))

it.effect("passes on what ends in time, well or badly", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* soon(Effect.succeed(7)), 7)
    assert.strictEqual(yield* Effect.flip(soon(Effect.fail("broken"))), "broken")
  })
)

it.effect("waits no longer, not even for what cannot be interrupted", () =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Effect.flip(soon(Effect.uninterruptible(Effect.never))))
    yield* TestClock.adjust("1999 millis")
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust("1 milli")
    assert.strictEqual((yield* Fiber.join(fiber)).message, "no answer within 2s")
  })
)

it.effect.each(["the time is up", "its caller is interrupted"])("stops what still runs when %s", (when) =>
  Effect.gen(function* () {
    let stopped = false
    const work = Effect.onInterrupt(Effect.never, () =>
      Effect.sync(() => {
        stopped = true
      })
    )
    const fiber = yield* Effect.forkChild(Effect.exit(soon(work)))
    yield* TestClock.adjust("1 second")
    assert.isFalse(stopped)
    yield* when === "the time is up" ? TestClock.adjust("1 second") : Fiber.interrupt(fiber)
    yield* Effect.yieldNow
    assert.isTrue(stopped)
  })
)
