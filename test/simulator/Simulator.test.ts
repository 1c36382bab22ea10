import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Branch } from "../../src/domain/Branch.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"

const tbilisi = Branch.make("tbilisi")
const batumi = Branch.make("batumi")

/** With its clock in the test's hand, and a client that has nothing to do with Jarvis's own. */
const world = (options?: Parameters<typeof Simulator.layer>[0]) =>
  Layer.mergeAll(Simulator.layer(options), NodeHttpClient.layerNodeHttp)

const Issued = Schema.Struct({ token: Schema.String, exp: Schema.String })
const Rows = Schema.Array(Schema.Struct({ id: Schema.Number }))
const Data = Schema.Struct({ data: Rows })

const body = <A>(response: HttpClientResponse.HttpClientResponse, schema: Schema.Codec<A, unknown>) =>
  Effect.flatMap(response.json, Schema.decodeUnknownEffect(schema))

const get = Effect.fnUntraced(function* (path: string, token = "") {
  const { url } = yield* Simulator
  return yield* HttpClient.execute(
    HttpClientRequest.get(`${url}${path}`).pipe(HttpClientRequest.bearerToken(token))
  )
})

const status = (path: string, token?: string) => Effect.map(get(path, token), (response) => response.status)

const ask = Effect.fnUntraced(function* (branch: Branch) {
  const { companyTokens } = yield* Simulator
  return yield* get(`/get_token?company_token=${companyTokens[branch]}`)
})

const tokenOf = Effect.fnUntraced(function* (branch: Branch) {
  return (yield* body(yield* ask(branch), Issued)).token
})

const ids = (rows: typeof Rows.Type) => rows.map(({ id }) => id)

