import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Redacted, Schedule } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import { Branch } from "../../src/domain/Branch.ts"
import type { EntityType } from "../../src/domain/Entity.ts"
import { Patience, RentProg } from "../../src/rentprog/RentProg.ts"
import { Fault, Simulator, type Switches } from "../../src/simulator/Simulator.ts"
import { key, kutaisi, tbilisi } from "./stub.ts"

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

/** Quick to give up, so that what fails fails soon; and never by its circuit alone. */
const hasty = {
  callTimeout: "1 second",
  retry: Schedule.recurs(1),
  retriesAfter429: 1,
  failuresToOpen: 1_000,
  openFor: "1 second",
  tokenMargin: 0,
  gatherFor: "5 millis"
} as const

/** A simulated RentProg that is generous with its quota, and the client of it. */
const against = (
  switches: Partial<Switches> = {},
  http: Layer.Layer<HttpClient.HttpClient> = NodeHttpClient.layerUndici,
  patience: typeof Patience.Service = hasty
) =>
  Layer.unwrap(
    Effect.map(Simulator, ({ companyTokens, url }) =>
      RentProg.layer({
        baseUrl: url,
        userTokens: new Map(),
        tokens: new Map(
          Object.entries(companyTokens).map(([branch, token]) => [Branch.make(branch), Redacted.make(token)])
        ),
        readsPerMinute: 10_000,
        searchesPerMinute: 10
      }).pipe(Layer.provide([http, Layer.succeed(Patience, patience)]))
    )
  ).pipe(
    Layer.provideMerge(Simulator.layer({ readsPerMinute: 10_000, tokensPerMinute: 10_000, ...switches }))
  )

const put = Effect.fnUntraced(function* (kind: EntityType, ids: ReadonlyArray<number>) {
  const simulator = yield* Simulator
  yield* Effect.forEach(ids, (id) => simulator.put(kind, { id, company_id: 9247, note: `n${id}` }))
})

const fetch = Effect.fnUntraced(function* (kind: EntityType, id: number, branch = tbilisi) {
  return yield* (yield* RentProg).fetch(branch, key(kind, id))
})
const fetchAll = (kind: EntityType, ids: ReadonlyArray<number>) =>
  Effect.forEach(ids, (id) => fetch(kind, id), { concurrency: "unbounded" })

/** The paths of the reads so far. */
const reads = Effect.gen(function* () {
  const calls = yield* (yield* Simulator).calls
  return calls.map(({ path }) => path).filter((path) => path !== "/get_token")
})

/** Waits until a call to the path has come in. */
const untilRead = (path: string) =>
  Effect.repeat(reads, { until: (paths) => paths.includes(path), schedule: Schedule.spaced("5 millis") })

describe("one record", () => {
  it.live.each([
    { kind: "car", numbersAsText: false },
    { kind: "car", numbersAsText: true },
    { kind: "client", numbersAsText: true },
    { kind: "booking", numbersAsText: false }
  ] as const)("comes whole: %o", ({ kind, numbersAsText }) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put(kind, { id: 59439, company_id: 9247, unheard_of: ["x"] })
      const fetched = yield* fetch(kind, 59439)
      assert.strictEqual(fetched.entityType, kind)
      assert.strictEqual(fetched.entityId, "59439")
      assert.strictEqual(fetched.branch, tbilisi)
      assert.strictEqual(fetched.companyId, 9247)
      assert.deepStrictEqual(fetched.data["unheard_of"], ["x"])
      const [, call] = yield* simulator.calls
      assert.isAtMost(fetched.fetchedAt, call?.at ?? 0)
    }).pipe(Effect.provide(against({ numbersAsText })))
  )

  it.live("comes over fetch as well", () =>
    Effect.gen(function* () {
      yield* put("car", [1])
      assert.strictEqual((yield* fetch("car", 1)).entityId, "1")
    }).pipe(Effect.provide(against({}, FetchHttpClient.layer)))
  )

  it.live("comes from its fallback address", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      for (const kind of ["car", "client", "booking"] as const) {
        yield* put(kind, [5])
        yield* simulator.answerOnlyAtFallback(kind, 5)
        assert.strictEqual((yield* fetch(kind, 5)).entityId, "5")
      }
      assert.deepStrictEqual(yield* reads, [
        "/cars/5",
        "/car/5",
        "/clients/5",
        "/client/5",
        "/bookings/5",
        "/booking/5"
      ])
    }).pipe(Effect.provide(against()))
  )

  it.live("is read again with a new token when its token has ended", () =>
    Effect.gen(function* () {
      yield* put("car", [1])
      yield* fetch("car", 1)
      yield* (yield* Simulator).expireTokens
      yield* fetch("car", 1)
    }).pipe(Effect.provide(against()))
  )
})

