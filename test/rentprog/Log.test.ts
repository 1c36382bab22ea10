import { readFileSync } from "node:fs"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { Branch } from "../../src/domain/Branch.ts"
import type { LogPage } from "../../src/rentprog/Log.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { Fault, Simulator, type Switches } from "../../src/simulator/Simulator.ts"
import { Log } from "../actors/world.ts"
import { inTime, json, kutaisi, makeStub, rentProg, tbilisi } from "./stub.ts"

const window = { from: Date.UTC(2026, 2, 2, 8), to: Date.UTC(2026, 2, 2, 20) }

const search = (page = 1, branch = tbilisi) => RentProg.use((rentprog) => rentprog.searchLog(branch, page))
const list = (page = 1, branch = tbilisi) =>
  RentProg.use((rentprog) => rentprog.listLog(branch, window, page))

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
        readsPerMinute: 10_000,
        searchesPerMinute: 10_000
      }).pipe(Layer.provide(NodeHttpClient.layerUndici))
    )
  ).pipe(Layer.provideMerge(Simulator.layer({ searchesPerMinute: 10_000, ...switches })))

const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)

const ids = ({ entries }: LogPage) => entries.map(({ operationId }) => operationId)

/** A page of a server that answers each call so. */
const searchOf = (data: unknown) => {
  const stub = makeStub(() => json({ operations: { data } }))
  return inTime(search()).pipe(Effect.provide(rentProg(stub)))
}

describe("an entry", () => {
  const full = {
    description: "Иван Петров изменил бронь № 514142",
    operation_type: "update",
    entity_type: "booking",
    entity_id: 514142,
    user_name: "Иван Петров",
    created_at: "2026-03-02T12:00:00.000+04:00"
  }
  const read = {
    operationType: "update",
    description: full.description,
    entityType: "booking",
    entityId: "514142",
    userName: "Иван Петров",
    createdAt: "2026-03-02T08:00:00.000Z"
  }
  it.live.each(
    (["search_operations", "array", "data", "history_items"] as const).flatMap((historyAt) =>
      [false, true].map((numbersAsText) => ({ historyAt, numbersAsText }))
    )
  )("comes whole in every shape: %o", (switches) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { id } = yield* simulator.log(tbilisi, full)
      const bare = yield* simulator.log(tbilisi, { description: "", created_at: "2026-03-02T09:00:00Z" })
      yield* simulator.log(kutaisi, full)
      const isSearch = switches.historyAt === "search_operations"
      const { entries, length } = yield* isSearch ? search() : list()
      assert.strictEqual(length, 2)
      const nothing = { operationType: null, entityType: null, entityId: null, userName: null }
      const expected = [
        { operationId: String(id), ...read },
        {
          operationId: String(bare.id),
          ...nothing,
          description: "",
          createdAt: "2026-03-02T09:00:00.000Z"
        }
      ]
      assert.deepStrictEqual(
        entries.map(({ raw: _, ...entry }) => entry),
        isSearch ? expected.toReversed() : expected
      )
      const number = (value: number) => (switches.numbersAsText ? String(value) : value)
      const plain = { id: number(id), ...full, entity_id: number(514142) }
      assert.deepStrictEqual<unknown>(
        entries.at(isSearch ? 1 : 0)?.raw,
        isSearch ? { id: String(id), type: "operation", attributes: plain } : plain
      )
    }).pipe(Effect.provide(against(switches)))
  )

  it.effect("comes as the fixture has it", () =>
    Effect.gen(function* () {
      const fixture: unknown = JSON.parse(
        readFileSync(new URL("../fixtures/rentprog/search_operations.json", import.meta.url), "utf8")
      )
      const { entries, length } = yield* inTime(search()).pipe(
        Effect.provide(rentProg(makeStub(() => json(fixture))))
      )
      assert.strictEqual(length, 2)
      assert.deepStrictEqual(
        entries.map(({ createdAt, operationId, userName }) => [operationId, userName, createdAt]),
        [
          ["2200412", "Иван Петров", "2025-11-20T10:20:44.697Z"],
          ["2200411", "Анна Смит", "2025-11-20T10:19:02.101Z"]
        ]
      )
    })
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
      { id: "a7" },
      { id: "1234567890123456" },
      { id: true },
      { id: {} },
      { attributes: { description: "x" } },
      { id: null, attributes: {} }
    ].map((odd) => ({ odd }))
  )("without a usable number is left out and told of, and no other: %j", ({ odd }) =>
    Effect.gen(function* () {
      const sent = [{ id: 1 }, odd, { id: "2", attributes: { id: null } }, odd, { attributes: { id: 3 } }]
      const page = yield* searchOf(sent)
      assert.deepStrictEqual(ids(page), ["1", "2", "3"])
      assert.strictEqual(page.length, 5)
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
        const { entries } = yield* searchOf(fields.map(([field], id) => ({ ...sent, [field]: value, id })))
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
        const [entry] = (yield* searchOf([{ ...sent, created_at }])).entries
        assert.isNull(entry?.createdAt)
        assert.strictEqual(entry?.description, "said")
      })
  )
})

