import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Branch } from "../../src/domain/Branch.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { Simulator, type Switches } from "../../src/simulator/Simulator.ts"
import { Log } from "../actors/world.ts"
import { type Call, inTime, json, kutaisi, makeStub, rentProg, tbilisi } from "./stub.ts"

const from = Date.UTC(2026, 2, 2, 8)
const to = Date.UTC(2026, 2, 2, 20)

const read = (branch = tbilisi) => RentProg.use((rentprog) => rentprog.readLog(branch, from, to))

/** A simulated RentProg, and the client of it with the users' tokens given, by default the right ones. */
const against = (switches: Partial<Switches> = {}, given?: Readonly<Record<string, string>>) =>
  Layer.unwrap(
    Simulator.useSync(({ url, userTokens }) =>
      RentProg.layer({
        baseUrl: url,
        tokens: new Map(),
        userTokens: new Map(
          Object.entries(given ?? userTokens).map(([branch, token]) => [
            Branch.make(branch),
            Redacted.make(token)
          ])
        ),
        readsPerMinute: 10_000
      }).pipe(Layer.provide(NodeHttpClient.layerUndici))
    )
  ).pipe(Layer.provideMerge(Simulator.layer({ readsPerMinute: 10_000, ...switches })))

const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)

/** The numbers of what is read from a server that answers each call so. */
const readFrom = (answer: (call: Call) => unknown) => {
  const stub = makeStub((call) => json(answer(call)))
  return Effect.map(inTime(read()), (entries) => ({
    ids: entries.map(({ operationId }) => operationId),
    reads: stub.reads
  })).pipe(Effect.provide(rentProg(stub)))
}

describe("an entry", () => {
  it.live.each(
    (["array", "data", "history_items"] as const).flatMap((historyShape) =>
      [false, true].flatMap((historyAttributes) =>
        [false, true].map((numbersAsText) => ({ historyShape, historyAttributes, numbersAsText }))
      )
    )
  )("comes whole in every shape: %o", (switches) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const full = {
        description: "Иван Петров изменил бронь № 514142",
        operation_type: "update",
        entity_type: "booking",
        entity_id: 514142,
        user_name: "Иван Петров",
        created_at: "2026-03-02T12:00:00.000+04:00"
      }
      const { id } = yield* simulator.log(tbilisi, full)
      const bare = yield* simulator.log(tbilisi, { description: "", created_at: "2026-03-02T09:00:00Z" })
      yield* simulator.log(kutaisi, full)
      const entries = yield* read()
      assert.deepStrictEqual(
        entries.map(({ raw: _, ...entry }) => entry),
        [
          {
            operationId: String(id),
            operationType: "update",
            description: full.description,
            entityType: "booking",
            entityId: "514142",
            userName: "Иван Петров",
            createdAt: "2026-03-02T08:00:00.000Z"
          },
          {
            operationId: String(bare.id),
            operationType: null,
            description: "",
            entityType: null,
            entityId: null,
            userName: null,
            createdAt: "2026-03-02T09:00:00.000Z"
          }
        ]
      )
      const number = (value: number) => (switches.numbersAsText ? String(value) : value)
      const attributes = { ...full, entity_id: number(514142) }
      assert.deepStrictEqual<unknown>(
        entries[0]?.raw,
        switches.historyAttributes ? { id: number(id), attributes } : { id: number(id), ...attributes }
      )
    }).pipe(Effect.provide(against(switches)))
  )

  it.effect.each(
    [
      null,
      7,
      "7",
      [],
      {},
      { description: "x" },
      { id: null },
      { id: "" },
      { id: true },
      { id: {} },
      { attributes: { description: "x" } },
      { id: null, attributes: {} }
    ].map((odd) => ({ odd }))
  )("without an id is left out and told of, and no other: %j", ({ odd }) =>
    Effect.gen(function* () {
      const { ids } = yield* readFrom(() => [{ id: 1 }, odd, { id: "2", attributes: {} }, odd])
      assert.deepStrictEqual(ids, ["1", "2"])
      const { lines } = yield* Log
      assert.deepStrictEqual(
        lines.map(({ level, message }) => [level, message.includes("has no id and is left out")]),
        [
          ["Warn", true],
          ["Warn", true]
        ]
      )
    }).pipe(Effect.provide(Log.layer))
  )

  const whole = {
    operationType: "update",
    description: "said",
    entityType: "car",
    entityId: "5",
    userName: "Анна",
    createdAt: "2026-03-02T10:00:00.000Z"
  }
  const sent = {
    id: 1,
    operation_type: "update",
    description: "said",
    entity_type: "car",
    entity_id: 5,
    user_name: "Анна",
    created_at: "2026-03-02T10:00:00Z"
  }
  const names = {
    operation_type: "operationType",
    description: "description",
    entity_type: "entityType",
    entity_id: "entityId",
    user_name: "userName",
    created_at: "createdAt"
  } as const
  const fields = Object.entries(names)

  it.effect.each([{}, [], true, null, undefined].map((value) => ({ value })))(
    "with a field that is no text has none: %o",
    ({ value }) =>
      Effect.gen(function* () {
        const items = fields.map(([field], id) => ({ ...sent, [field]: value, id }))
        const entries = yield* inTime(read()).pipe(Effect.provide(rentProg(makeStub(() => json(items)))))
        assert.deepStrictEqual<unknown>(
          entries.map(({ operationId: _, raw: __, ...entry }) => entry),
          fields.map(([, name]) => ({ ...whole, [name]: null }))
        )
      })
  )

  it.effect.each(["yesterday", "", "12345", "+012345-01-01T00:00:00Z", "-000001-01-01T00:00:00Z", 1e15])(
    "made at %j has no time",
    (created_at) =>
      Effect.gen(function* () {
        const made = makeStub(() => json([{ ...sent, created_at }]))
        const [entry] = yield* inTime(read()).pipe(Effect.provide(rentProg(made)))
        assert.isNull(entry?.createdAt)
        assert.strictEqual(entry?.description, "said")
      })
  )
})