describe("errors", () => {
  const cases: ReadonlyArray<readonly [string, Fault, string]> = [
    ["RentProgUnauthorized", Fault.Status({ status: 401 }), "401"],
    ["RentProgUnauthorized", Fault.Status({ status: 403 }), "403"],
    ["RentProgBadResponse", Fault.Status({ status: 422 }), "422"],
    ["RentProgBadResponse", Fault.Status({ status: 418 }), "418"],
    ["RentProgBadResponse", Fault.BrokenJson(), "JSON"],
    ["RentProgUnavailable", Fault.Status({ status: 502 }), "502"],
    ["RentProgUnavailable", Fault.Drop(), "GET /cars/1"],
    ["RentProgTimeout", Fault.Hang(), "1s"]
  ]
  it.live.each(cases)("%s: %o", ([tag, fault, detail]) =>
    Effect.gen(function* () {
      yield* put("car", [1])
      yield* (yield* Simulator).fault(fault, { id: 1 })
      const error = yield* Effect.flip(fetch("car", 1))
      assert.strictEqual(error._tag, tag)
      assert.include(error.detail, detail)
    }).pipe(Effect.provide(against()))
  )

  it.live("RentProgNotFound: a record that is gone, or of another branch", () =>
    Effect.gen(function* () {
      yield* put("car", [1])
      const gone = yield* Effect.flip(fetch("car", 2))
      const elsewhere = yield* Effect.flip(fetch("car", 1, kutaisi))
      assert.deepStrictEqual([gone._tag, elsewhere._tag], ["RentProgNotFound", "RentProgNotFound"])
      assert.include(gone.detail, "car:2")
    }).pipe(Effect.provide(against()))
  )

  it.live("RentProgUnauthorized: a branch without a token, without a call", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(fetch("car", 1, Branch.make("rustavi")))
      assert.strictEqual(error._tag, "RentProgUnauthorized")
      assert.strictEqual(error.detail, "no token for branch rustavi: add it to RENTPROG_TOKENS")
      assert.deepStrictEqual(yield* (yield* Simulator).calls, [])
    }).pipe(Effect.provide(against()))
  )

  it.live("RentProgUnauthorized: a company token that RentProg does not know", () =>
    Effect.gen(function* () {
      const { url } = yield* Simulator
      const layer = RentProg.layer({
        baseUrl: url,
        tokens: new Map([[tbilisi, Redacted.make("wrong")]]),
        userTokens: new Map(),
        readsPerMinute: 60,
        searchesPerMinute: 10
      }).pipe(Layer.provide(NodeHttpClient.layerUndici))
      const error = yield* Effect.flip(fetch("car", 1)).pipe(Effect.provide(layer))
      assert.strictEqual(error._tag, "RentProgUnauthorized")
      assert.include(error.detail, "RENTPROG_TOKENS")
    }).pipe(Effect.provide(Simulator.layer()))
  )

  it.live("RentProgUnavailable: nobody there", () =>
    Effect.gen(function* () {
      const layer = RentProg.layer({
        baseUrl: "http://127.0.0.1:1/api",
        tokens: new Map([[tbilisi, Redacted.make("secret")]]),
        userTokens: new Map(),
        readsPerMinute: 60,
        searchesPerMinute: 10
      }).pipe(Layer.provide([NodeHttpClient.layerUndici, Layer.succeed(Patience, hasty)]))
      const error = yield* Effect.flip(fetch("car", 1)).pipe(Effect.provide(layer))
      assert.strictEqual(error._tag, "RentProgUnavailable")
      assert.include(error.detail, "ECONNREFUSED")
    })
  )
})

