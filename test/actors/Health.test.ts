import { assert, it } from "@effect/vitest"
import { DateTime, Effect } from "effect"
import { TestClock } from "effect/testing"
import { Health, required } from "../../src/actors/Health.ts"

/** All parts, as `name state second detail`. */
const parts = Effect.gen(function* () {
  const health = yield* Health
  return (yield* health.components).map(({ detail, name, since, state }) =>
    [name, state, DateTime.toEpochMillis(since) / 1000, detail].join(" ").trim()
  )
})

const of = (name: string) => Effect.map(parts, (all) => all.filter((part) => part.startsWith(name)))

it.effect("what is required starts, and the service is ready when all of it is up", () =>
  Effect.gen(function* () {
    const health = yield* Health
    assert.deepStrictEqual(
      yield* parts,
      required.map((name) => `${name} starting 0`)
    )
    for (const name of required) {
      assert.isFalse(yield* health.ready)
      yield* health.report(name, "up")
    }
    assert.isTrue(yield* health.ready)
  }).pipe(Effect.provide(Health.layer))
)

it.effect.each([
  ["database", false],
  ["migrations", false],
  // Its sweep finds what nobody tells.
  ["event listener", true],
  ["history listener", true]
] as const)("while the %s is down, the service is ready: %s", ([name, ready]) =>
  Effect.gen(function* () {
    const health = yield* Health
    for (const each of required) yield* health.report(each, "up")
    yield* health.report(name, "down", "gone")
    assert.strictEqual(yield* health.ready, ready)
    yield* health.report(name, "up")
    assert.isTrue(yield* health.ready)
    yield* health.forget(name)
    assert.strictEqual(yield* health.ready, ready)
    assert.deepStrictEqual(yield* of(name), [`${name} down 0 it has ended`])
  }).pipe(Effect.provide(Health.layer))
)

it.effect("any other part that is down is told of, and leaves the service ready", () =>
  Effect.gen(function* () {
    const health = yield* Health
    for (const each of required) yield* health.report(each, "up")
    yield* health.report("log reader", "up")
    yield* health.report("branch tbilisi", "down", "a defect")
    assert.isTrue(yield* health.ready)
    assert.deepStrictEqual((yield* parts).slice(required.length), [
      "branch tbilisi down 0 a defect",
      "log reader up 0"
    ])
    yield* health.forget("branch tbilisi")
    yield* health.forget("nobody")
    assert.deepStrictEqual((yield* parts).slice(required.length), ["log reader up 0"])
  }).pipe(Effect.provide(Health.layer))
)

it.effect("since stays while the state does, and the detail is the last one", () =>
  Effect.gen(function* () {
    const health = yield* Health
    const report = (state: "up" | "down", detail?: string) =>
      Effect.andThen(TestClock.adjust("1 second"), health.report("database", state, detail))
    yield* report("up")
    yield* report("up")
    assert.deepStrictEqual(yield* of("database"), ["database up 1"])
    yield* report("down", "first")
    yield* report("down", `second\n\tline ${"x".repeat(1000)}`)
    assert.deepStrictEqual(yield* of("database"), [`database down 3 second line ${"x".repeat(288)}`])
    yield* report("up")
    assert.deepStrictEqual(yield* of("database"), ["database up 5"])
  }).pipe(Effect.provide(Health.layer))
)