describe("pages", () => {
  it.live.each([
    { ignorePageSize: false, entries: 0, calls: 1 },
    { ignorePageSize: false, entries: 9, calls: 1 },
    { ignorePageSize: false, entries: 10, calls: 2 },
    { ignorePageSize: false, entries: 99, calls: 2 },
    { ignorePageSize: false, entries: 100, calls: 2 },
    { ignorePageSize: false, entries: 250, calls: 4 },
    { ignorePageSize: true, entries: 9, calls: 1 },
    { ignorePageSize: true, entries: 10, calls: 2 },
    { ignorePageSize: true, entries: 101, calls: 11 }
  ])("are read to the last: %o", ({ calls, entries, ignorePageSize }) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const logged = yield* Effect.forEach(numbers(1, entries), (n) =>
        simulator.log(tbilisi, { description: "", created_at: new Date(from + n).toISOString() })
      )
      assert.deepStrictEqual(
        (yield* read()).map(({ operationId }) => operationId),
        logged.map(({ id }) => String(id))
      )
      assert.lengthOf(yield* simulator.calls, calls)
    }).pipe(Effect.provide(against({ ignorePageSize })))
  )

  it.effect.each([
    { size: 100, last: 1, reads: 2 },
    { size: 10, last: 1, reads: 2 },
    { size: 10, last: 4, reads: 5 }
  ])("end where the last comes again and again: %o", ({ last, reads, size }) =>
    Effect.gen(function* () {
      const answered = yield* readFrom(({ params }) => {
        const page = Math.min(Number(params.get("page")), last)
        return numbers((page - 1) * size + 1, page * size).map((id) => ({ id }))
      })
      assert.deepStrictEqual(answered.ids, numbers(1, last * size).map(String))
      assert.lengthOf(answered.reads, reads)
    })
  )

  it.effect("ask for the window and a hundred entries each", () =>
    Effect.gen(function* () {
      const { reads } = yield* readFrom(({ number }) =>
        (number < 2 ? numbers(number * 100, number * 100 + 99) : []).map((id) => ({ id }))
      )
      assert.deepStrictEqual(
        reads.map(({ params, path }) => [path, Object.fromEntries(params)]),
        ["1", "2", "3"].map((page) => [
          "/history_items",
          {
            created_at_from: "2026-03-02T08:00:00.000Z",
            created_at_to: "2026-03-02T20:00:00.000Z",
            per_page: "100",
            page
          }
        ])
      )
    })
  )

  it.live("hold what was made in the window, and nothing else", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      for (const at of [from - 1, from, to - 1, to]) {
        yield* simulator.log(tbilisi, { description: String(at), created_at: new Date(at).toISOString() })
      }
      assert.deepStrictEqual(
        (yield* read()).map(({ description }) => description),
        [from, to - 1].map(String)
      )
    }).pipe(Effect.provide(against()))
  )

  it.effect.each(
    [{}, "text", 7, null, { data: {} }, { data: null }, { history_items: 5 }].map((answer) => ({ answer }))
  )("that are none are a bad response: %j", ({ answer }) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(readFrom(() => answer))
      assert.strictEqual(error._tag, "RentProgBadResponse")
      assert.include(error.detail, "/history_items")
    })
  )
})

describe("the token", () => {
  it.effect("is the user's of the branch, and none is asked for", () => {
    const made = makeStub(() => json([]))
    return Effect.gen(function* () {
      yield* inTime(Effect.andThen(read(), read(kutaisi)))
      assert.deepStrictEqual(
        made.reads.map(({ bearer }) => bearer),
        ["user-secret-tbilisi", "user-secret-kutaisi"]
      )
      assert.deepStrictEqual(made.tokenRequests, [])
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.live("that RentProg refuses is an error", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read())
      assert.strictEqual(error._tag, "RentProgUnauthorized")
      assert.include(error.detail, "/history_items for branch tbilisi was answered 401")
      yield* read(kutaisi)
    }).pipe(Effect.provide(against({}, { tbilisi: "wrong", kutaisi: "simulated-user-token-of-kutaisi" })))
  )

  it.live("that is missing is an error that says where to add it, without a call", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(read())
      assert.strictEqual(error._tag, "RentProgUnauthorized")
      assert.strictEqual(error.detail, "no user token for branch tbilisi: add it to RENTPROG_HISTORY_TOKENS")
      assert.deepStrictEqual(yield* (yield* Simulator).calls, [])
    }).pipe(Effect.provide(against({}, {})))
  )
})