describe("many records", () => {
  it.live.each([
    { ignorePageSize: false, calls: 3 },
    { ignorePageSize: true, calls: 30 }
  ])("300 cars cost what their pages cost: %o", ({ calls, ignorePageSize }) =>
    Effect.gen(function* () {
      yield* put("car", numbers(1, 300))
      const fetched = yield* fetchAll("car", numbers(1, 300))
      assert.deepStrictEqual(
        fetched.map(({ data }) => data["note"]),
        numbers(1, 300).map((id) => `n${id}`)
      )
      assert.lengthOf(yield* reads, calls)
    }).pipe(Effect.provide(against({ ignorePageSize })))
  )

  it.live.each(["client", "booking"] as const)("pages of a %s are asked for at their size", (kind) =>
    Effect.gen(function* () {
      yield* put(kind, numbers(1, 120))
      yield* fetchAll(kind, numbers(1, 120))
      assert.lengthOf(yield* reads, 2)
    }).pipe(Effect.provide(against()))
  )

  it.live("a long list is not scanned for a few wanted records", () =>
    Effect.gen(function* () {
      yield* put("car", numbers(1, 1_000))
      yield* fetchAll("car", numbers(981, 1_000))
      assert.lengthOf(yield* reads, 21)
    }).pipe(Effect.provide(against({ ignorePageSize: true })))
  )

  it.live("the list is left when its pages bring no more", () =>
    Effect.gen(function* () {
      yield* put("car", numbers(1, 1_000))
      yield* fetchAll("car", [...numbers(1, 30), ...numbers(981, 1_000)])
      const pages = (yield* reads).filter((path) => path === "/all_cars_full")
      assert.isAtMost(pages.length, 6)
      assert.isAtMost((yield* reads).length, 26)
    }).pipe(Effect.provide(against({ ignorePageSize: true })))
  )

  it.live("a record that the list lacks is read by itself", () =>
    Effect.gen(function* () {
      yield* put("car", numbers(1, 40))
      const exits = yield* Effect.forEach(numbers(1, 42), (id) => Effect.exit(fetch("car", id)), {
        concurrency: "unbounded"
      })
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 40)
      assert.includeMembers([...(yield* reads)], ["/cars/41", "/car/41", "/cars/42", "/car/42"])
    }).pipe(Effect.provide(against()))
  )

  it.live("one by itself is read singly", () =>
    Effect.gen(function* () {
      yield* put("car", numbers(1, 10))
      yield* fetch("car", 1)
      assert.deepStrictEqual(yield* reads, ["/cars/1"])
    }).pipe(Effect.provide(against()))
  )

  it.live("a list of one page is read for two, one known to be long is not", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* put("car", numbers(1, 10))
      yield* fetchAll("car", [1, 2])
      assert.deepStrictEqual(yield* reads, ["/all_cars_full"])
      yield* put("client", numbers(1, 300))
      yield* fetchAll("client", [299, 300])
      yield* simulator.clearCalls
      yield* fetchAll("client", [1, 2])
      assert.sameMembers([...(yield* reads)], ["/clients/1", "/clients/2"])
    }).pipe(Effect.provide(against()))
  )

  it.live.each([
    Fault.Status({ status: 500 }),
    Fault.Status({ status: 403 }),
    Fault.BrokenJson(),
    Fault.Drop()
  ])("a list that fails costs no record: %o", (fault) =>
    Effect.gen(function* () {
      yield* put("car", numbers(1, 20))
      yield* (yield* Simulator).fault(fault, { path: "/all_cars_full" })
      assert.lengthOf(yield* fetchAll("car", numbers(1, 20)), 20)
    }).pipe(Effect.provide(against()))
  )
})

describe("wants of one record", () => {
  it.live("that come together are one call", () =>
    Effect.gen(function* () {
      yield* put("car", [7])
      const fetched = yield* fetchAll("car", [7, 7, 7, 7, 7])
      assert.lengthOf(fetched, 5)
      assert.deepStrictEqual(yield* reads, ["/cars/7"])
    }).pipe(Effect.provide(against()))
  )

  it.live("that come while it is on its way get a newer answer", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* put("car", [7])
      yield* simulator.fault(Fault.Slow({ delay: "300 millis" }), { id: 7, times: 1 })
      const early = yield* Effect.forkChild(fetch("car", 7))
      yield* untilRead("/cars/7")
      yield* simulator.patch("car", 7, { note: "changed" })
      assert.strictEqual((yield* fetch("car", 7)).data["note"], "changed")
      yield* Fiber.join(early)
      assert.lengthOf(yield* reads, 2)
    }).pipe(Effect.provide(against()))
  )

  it.live("outlive the one among them that stops waiting", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* put("car", [7])
      yield* simulator.fault(Fault.Slow({ delay: "300 millis" }), { id: 7 })
      const leaving = yield* Effect.forkChild(fetch("car", 7))
      const staying = yield* Effect.forkChild(fetch("car", 7))
      yield* untilRead("/cars/7")
      yield* Fiber.interrupt(leaving)
      assert.strictEqual((yield* Fiber.join(staying)).entityId, "7")
      assert.deepStrictEqual(yield* reads, ["/cars/7"])
    }).pipe(Effect.provide(against()))
  )
})

describe("a record among others", () => {
  it.live.each([5, 300])("holds up none of %i while it hangs", (many) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* put("car", numbers(1, many))
      yield* simulator.fault(Fault.Hang(), { id: 9_999 })
      const hanging = yield* Effect.forkChild(fetch("car", 9_999))
      yield* fetchAll("car", numbers(1, many))
      yield* untilRead("/cars/9999")
      assert.isUndefined(hanging.pollUnsafe())
      yield* Fiber.interrupt(hanging)
    }).pipe(Effect.provide(against({}, NodeHttpClient.layerUndici, { ...hasty, callTimeout: "10 minutes" })))
  )

  it.live("fails alone", () =>
    Effect.gen(function* () {
      yield* put("car", numbers(1, 9))
      const simulator = yield* Simulator
      yield* simulator.fault(Fault.Status({ status: 403 }), { path: "/all_cars_full" })
      yield* simulator.fault(Fault.Status({ status: 500 }), { id: 3 })
      const exits = yield* Effect.forEach(numbers(1, 9), (id) => Effect.exit(fetch("car", id)), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        exits.map(Exit.isSuccess),
        numbers(1, 9).map((id) => id !== 3)
      )
    }).pipe(Effect.provide(against()))
  )
})
