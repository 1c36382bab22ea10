import { assert, describe, it } from "@effect/vitest"
import { Clock, DateTime, Effect } from "effect"
import { Branch } from "../../src/domain/Branch.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { elapse, inTime, json, key, kutaisi, makeStub, record, rentProg, tbilisi } from "./stub.ts"

const fetch = (id: number) => RentProg.use((rentprog) => Effect.exit(rentprog.fetch(tbilisi, key("car", id))))
const standing = (branch = tbilisi) => RentProg.use((rentprog) => rentprog.standing(branch))
const breaker = Effect.map(standing(), (branch) => branch.breaker)

describe("where a branch stands", () => {
  it.effect("is told however often, and uses no quota up", () => {
    const made = makeStub(record)
    return Effect.gen(function* () {
      for (let n = 0; n < 100; n += 1) {
        assert.deepStrictEqual(yield* standing(), {
          quota_left: 15,
          quota_most: 15,
          reads_per_minute: 60,
          quota_paused_until: null,
          breaker: "closed",
          token: "ok",
          user_token: "ok"
        })
      }
      assert.lengthOf(made.reads, 0)
      assert.lengthOf(made.tokenRequests, 0)
      yield* inTime(Effect.forEach([1, 2, 3], fetch))
      assert.strictEqual((yield* standing()).quota_left, 12)
      assert.strictEqual((yield* standing(kutaisi)).quota_left, 15)
      yield* elapse(60_000)
      assert.strictEqual((yield* standing()).quota_left, 15)
    }).pipe(Effect.provide(rentProg(made, 60)))
  })

  it.effect("looked at all the time, leaves the quota flowing in as fast", () => {
    const made = makeStub(record)
    return Effect.gen(function* () {
      yield* inTime(Effect.forEach([1, 2, 3, 4, 5, 6, 7, 8], fetch, { concurrency: "unbounded" }))
      const begun = (yield* standing()).quota_left
      for (let n = 0; n < 50; n += 1) {
        yield* elapse(100)
        yield* standing()
      }
      // 46 flow in within a minute: 3 within 5 s.
      assert.strictEqual((yield* standing()).quota_left, begun + 3)
    }).pipe(Effect.provide(rentProg(made, 60)))
  })

  it.effect("says until when RentProg asked to wait, and that no read may go out until then", () => {
    const made = makeStub((call) =>
      call.number === 0 ? json({}, 429, { "retry-after": "30" }) : record(call)
    )
    return Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(fetch(1))
      yield* elapse(1000)
      const { quota_left, quota_paused_until } = yield* standing()
      const sent = made.reads[0]?.at ?? Number.NaN
      assert.strictEqual(quota_left, 0)
      assert.strictEqual(quota_paused_until && DateTime.toEpochMillis(quota_paused_until), sent + 30_000)
      assert.isNull((yield* standing(kutaisi)).quota_paused_until)
      yield* inTime(Effect.sleep("30 seconds"))
      assert.isNull((yield* standing()).quota_paused_until)
      assert.isAbove((yield* standing()).quota_left, 0)
      assert.isAtLeast(yield* Clock.currentTimeMillis, sent + 30_000)
      fiber.interruptUnsafe()
    }).pipe(Effect.provide(rentProg(made, 60)))
  })

  it.effect("says how the breaker is: open, then waiting for a call that tries, then closed", () => {
    let broken = true
    const made = makeStub((call) => (broken ? json({}, 503) : record(call)))
    return Effect.gen(function* () {
      assert.strictEqual(yield* breaker, "closed")
      // Ten failures in a row open it, those of retries included.
      yield* inTime(Effect.forEach([1, 2, 3, 4], fetch))
      assert.strictEqual(yield* breaker, "open")
      assert.strictEqual((yield* standing(kutaisi)).breaker, "closed")
      yield* elapse(10_000)
      assert.strictEqual(yield* breaker, "half-open")
      yield* inTime(fetch(1))
      assert.strictEqual(yield* breaker, "open")
      broken = false
      yield* elapse(60_000)
      assert.strictEqual(yield* breaker, "half-open")
      yield* inTime(fetch(1))
      assert.strictEqual(yield* breaker, "closed")
    }).pipe(Effect.provide(rentProg(made)))
  })
})

describe("the tokens of a branch", () => {
  const tokens = (branch = tbilisi) =>
    Effect.map(standing(branch), ({ token, user_token }) => [token, user_token])

  it.effect("are missing where none is set", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* tokens(Branch.make("rustavi")), ["missing", null])
      assert.deepStrictEqual(yield* tokens(), ["ok", "ok"])
    }).pipe(Effect.provide(rentProg(makeStub(record))))
  )

  it.effect("are refused from when RentProg refuses a company token until a read goes well", () => {
    let status = 403
    const made = makeStub(
      (call) => (call.bearer === "user-secret-tbilisi" ? json([]) : record(call)),
      () => (status === 200 ? undefined : json({}, status))
    )
    return Effect.gen(function* () {
      yield* inTime(fetch(1))
      assert.deepStrictEqual(yield* tokens(), ["refused", "ok"])
      assert.deepStrictEqual(yield* tokens(kutaisi), ["ok", "ok"])
      status = 500
      yield* inTime(fetch(1))
      assert.deepStrictEqual(yield* tokens(), ["refused", "ok"])
      status = 200
      yield* inTime(fetch(1))
      assert.deepStrictEqual(yield* tokens(), ["ok", "ok"])
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect.each([401, 403])(
    "are refused where a read is answered %i, and taken where it is a 404",
    (status) => {
      let answer = status
      const made = makeStub(() => json({}, answer))
      return Effect.gen(function* () {
        yield* inTime(fetch(1))
        assert.deepStrictEqual(yield* tokens(), ["refused", "ok"])
        answer = 404
        yield* inTime(fetch(1))
        assert.deepStrictEqual(yield* tokens(), ["ok", "ok"])
      }).pipe(Effect.provide(rentProg(made)))
    }
  )
})

it.effect("the branches are those that have a token", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual((yield* RentProg).branches, [tbilisi, kutaisi])
  }).pipe(Effect.provide(rentProg(makeStub(record))))
)