describe("a page", () => {
  it.effect("is asked for as RentProg's own page does", () => {
    const made = makeStub(() => json({ operations: { data: [] }, total_operations: 0 }))
    return Effect.gen(function* () {
      assert.deepStrictEqual(yield* inTime(search(3)), { length: 0, entries: [] })
      const [call] = made.reads
      assert.strictEqual(`${call?.method} ${call?.path}`, "POST /search_operations")
      assert.deepStrictEqual(call?.body, {
        ...{ page: 3, per_page: 100, sort_by: "id", direction: "desc", search: null }
      })
      assert.deepInclude(call?.headers, {
        authorization: "Bearer user-secret-tbilisi",
        origin: "https://web.rentprog.ru",
        referer: "https://web.rentprog.ru/",
        "content-type": "application/json"
      })
      assert.deepStrictEqual(made.tokenRequests, [])
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.live("holds a hundred entries, newest first", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const logged = yield* Effect.forEach(numbers(1, 150), () => simulator.log(tbilisi, { description: "" }))
      const newest = logged.map(({ id }) => String(id)).toReversed()
      assert.deepStrictEqual(ids(yield* search()), newest.slice(0, 100))
      assert.deepStrictEqual(ids(yield* search(2)), newest.slice(100))
      assert.deepStrictEqual(ids(yield* search(3)), [])
    }).pipe(Effect.provide(against()))
  )

  it.effect("of the older address is asked for by its window", () => {
    const made = makeStub(() => json([]))
    return Effect.gen(function* () {
      yield* inTime(list(2))
      const [call] = made.reads
      assert.deepStrictEqual(
        [call?.method, call?.path, Object.fromEntries(call?.params ?? [])],
        [
          "GET",
          "/history_items",
          {
            created_at_from: "2026-03-02T08:00:00.000Z",
            created_at_to: "2026-03-02T20:00:00.000Z",
            per_page: "100",
            page: "2"
          }
        ]
      )
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect.each(
    [{}, "text", 7, null, [], { data: {} }, { operations: {} }, { operations: { data: null } }].map(
      (answer) => ({ answer })
    )
  )("that is none is a bad response: %j", ({ answer }) =>
    Effect.gen(function* () {
      const error = yield* inTime(Effect.flip(search()))
      assert.strictEqual(error._tag, "RentProgBadResponse")
      assert.include(error.detail, "/search_operations")
    }).pipe(Effect.provide(rentProg(makeStub(() => json(answer)))))
  )
})

describe("the token", () => {
  it.live.each([401, 403])(
    "that RentProg refuses with %i is an error that says where to correct it",
    (status) =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        if (status === 403) yield* simulator.fault(Fault.Status({ status }))
        const error = yield* Effect.flip(search())
        assert.strictEqual(error._tag, "RentProgUnauthorized")
        assert.strictEqual(
          error.detail,
          `POST /search_operations for branch tbilisi was answered ${status}: correct its token in RENTPROG_HISTORY_TOKENS`
        )
        // There is no other to try.
        assert.lengthOf(yield* simulator.calls, 1)
        yield* simulator.clearFaults
        yield* search(1, kutaisi)
        const { standing } = yield* RentProg
        assert.strictEqual((yield* standing(tbilisi)).user_token, "refused")
        assert.strictEqual((yield* standing(kutaisi)).user_token, "ok")
      }).pipe(Effect.provide(against({}, { tbilisi: "wrong", kutaisi: "simulated-user-token-of-kutaisi" })))
  )

  it.live("that is missing is an error that says where to add it, without a call", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(search())
      assert.strictEqual(error._tag, "RentProgUnauthorized")
      assert.strictEqual(error.detail, "no user token for branch tbilisi: add it to RENTPROG_HISTORY_TOKENS")
      assert.deepStrictEqual(yield* (yield* Simulator).calls, [])
      assert.isNull((yield* (yield* RentProg).standing(tbilisi)).user_token)
    }).pipe(Effect.provide(against({}, {})))
  )
})
