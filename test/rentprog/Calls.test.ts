import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit, Fiber, Metric } from "effect"
import { TestClock } from "effect/testing"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { elapse, inTime, json, key, kutaisi, makeStub, record, rentProg, tbilisi } from "./stub.ts"

const fetch = Effect.fnUntraced(function* (id: number, branch = tbilisi) {
  return yield* (yield* RentProg).fetch(branch, key("car", id))
})
const fetchAll = (ids: ReadonlyArray<number>, branch = tbilisi) =>
  Effect.forEach(ids, (id) => Effect.exit(fetch(id, branch)), { concurrency: "unbounded" })
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

describe("token", () => {
  const stub = () => makeStub(record)

  it.effect("is shared by all reads until shortly before it runs out", () => {
    const { layer, reads, tokenRequests } = stub()
    return Effect.gen(function* () {
      yield* inTime(fetchAll(numbers(1, 8)))
      assert.strictEqual(tokenRequests.length, 1)
      yield* TestClock.setTime(224_000)
      yield* inTime(fetch(9))
      assert.strictEqual(tokenRequests.length, 1)
      yield* TestClock.setTime(226_000)
      yield* inTime(fetch(10))
      assert.strictEqual(tokenRequests.length, 2)
      assert.deepStrictEqual(
        reads.filter(({ path }) => path !== "/all_cars_full").map(({ bearer }) => bearer),
        [...numbers(1, 9).map(() => "token-1"), "token-2"]
      )
    }).pipe(Effect.provide(rentProg({ layer, reads, tokenRequests })))
  })

  it.effect("is asked for again after a request that failed", () => {
    const made = makeStub(record, ({ number }) => (number === 0 ? json({}, 401) : undefined))
    return Effect.gen(function* () {
      const error = yield* inTime(Effect.flip(fetch(1)))
      assert.strictEqual(error._tag, "RentProgUnauthorized")
      yield* inTime(fetch(1))
      assert.strictEqual(made.tokenRequests.length, 2)
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect("that RentProg refuses is replaced once, for all who bore it", () => {
    const made = makeStub((call) => (call.bearer === "token-1" ? json({}, 401) : record(call)))
    return Effect.gen(function* () {
      const exits = yield* inTime(fetchAll(numbers(1, 6)))
      assert.isTrue(exits.every(Exit.isSuccess))
      assert.strictEqual(made.tokenRequests.length, 2)
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect("that is refused anew is an error after one repeat", () => {
    const made = makeStub(() => json({}, 401))
    return Effect.gen(function* () {
      const error = yield* inTime(Effect.flip(fetch(1)))
      assert.strictEqual(error._tag, "RentProgUnauthorized")
      assert.strictEqual(made.reads.length, 2)
      assert.strictEqual(made.tokenRequests.length, 2)
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect("that ran out while a read waited for quota is not sent", () => {
    const made = makeStub((call) =>
      call.number < 3 ? json({}, 429, { "retry-after": "230" }) : record(call)
    )
    return Effect.gen(function* () {
      yield* inTime(fetch(1))
      assert.deepStrictEqual(
        made.reads.map(({ bearer }) => bearer),
        ["token-1", "token-2", "token-3", "token-4"]
      )
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect("is used for a while though the clock here is ahead", () => {
    const made = makeStub(record, () => json({ token: "t", exp: "1969-12-31T23:00:00.000+00:00" }))
    return Effect.gen(function* () {
      yield* inTime(fetch(1))
      yield* inTime(fetch(2))
      assert.strictEqual(made.tokenRequests.length, 1)
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect.each([
    { token: json({}, 429), tag: "RentProgRateLimited" },
    { token: json({}, 422), tag: "RentProgBadResponse" },
    { token: json({ token: "t" }), tag: "RentProgBadResponse" },
    { token: new Response("<html>"), tag: "RentProgBadResponse" }
  ])("request that goes wrong says how: %#", ({ tag, token }) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* inTime(Effect.flip(fetch(1))))._tag, tag)
    }).pipe(Effect.provide(rentProg(makeStub(record, () => token))))
  )
})

describe("quota", () => {
  it.effect("holds in every minute, wherever it starts, and is used to the full", () => {
    const made = makeStub(record)
    return Effect.gen(function* () {
      yield* inTime(Effect.andThen(fetch(1), fetch(2)))
      yield* elapse(40_000)
      const before = made.reads.length
      assert.strictEqual(before, 2)
      yield* inTime(fetchAll(numbers(3, 10)))
      const times = made.reads.map(({ at }) => at)
      for (const [index, at] of times.entries()) {
        assert.isAtLeast((times[index + 4] ?? Number.POSITIVE_INFINITY) - at, 60_000)
      }
      assert.isBelow(times.at(-1) ?? 0, 185_000)
    }).pipe(Effect.provide(rentProg(made, 4)))
  })

  it.effect("counts fallback addresses and repeats", () => {
    const made = makeStub((call) => (call.path.startsWith("/cars") ? json({}, 404) : record(call)))
    return Effect.gen(function* () {
      const { fetchedAt } = yield* inTime(fetch(1))
      assert.deepStrictEqual(
        made.reads.map(({ path }) => path),
        ["/cars/1", "/car/1"]
      )
      assert.isAtLeast(fetchedAt, 60_000)
      assert.strictEqual(fetchedAt, made.reads[1]?.at)
    }).pipe(Effect.provide(rentProg(made, 1)))
  })

  it.effect("is each branch's own", () => {
    const made = makeStub(record)
    return Effect.gen(function* () {
      yield* inTime(fetchAll([1], tbilisi))
      yield* inTime(fetchAll([1], kutaisi))
      assert.isBelow(made.reads[1]?.at ?? Number.NaN, 10_000)
    }).pipe(Effect.provide(rentProg(made, 1)))
  })

  it.effect("is not used up by whoever stopped waiting", () => {
    const made = makeStub(record)
    return Effect.gen(function* () {
      yield* inTime(fetch(1))
      const leaving = yield* Effect.forkChild(fetchAll([2, 3, 4]))
      yield* elapse(1_000)
      yield* Fiber.interrupt(leaving)
      yield* elapse(200_000)
      yield* inTime(fetch(5))
      assert.deepStrictEqual(
        made.reads.map(({ path }) => path),
        ["/cars/1", "/cars/5"]
      )
    }).pipe(Effect.provide(rentProg(made, 1)))
  })
})

describe("429", () => {
  it.effect.each([
    { headers: { "retry-after": "7" }, wait: 7_000 },
    { headers: {}, wait: 60_000 },
    { headers: { "retry-after": "soon" }, wait: 60_000 },
    { headers: { "retry-after": "86400" }, wait: 300_000 }
  ])("holds up the whole branch, and no other: %o", ({ headers, wait }) => {
    const made = makeStub((call) =>
      call.bearer === "token-1" && call.at < 1_000 ? json({}, 429, headers) : record(call)
    )
    return Effect.gen(function* () {
      const first = yield* Effect.forkChild(fetch(1))
      yield* elapse(1_000)
      const second = yield* Effect.forkChild(fetch(2))
      yield* inTime(fetch(3, kutaisi))
      assert.deepStrictEqual(
        made.reads.map(({ path }) => path),
        ["/cars/1", "/cars/3"]
      )
      const fetched = yield* inTime(Effect.all([Fiber.join(first), Fiber.join(second)]))
      const limitedAt = made.reads[0]?.at ?? Number.NaN
      for (const { fetchedAt } of fetched) {
        assert.isAtLeast(fetchedAt, limitedAt + wait)
        assert.isBelow(fetchedAt, limitedAt + wait + 1_000)
      }
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect("is an error after a few waits", () => {
    const made = makeStub(() => json({}, 429))
    return Effect.gen(function* () {
      const error = yield* inTime(Effect.flip(fetch(1)))
      assert.strictEqual(error._tag, "RentProgRateLimited")
      assert.strictEqual(made.reads.length, 4)
      assert.isAtLeast(made.reads[3]?.at ?? 0, 180_000)
    }).pipe(Effect.provide(rentProg(made)))
  })
})

describe("a call that fails", () => {
  it.effect.each(["drop", 500, 502, 503] as const)(
    "is made again, with the time between growing: %s",
    (fault) => {
      const made = makeStub((call) =>
        call.number < 2 ? (fault === "drop" ? fault : json({}, fault)) : record(call)
      )
      return Effect.gen(function* () {
        const { fetchedAt } = yield* inTime(fetch(1))
        const [first = 0, second = 0, third = 0] = made.reads.map(({ at }) => at)
        assert.strictEqual(fetchedAt, third)
        assert.isAtLeast(second - first, 400)
        assert.isBelow(second - first, 800)
        assert.isAtLeast(third - second, 800)
        assert.isBelow(third - second, 1_400)
      }).pipe(Effect.provide(rentProg(made)))
    }
  )

  it.effect("does not come back at the same time as others", () => {
    const made = makeStub((call) => (call.number < 8 ? "drop" : record(call)))
    return Effect.gen(function* () {
      yield* inTime(fetchAll(numbers(1, 8)))
      assert.isAbove(new Set(made.reads.slice(8).map(({ at }) => at)).size, 1)
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect.each([
    { answer: "drop", tag: "RentProgUnavailable", detail: "socket hang up" },
    { answer: 503, tag: "RentProgUnavailable", detail: "503" },
    { answer: "hang", tag: "RentProgTimeout", detail: "10s" },
    { answer: "half", tag: "RentProgTimeout", detail: "10s" }
  ] as const)("three times is an error: %o", ({ answer, detail, tag }) => {
    // The head of an answer, and then nothing.
    const half = () => new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))
    const made = makeStub(() => (answer === "half" ? half() : answer === 503 ? json({}, answer) : answer))
    return Effect.gen(function* () {
      const error = yield* inTime(Effect.flip(fetch(1)))
      assert.strictEqual(error._tag, tag)
      assert.include(error.detail, detail)
      assert.include(error.detail, "GET /cars/1 for branch tbilisi")
      assert.strictEqual(made.reads.length, 3)
    }).pipe(Effect.provide(rentProg(made)))
  })
})

describe("circuit breaker", () => {
  it.effect("opens after failures in a row, fails fast, and closes when a call gets through", () => {
    let broken = true
    const made = makeStub((call) => (broken ? json({}, 503) : record(call)))
    return Effect.gen(function* () {
      yield* inTime(fetchAll(numbers(1, 8)))
      const whenOpen = made.reads.length
      const error = yield* inTime(Effect.flip(fetch(9)))
      assert.strictEqual(error._tag, "RentProgUnavailable")
      assert.include(error.detail, "circuit open")
      assert.strictEqual(made.reads.length, whenOpen)

      // The probe fails: open again.
      yield* elapse(10_000)
      yield* inTime(Effect.flip(fetch(10)))
      assert.strictEqual(made.reads.length, whenOpen + 1)

      broken = false
      yield* elapse(10_000)
      yield* inTime(fetch(11))
      const exits = yield* inTime(fetchAll(numbers(12, 15)))
      assert.isTrue(exits.every(Exit.isSuccess))
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect("turns away at once what would have to wait for quota", () => {
    const made = makeStub(() => json({}, 503))
    return Effect.gen(function* () {
      const waiting = yield* Effect.forkChild(fetchAll(numbers(1, 8)))
      yield* elapse(5_000)
      assert.strictEqual(made.reads.length, 10)
      yield* inTime(Effect.flip(fetch(9)))
      assert.isBelow(yield* Clock.currentTimeMillis, 10_000)
      yield* Fiber.interrupt(waiting)
    }).pipe(Effect.provide(rentProg(made, 40)))
  })

  it.effect("leaves other branches alone", () => {
    const made = makeStub((call) => (call.bearer === "token-1" ? json({}, 503) : record(call)))
    return Effect.gen(function* () {
      yield* inTime(fetchAll(numbers(1, 8)))
      yield* inTime(fetch(1, kutaisi))
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect.each([400, 403, 404, 422, 429])("does not count %i as a failure", (status) => {
    let wrong = true
    const made = makeStub((call) => (wrong ? json({}, status, { "retry-after": "0" }) : record(call)))
    return Effect.gen(function* () {
      yield* inTime(Effect.forEach(numbers(1, 12), (id) => Effect.exit(fetch(id))))
      wrong = false
      yield* inTime(fetch(1))
    }).pipe(Effect.provide(rentProg(made)))
  })
})

it.effect("calls are counted by branch and status", () => {
  const made = makeStub(
    (call) => [json({}, 503), "drop" as const, json({}, 404), record(call)][call.number] ?? "hang"
  )
  return Effect.gen(function* () {
    yield* inTime(fetch(1))
    yield* inTime(Effect.flip(fetch(2)))
    const counted = (yield* Metric.snapshot).flatMap((metric) =>
      metric.id === "jarvis_rentprog_calls_total" && metric.type === "Counter"
        ? [[metric.attributes?.["branch"], metric.attributes?.["status"], metric.state.count]]
        : []
    )
    assert.sameDeepMembers(counted, [
      ["tbilisi", "200", 2],
      ["tbilisi", "503", 1],
      ["tbilisi", "connection", 1],
      ["tbilisi", "404", 1],
      ["tbilisi", "timeout", 3]
    ])
  }).pipe(Effect.provide(rentProg(made)), Effect.provideService(Metric.MetricRegistry, new Map()))
})
