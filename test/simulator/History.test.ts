import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { Branch } from "../../src/domain/Branch.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"

const tbilisi = Branch.make("tbilisi")
const batumi = Branch.make("batumi")

const world = (options?: Parameters<typeof Simulator.layer>[0]) =>
  Layer.mergeAll(Simulator.layer(options), NodeHttpClient.layerNodeHttp)

/** Asks for a branch's log, or with a token that is given instead. */
const get = Effect.fnUntraced(function* (
  query: Record<string, string> = {},
  as: { readonly branch: Branch } | { readonly token: string } = { branch: tbilisi }
) {
  const { url, userTokens } = yield* Simulator
  const address = new URL("/api/v1/history_items", url)
  address.search = new URLSearchParams(query).toString()
  const token = "token" in as ? as.token : (userTokens[as.branch] ?? "")
  return yield* HttpClient.execute(HttpClientRequest.get(address).pipe(HttpClientRequest.bearerToken(token)))
})

const status = (as: Parameters<typeof get>[1]) => Effect.map(get({}, as), (response) => response.status)

const Rows = Schema.Array(Schema.Struct({ id: Schema.Number, description: Schema.String }))

const rows = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.flatMap(response.json, Schema.decodeUnknownEffect(Rows))

const said = Effect.fnUntraced(function* (query: Record<string, string>) {
  return (yield* rows(yield* get(query))).map(({ description }) => description)
})

describe("history_items", () => {
  it.effect("sends a branch its own entries, whole, in each of its shapes", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* TestClock.adjust("1 second")
      const bare = yield* simulator.log(tbilisi, {
        description: "Пользователь вошёл в систему",
        garbage: true
      })
      yield* simulator.log(batumi, { description: "Мария Ли создала бронь №507616" })
      const full = yield* simulator.log(tbilisi, {
        description: "Иван Петров изменил бронь № 514142",
        operation_type: "update",
        entity_type: "booking",
        entity_id: 514142,
        user_name: "Иван Петров",
        created_at: "2026-03-02T12:00:00.000+04:00"
      })
      const first = {
        operation_type: null,
        description: "Пользователь вошёл в систему",
        entity_type: null,
        entity_id: null,
        user_name: null,
        created_at: "1970-01-01T00:00:01.000Z"
      }
      const second = {
        operation_type: "update",
        description: "Иван Петров изменил бронь № 514142",
        entity_type: "booking",
        entity_id: 514142,
        user_name: "Иван Петров",
        created_at: "2026-03-02T12:00:00.000+04:00"
      }
      const answer = Effect.flatMap(get(), (response) => response.json)
      assert.deepStrictEqual(yield* answer, [
        { id: bare.id, ...first },
        { id: full.id, ...second }
      ])
      yield* simulator.set({ historyShape: "data", historyAttributes: true })
      assert.deepStrictEqual(yield* answer, {
        data: [
          { id: bare.id, attributes: first },
          { id: full.id, attributes: second }
        ]
      })
      yield* simulator.set({ historyShape: "history_items", historyAttributes: false, numbersAsText: true })
      assert.deepStrictEqual(yield* answer, {
        history_items: [
          { id: String(bare.id), ...first },
          { id: String(full.id), ...second, entity_id: "514142" }
        ]
      })
      const all = yield* simulator.history
      assert.deepStrictEqual(
        all.map(({ branch, garbage }) => [branch, garbage]),
        [
          [tbilisi, true],
          [batumi, false],
          [tbilisi, false]
        ]
      )
    }).pipe(Effect.provide(world()))
  )

  it.effect("sends a window's entries, oldest first: from its beginning, and before its end", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const entries = [
        ["third", "2026-03-02T10:00:00Z"],
        ["first", "2026-03-02T12:00:00.000+04:00"],
        ["second", "2026-03-02T09:59:59.999Z"],
        ["never", "yesterday"]
      ] as const
      for (const [description, created_at] of entries)
        yield* simulator.log(tbilisi, { description, created_at })
      const from = "2026-03-02T08:00:00Z"
      const to = "2026-03-02T10:00:00Z"
      assert.deepStrictEqual(yield* said({}), ["first", "second", "third"])
      assert.deepStrictEqual(yield* said({ created_at_from: from, created_at_to: to }), ["first", "second"])
      assert.deepStrictEqual(yield* said({ created_at_from: "2026-03-02T12:00:00.001+04:00" }), [
        "second",
        "third"
      ])
      assert.deepStrictEqual(yield* said({ created_at_from: to }), ["third"])
      assert.deepStrictEqual(yield* said({ created_at_to: from }), [])
      assert.strictEqual((yield* get({ created_at_from: "yesterday" })).status, 422)
    }).pipe(Effect.provide(world()))
  )

  it.effect("sends pages of the size asked for, or of ten", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const numbers = Array.from({ length: 25 }, (_, index) => String(index + 1))
      for (const description of numbers) yield* simulator.log(tbilisi, { description })
      assert.deepStrictEqual(yield* said({ per_page: "100" }), numbers)
      assert.deepStrictEqual(yield* said({ per_page: "20", page: "2" }), numbers.slice(20))
      assert.deepStrictEqual(yield* said({ per_page: "20", page: "3" }), [])
      assert.deepStrictEqual(yield* said({}), numbers.slice(0, 10))
      yield* simulator.set({ ignorePageSize: true })
      assert.deepStrictEqual(yield* said({ per_page: "20", page: "2" }), numbers.slice(10, 20))
      assert.strictEqual((yield* get({ page: "0" })).status, 422)
    }).pipe(Effect.provide(world()))
  )

  it.effect("answers users only, within the branch's quota of reads", () =>
    Effect.gen(function* () {
      const { companyTokens, url } = yield* Simulator
      const issued = yield* HttpClient.get(`${url}/get_token?company_token=${companyTokens[tbilisi]}`)
      const { token } = yield* Effect.flatMap(
        issued.json,
        Schema.decodeUnknownEffect(Schema.Struct({ token: Schema.String }))
      )
      const read = HttpClientRequest.get(`${url}/clients`).pipe(HttpClientRequest.bearerToken(token))
      assert.strictEqual(yield* status({ token }), 401)
      assert.strictEqual(yield* status({ token: "wrong" }), 401)
      assert.strictEqual(yield* status({ token: "" }), 401)
      assert.strictEqual((yield* HttpClient.execute(read)).status, 200)
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* status({ branch: tbilisi }), 200)
      const refused = yield* get()
      assert.strictEqual(refused.status, 429)
      assert.strictEqual(refused.headers["retry-after"], "40")
      assert.strictEqual((yield* HttpClient.execute(read)).status, 429)
      assert.strictEqual(yield* status({ branch: batumi }), 200)
      yield* TestClock.adjust("40 seconds")
      assert.strictEqual(yield* status({ branch: tbilisi }), 200)
    }).pipe(Effect.provide(world({ readsPerMinute: 2 })))
  )

  it.effect("has faults and is logged as any call", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.fault(Fault.Status({ status: 503 }), { path: "/history_items", times: 1 })
      assert.strictEqual((yield* get({ page: "1" })).status, 503)
      assert.strictEqual(yield* status({ token: "wrong" }), 401)
      assert.strictEqual(yield* status({ branch: tbilisi }), 200)
      const call = { at: 0, method: "GET", path: "/history_items" }
      assert.deepStrictEqual(yield* simulator.calls, [
        { ...call, query: "page=1", branch: tbilisi, status: 503 },
        { ...call, query: "", branch: undefined, status: 401 },
        { ...call, query: "", branch: tbilisi, status: 200 }
      ])
    }).pipe(Effect.provide(world()))
  )
})