describe("Simulator", () => {
  it.effect("gives tokens that live four minutes", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      assert.match(simulator.url, /^http:\/\/127\.0\.0\.1:\d+\/api\/v1\/public$/)
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      assert.strictEqual(yield* status("/get_token?company_token=wrong"), 401)
      assert.strictEqual(yield* status("/cars/1"), 401)
      const issued = yield* body(yield* ask(tbilisi), Issued)
      assert.strictEqual(issued.exp, "1970-01-01T00:04:00.000+00:00")
      assert.strictEqual(yield* status("/cars/1", issued.token), 200)
      yield* TestClock.adjust("239 seconds")
      assert.strictEqual(yield* status("/cars/1", issued.token), 200)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* status("/cars/1", issued.token), 401)
      const next = yield* tokenOf(tbilisi)
      yield* simulator.expireTokens
      assert.strictEqual(yield* status("/cars/1", next), 401)
    }).pipe(Effect.provide(world()))
  )

  it.effect("shows a branch its own records and the clients of none, at both addresses", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const token = yield* tokenOf(tbilisi)
      const there = yield* tokenOf(batumi)
      yield* simulator.put("car", { id: 1, company_id: 9247, number: "AA-001-AA", unheard_of: { of: [1] } })
      yield* simulator.put("car", { id: 2, company_id: "9110" })
      yield* simulator.put("car", { id: 3, company_id: 4 })
      yield* simulator.put("client", { id: 7 })
      yield* simulator.put("booking", { id: 9, company_id: 9247 })
      yield* simulator.answerOnlyAtFallback("booking", 9)

      assert.deepStrictEqual(yield* Effect.flatMap(get("/cars/1", token), (response) => response.json), {
        id: 1,
        company_id: 9247,
        number: "AA-001-AA",
        unheard_of: { of: [1] }
      })
      assert.strictEqual(yield* status("/car/1", token), 200)
      assert.strictEqual(yield* status("/cars/2", token), 200)
      assert.strictEqual(yield* status("/cars/3", token), 404)
      assert.strictEqual(yield* status("/cars/4", token), 404)
      assert.strictEqual(yield* status("/cars/1", there), 404)
      assert.strictEqual(yield* status("/car/1", there), 404)
      assert.strictEqual(yield* status("/clients/7", token), 200)
      assert.strictEqual(yield* status("/clients/7", there), 200)
      assert.strictEqual(yield* status("/bookings/9", token), 404)
      assert.strictEqual(yield* status("/booking/9", token), 200)
      assert.strictEqual(yield* status("/nowhere", token), 404)
    }).pipe(Effect.provide(world()))
  )

  it.effect("shows each change at once", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const token = yield* tokenOf(tbilisi)
      const there = yield* tokenOf(batumi)
      yield* simulator.put("car", { id: 1, company_id: 9247, mileage: 10 })
      const changes = yield* simulator.patch("car", 1, { mileage: 12, company_id: 9506, vin: "X", id: 1 })
      assert.deepStrictEqual(changes, { mileage: [10, 12], company_id: [9247, 9506], vin: [null, "X"] })
      assert.deepStrictEqual(yield* simulator.records("car"), [
        { id: 1, company_id: 9506, mileage: 12, vin: "X" }
      ])
      assert.strictEqual(yield* status("/cars/1", token), 404)
      assert.strictEqual(yield* status("/cars/1", there), 200)
      yield* simulator.destroy("car", 1)
      assert.strictEqual(yield* status("/cars/1", there), 404)
      const missing = yield* Effect.flip(simulator.patch("car", 1, { mileage: 13 }))
      assert.strictEqual(missing._tag, "NoSuchRecord")
    }).pipe(Effect.provide(world()))
  )

  it.effect("hides a new record while replicas lag, but not a changed one", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const token = yield* tokenOf(tbilisi)
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      assert.strictEqual(yield* status("/cars/1", token), 404)
      assert.deepStrictEqual(yield* body(yield* get("/all_cars_full", token), Rows), [])
      yield* TestClock.adjust("2 seconds")
      yield* simulator.patch("car", 1, { mileage: 1 })
      assert.strictEqual(yield* status("/cars/1", token), 200)
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      assert.strictEqual(yield* status("/cars/1", token), 200)
    }).pipe(Effect.provide(world({ replicaLag: "2 seconds" })))
  )

  it.effect("lists by pages of the size asked for, or of ten", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const token = yield* tokenOf(tbilisi)
      yield* Effect.forEach(
        Array.from({ length: 25 }, (_, index) => index + 1),
        (id) =>
          Effect.all([
            simulator.put("car", { id, company_id: 9247 }),
            simulator.put("client", { id }),
            simulator.put("booking", { id, company_id: 9247 })
          ])
      )
      yield* simulator.put("car", { id: 99, company_id: 9506 })

      const cars = yield* body(yield* get("/all_cars_full?page=2&limit=20", token), Rows)
      assert.deepStrictEqual(ids(cars), [21, 22, 23, 24, 25])
      assert.lengthOf(yield* body(yield* get("/all_cars_full?page=3&limit=20", token), Rows), 0)
      assert.lengthOf(yield* body(yield* get("/clients?limit=20", token), Rows), 20)
      const bookings = yield* body(yield* get("/all_bookings?page=1&per_page=100", token), Data)
      assert.lengthOf(bookings.data, 25)

      yield* simulator.set({
        ignorePageSize: true,
        envelope: { car: "data", client: "array", booking: "array" }
      })
      const second = yield* body(yield* get("/all_cars_full?page=2&limit=20", token), Data)
      assert.deepStrictEqual(ids(second.data), [11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
      assert.strictEqual(yield* status("/all_bookings?page=0", token), 422)

      yield* simulator.set({ numbersAsText: true })
      assert.deepStrictEqual(
        yield* Effect.flatMap(get("/cars/99", yield* tokenOf(batumi)), (it) => it.json),
        {
          id: "99",
          company_id: "9506"
        }
      )
    }).pipe(Effect.provide(world()))
  )

  it.effect("counts reads and token requests by branch and minute", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("client", { id: 1 })
      const token = yield* tokenOf(tbilisi)
      assert.strictEqual(yield* status("/clients/1", token), 200)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* status("/clients", token), 200)
      const refused = yield* get("/clients/1", token)
      assert.strictEqual(refused.status, 429)
      assert.strictEqual(refused.headers["retry-after"], "40")
      yield* simulator.set({ retryAfter: false })
      assert.notProperty((yield* get("/clients/1", token)).headers, "retry-after")
      assert.strictEqual(yield* status("/clients/1", yield* tokenOf(batumi)), 200)
      assert.strictEqual((yield* ask(tbilisi)).status, 429)
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(yield* status("/clients/1", token), 200)
      assert.strictEqual((yield* ask(tbilisi)).status, 200)
    }).pipe(Effect.provide(world({ readsPerMinute: 2, tokensPerMinute: 1 })))
  )

  it.live("has faults on demand", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const token = yield* tokenOf(tbilisi)
      yield* simulator.put("client", { id: 1 })
      yield* simulator.put("client", { id: 11 })

      yield* simulator.fault(Fault.Status({ status: 503 }), { path: "/clients", times: 2 })
      assert.strictEqual(yield* status("/client/1", token), 200)
      assert.strictEqual(yield* status("/clients/1", token), 503)
      assert.strictEqual(yield* status("/clients", token), 503)
      assert.strictEqual(yield* status("/clients/1", token), 200)

      const off = yield* simulator.fault(Fault.Status({ status: 422 }), { id: 1 })
      assert.strictEqual(yield* status("/clients/1", token), 422)
      assert.strictEqual(yield* status("/clients/11", token), 200)
      yield* off
      assert.strictEqual(yield* status("/clients/1", token), 200)

      yield* simulator.fault(Fault.BrokenJson(), { times: 1 })
      const broken = yield* get("/clients/1", token)
      assert.strictEqual(broken.status, 200)
      assert.strictEqual((yield* Effect.flip(broken.json))._tag, "HttpClientError")

      yield* simulator.fault(Fault.Drop(), { times: 1 })
      assert.strictEqual((yield* Effect.flip(get("/clients/1", token))).reason._tag, "TransportError")

      yield* simulator.fault(Fault.Slow({ delay: "150 millis" }), { times: 1 })
      const [took, slow] = yield* Effect.timed(status("/clients/1", token))
      assert.strictEqual(slow, 200)
      assert.isAtLeast(Duration.toMillis(took), 150)

      yield* simulator.fault(Fault.Hang())
      const hung = yield* Effect.flip(Effect.timeout(status("/clients/1", token), "150 millis"))
      assert.strictEqual(hung._tag, "TimeoutError")
      yield* simulator.clearFaults
      assert.strictEqual(yield* status("/clients/1", token), 200)

      yield* simulator.fault(Fault.Status({ status: 500 }), { share: 0 })
      assert.strictEqual(yield* status("/clients/1", token), 200)
    }).pipe(Effect.provide(world()))
  )

  it.live("stops at once though a call still hangs", () =>
    Effect.gen(function* () {
      const hanging = yield* Effect.gen(function* () {
        const simulator = yield* Simulator
        yield* simulator.put("client", { id: 1 })
        assert.strictEqual(yield* status("/clients/1", yield* tokenOf(tbilisi)), 200)
        yield* simulator.clearCalls
        yield* simulator.fault(Fault.Hang())
        const call = yield* Effect.forkDetach(status("/clients/1"))
        yield* simulator.calls.pipe(Effect.repeat({ until: (calls) => calls.length > 0 }))
        return call
      }).pipe(Effect.provide(Simulator.layer()))
      yield* Fiber.await(hanging)
    }).pipe(Effect.provide(NodeHttpClient.layerNodeHttp), Effect.timeout("2 seconds"))
  )

  it.effect("logs the calls it got", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* status("/get_token?company_token=wrong")
      const token = yield* tokenOf(tbilisi)
      yield* simulator.clearCalls
      yield* TestClock.adjust("1 second")
      yield* status("/clients?page=1&limit=5", token)
      yield* status("/cars/5", token)
      yield* status("/nowhere")
      assert.deepStrictEqual(yield* simulator.calls, [
        { at: 1000, method: "GET", path: "/clients", query: "page=1&limit=5", branch: tbilisi, status: 200 },
        { at: 1000, method: "GET", path: "/cars/5", query: "", branch: tbilisi, status: 404 },
        { at: 1000, method: "GET", path: "/nowhere", query: "", branch: undefined, status: 404 }
      ])
    }).pipe(Effect.provide(world()))
  )
})
