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

/** A RentProg that keeps its log where it was. */
const older = (options?: Parameters<typeof Simulator.layer>[0]) => world({ historyAt: "array", ...options })

const ownPage = { origin: "https://web.rentprog.ru", referer: "https://web.rentprog.ru/" }
const whole = { page: 1, per_page: 100, sort_by: "id", direction: "desc", search: null }

/** Searches a branch's log, by default as RentProg's own page does. */
const search = Effect.fnUntraced(function* (
  body: unknown = whole,
  headers: Readonly<Record<string, string>> = ownPage,
  as: { readonly branch: Branch } | { readonly token: string } = { branch: tbilisi }
) {
  const { url, userTokens } = yield* Simulator
  const token = "token" in as ? as.token : (userTokens[as.branch] ?? "")
  return yield* HttpClientRequest.post(new URL("/api/v1/search_operations", url), { headers }).pipe(
    HttpClientRequest.bearerToken(token),
    HttpClientRequest.bodyJsonUnsafe(body),
    HttpClient.execute
  )
})

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

describe("search_operations", () => {
  it.effect("sends a branch its own entries, newest first, in JSON:API's form", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const first = yield* simulator.log(tbilisi, { description: "Мария Ли создала бронь №507616" })
      yield* simulator.log(batumi, { description: "Мария Ли создала бронь №507617" })
      const second = yield* simulator.log(tbilisi, { description: "", created_at: "soon", garbage: true })
      const nothing = { operation_type: null, entity_type: null, entity_id: null, user_name: null }
      const operation = (id: number, description: string, created_at: string) => ({
        id: String(id),
        type: "operation",
        attributes: { id, ...nothing, description, created_at }
      })
      const answer = yield* Effect.flatMap(search(), (response) => response.json)
      assert.deepStrictEqual<unknown>(answer, {
        operations: {
          data: [
            operation(second.id, "", "soon"),
            operation(first.id, first.description, "1970-01-01T00:00:00.000Z")
          ]
        },
        total_operations: 2
      })
    }).pipe(Effect.provide(world()))
  )

  const Page = Schema.Struct({
    operations: Schema.Struct({ data: Schema.Array(Schema.Struct({ id: Schema.String })) }),
    total_operations: Schema.Int
  })
  it.effect("sends pages of the size asked for, or of ten", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      for (let n = 0; n < 25; n += 1) yield* simulator.log(tbilisi, { description: "" })
      const lengths = (per_page: number) =>
        Effect.forEach([1, 2, 3, 4], (page) =>
          Effect.gen(function* () {
            const json = yield* (yield* search({ ...whole, page, per_page })).json
            const { operations, total_operations } = yield* Schema.decodeUnknownEffect(Page)(json)
            assert.strictEqual(total_operations, 25)
            return operations.data.length
          })
        )
      assert.deepStrictEqual(yield* lengths(20), [20, 5, 0, 0])
      yield* simulator.set({ ignorePageSize: true })
      assert.deepStrictEqual(yield* lengths(20), [10, 10, 5, 0])
    }).pipe(Effect.provide(world()))
  )

  it.effect.each([
    { headers: {}, status: 403 },
    { headers: { origin: ownPage.origin }, status: 403 },
    { headers: { referer: ownPage.referer }, status: 403 },
    { headers: { ...ownPage, origin: "https://rentprog.net" }, status: 403 },
    { headers: ownPage, status: 200 }
  ])("answers RentProg's own page alone: %o", ({ headers, status }) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* search(whole, headers)).status, status)
    }).pipe(Effect.provide(world()))
  )

  it.effect.each([{}, { ...whole, page: 0 }, { ...whole, sort_by: "name" }, []].map((body) => ({ body })))(
    "refuses what is no search: $body",
    ({ body }) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* search(body)).status, 422)
      }).pipe(Effect.provide(world()))
  )

  it.effect("answers users only, thirty times a minute, whatever is read beside", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      assert.strictEqual((yield* search(whole, ownPage, { token: "wrong" })).status, 401)
      yield* TestClock.adjust("20 seconds")
      for (let n = 0; n < 30; n += 1) assert.strictEqual((yield* search()).status, 200)
      const refused = yield* search()
      assert.deepStrictEqual([refused.status, refused.headers["retry-after"]], [429, "60"])
      assert.strictEqual((yield* search(whole, ownPage, { branch: batumi })).status, 200)
      yield* simulator.set({ readsPerMinute: 0 })
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual((yield* search()).status, 200)
    }).pipe(Effect.provide(world()))
  )

  it.effect("is where the log is, and the older address is not, unless somebody says so", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      assert.deepStrictEqual([(yield* search()).status, yield* status({ branch: tbilisi })], [200, 404])
      yield* simulator.set({ historyAt: "data" })
      assert.deepStrictEqual([(yield* search()).status, yield* status({ branch: tbilisi })], [404, 200])
    }).pipe(Effect.provide(world()))
  )
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
      yield* simulator.set({ historyAt: "data" })
      assert.deepStrictEqual(yield* answer, {
        data: [
          { id: bare.id, ...first },
          { id: full.id, ...second }
        ]
      })
      yield* simulator.set({ historyAt: "history_items", numbersAsText: true })
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
    }).pipe(Effect.provide(older()))
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
    }).pipe(Effect.provide(older()))
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
    }).pipe(Effect.provide(older()))
  )

  it.effect("answers users only, within the branch's quota of searches", () =>
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
      assert.strictEqual(refused.headers["retry-after"], "60")
      assert.strictEqual((yield* HttpClient.execute(read)).status, 200)
      assert.strictEqual(yield* status({ branch: batumi }), 200)
      yield* TestClock.adjust("60 seconds")
      assert.strictEqual(yield* status({ branch: tbilisi }), 200)
    }).pipe(Effect.provide(older({ searchesPerMinute: 1 })))
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
    }).pipe(Effect.provide(older()))
  )
})
