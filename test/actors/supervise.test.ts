import { assert, layer } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Metric } from "effect"
import { TestClock } from "effect/testing"
import { Health } from "../../src/actors/Health.ts"
import { restarts, supervise } from "../../src/actors/supervise.ts"
import { DatabaseError } from "../../src/domain/Reason.ts"

/** Restarts counted so far under a name. */
const counted = (name: string) =>
  Effect.map(Metric.value(Metric.withAttributes(restarts, { name })), ({ count }) => Number(count))

/** How Health has a part, as `state: detail`; undefined where it does not have it. */
const state = Effect.fnUntraced(function* (name: string) {
  const part = (yield* (yield* Health).components).find((component) => component.name === name)
  return part && [part.state, part.detail]
})

layer(Health.layer)("what is supervised", (it) => {
  it.effect.each([
    { how: "fails", end: Effect.fail("broken") },
    { how: "dies", end: Effect.die(new Error("broken")) }
  ])("and $how starts again, each time later, and no later than after 30 s", ({ end, how }) =>
    Effect.gen(function* () {
      const name = `a part that ${how}`
      const starts: Array<number> = []
      const part = Effect.andThen(
        Effect.map(Clock.currentTimeMillis, (now) => starts.push(now)),
        end
      )
      const fiber = yield* Effect.forkChild(supervise(name)(part))
      while (starts.length < 10) yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(fiber)
      const gaps = starts.slice(1).map((at, index) => (at - (starts[index] ?? 0)) / 1000)
      for (const [index, usual] of [1, 2, 4, 8, 16, 30, 30, 30, 30].entries()) {
        const gap = gaps[index] ?? 0
        // A fifth of jitter either way, and the steps of the clock.
        assert.isTrue(gap >= usual * 0.8 - 0.1 && gap <= usual * 1.2 + 0.1, `${usual}: ${gap}`)
      }
      assert.strictEqual(yield* counted(name), starts.length)
    })
  )

  it.effect("and fails after it ran well for a minute starts again as soon as the first time", () =>
    Effect.gen(function* () {
      const starts: Array<number> = []
      const part = Effect.andThen(
        Effect.map(Clock.currentTimeMillis, (now) => starts.push(now)),
        Effect.andThen(Effect.sleep("1 minute"), Effect.fail("broken"))
      )
      const fiber = yield* Effect.forkChild(supervise("a part that runs well")(part))
      while (starts.length < 6) yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(fiber)
      for (const [index, at] of starts.slice(1).entries()) {
        assert.isAtMost(at - (starts[index] ?? 0), 61_300)
      }
    })
  )

  it.effect("and succeeds has ended", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* supervise("a part that succeeds")(Effect.succeed(7)), 7)
      assert.strictEqual(yield* counted("a part that succeeds"), 0)
    })
  )

  it.effect("and is interrupted, from without or within, has ended", () =>
    Effect.gen(function* () {
      const without = yield* Effect.forkChild(supervise("a part that is told to stop")(Effect.never))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(without)
      const within = yield* Effect.exit(supervise("a part that stops")(Effect.interrupt))
      assert.isTrue(Exit.isFailure(within) && Cause.hasInterruptsOnly(within.cause))
      assert.strictEqual(yield* counted("a part that is told to stop"), 0)
      assert.strictEqual(yield* counted("a part that stops"), 0)
    })
  )

  /** What PostgreSQL said of a row, and what of it may be told. */
  const refused = new DatabaseError({ detail: 'invalid input: "Иван Петров"', told: "an error\n  (22P02)" })

  it.effect.each([
    { how: "fails", end: Effect.fail(refused), told: "an error (22P02)" },
    { how: "fails otherwise", end: Effect.fail(new Error("Иван Петров")), told: "an error, see the log" },
    { how: "dies", end: Effect.die(new Error("Иван Петров")), told: "a defect, see the log" }
  ])(
    "and $how is down while it waits, up while it runs, and told of without a row's words",
    ({ end, how, told }) =>
      Effect.gen(function* () {
        const name = `a part that soon ${how}`
        const part = Effect.andThen(Effect.sleep("10 seconds"), end)
        const fiber = yield* Effect.forkChild(supervise(name)(part))
        yield* TestClock.adjust("9 seconds")
        assert.deepStrictEqual(yield* state(name), ["up", null])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(yield* state(name), ["down", told])
        yield* TestClock.adjust("1200 millis")
        assert.deepStrictEqual(yield* state(name), ["up", null])
        yield* Fiber.interrupt(fiber)
        assert.isUndefined(yield* state(name))
      })
  )

  it.effect("and fails again and again is down until it has been well for a minute", () =>
    Effect.gen(function* () {
      let runs = 0
      const part = Effect.suspend(() => {
        runs += 1
        return runs > 4 ? Effect.never : Effect.andThen(Effect.sleep("10 seconds"), Effect.fail("broken"))
      })
      const fiber = yield* Effect.forkChild(supervise("a part that goes on failing")(part))
      yield* TestClock.adjust("10 seconds")
      yield* TestClock.adjust("1200 millis")
      assert.deepStrictEqual(yield* state("a part that goes on failing"), ["up", null])
      yield* TestClock.adjust("10 seconds")
      while (runs < 5) {
        assert.deepStrictEqual(yield* state("a part that goes on failing"), ["down", "an error, see the log"])
        yield* TestClock.adjust("100 millis")
      }
      yield* TestClock.adjust("59 seconds")
      assert.deepStrictEqual(yield* state("a part that goes on failing"), ["down", "an error, see the log"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* state("a part that goes on failing"), ["up", null])
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("in a run of its own each time, as a branch's drain is, is down all the same", () =>
    Effect.gen(function* () {
      const health = yield* Health
      let runs = 0
      const part = Effect.suspend(() => {
        runs += 1
        return runs % 2 === 1 ? Effect.fail("broken") : Effect.void
      })
      const drain = Effect.forkChild(supervise("a drain")(part))
      yield* drain
      yield* TestClock.adjust("20 seconds")
      assert.deepStrictEqual(yield* state("a drain"), ["up", null])
      yield* drain
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(runs, 4)
      assert.deepStrictEqual(yield* state("a drain"), ["down", "an error, see the log"])
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(yield* state("a drain"), ["up", null])
      yield* health.forget("a drain")
    })
  )

  it.effect("and says by itself when it is up stays down until then", () =>
    Effect.gen(function* () {
      const health = yield* Health
      const name = "a part that reports itself"
      const part = Effect.sleep("10 seconds").pipe(
        Effect.andThen(health.report(name, "up")),
        Effect.andThen(Effect.sleep("10 seconds")),
        Effect.andThen(Effect.fail("broken"))
      )
      const fiber = yield* Effect.forkChild(supervise(name, { reportsItself: true })(part))
      assert.isUndefined(yield* state(name))
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* state(name), ["up", null])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* state(name), ["down", "an error, see the log"])
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(yield* state(name), ["down", "an error, see the log"])
      yield* TestClock.adjust("6200 millis")
      assert.deepStrictEqual(yield* state(name), ["up", null])
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("and never failed has its count all the same", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(supervise("a part that is well")(Effect.never))
      yield* TestClock.adjust("1 second")
      const series = (yield* Metric.snapshot).filter(
        ({ attributes, id }) =>
          id === "jarvis_restarts_total" && attributes?.["name"] === "a part that is well"
      )
      assert.lengthOf(series, 1)
      yield* Fiber.interrupt(fiber)
    })
  )
})
