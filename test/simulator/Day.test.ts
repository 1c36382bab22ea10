import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import type { EntityType } from "../../src/domain/Entity.ts"
import { eventTypes, meaning } from "../../src/domain/Event.ts"
import { branchOf } from "../../src/simulator/Companies.ts"
import { type DayOptions, day, type PopulateOptions, populate } from "../../src/simulator/Day.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { inspect, spellings, type Webhook } from "../../src/simulator/Webhook.ts"

/** A day over a company of its own, and how that stands afterwards. */
const lived = (options: DayOptions, beginning?: PopulateOptions) =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    yield* populate(beginning)
    const webhooks = yield* Stream.runCollect(day(options))
    const records = {
      car: yield* simulator.records("car"),
      client: yield* simulator.records("client"),
      booking: yield* simulator.records("booking")
    }
    return { webhooks, records }
  }).pipe(Effect.provide(Simulator.layer()))

const Body = Schema.Record(Schema.String, Schema.Json)
const BodyText = Schema.fromJsonString(Body)

/** Ruby's text as JSON text. Strings are left alone but for the escapes that JSON lacks. */
const jsonOf = (ruby: string): string =>
  ruby.replace(/"(?:[^"\\]|\\.)*"|=>|nil/gs, (part) => {
    if (part === "=>") return ":"
    if (part === "nil") return "null"
    return part.replace(/\\(.)/gs, (whole, character) =>
      character === "#" ? "#" : character === "e" ? "\\u001b" : character === "a" ? "\\u0007" : whole
    )
  })

const bodyOf = ({ payload }: Webhook): Effect.Effect<typeof Body.Type, Schema.SchemaError> =>
  typeof payload === "string"
    ? Schema.decodeUnknownEffect(BodyText)(/^\{"[^"]*"=>/.test(payload) ? jsonOf(payload) : payload)
    : Schema.decodeUnknownEffect(Body)(payload)

const typeOf = ({ event }: Webhook) => eventTypes.find((type) => spellings(type).includes(event))

/** What each webhook is about, in the order of their arrival. */
const told = Effect.fnUntraced(function* (webhooks: ReadonlyArray<Webhook>) {
  return yield* Effect.forEach(webhooks, (webhook) =>
    Effect.gen(function* () {
      const type = typeOf(webhook)
      assert.isDefined(type, webhook.event)
      const body = yield* bodyOf(webhook)
      return { ...meaning[type], body, id: Number(body["id"]) }
    })
  )
})

describe("day", () => {
  it.live("is the same for the same seed, and another for another", () =>
    Effect.gen(function* () {
      const one = yield* lived({ events: 400, seed: "a", garbage: 0.05 })
      assert.deepStrictEqual(yield* lived({ events: 400, seed: "a", garbage: 0.05 }), one)
      assert.notDeepEqual(yield* lived({ events: 400, seed: "b", garbage: 0.05 }), one)
    })
  )

  it.live("has exactly as many webhooks as asked for", () =>
    Effect.forEach(
      [...Array.from({ length: 60 }, (_, events) => events), 1000],
      (events) =>
        Effect.map(lived({ events, seed: events, garbage: 0.02 }), ({ webhooks }) =>
          assert.lengthOf(webhooks, events)
        ),
      { discard: true }
    )
  )

  it.live("begins without records, too", () =>
    Effect.gen(function* () {
      const none = { cars: 0, clients: 0, bookings: 0 }
      assert.lengthOf((yield* lived({ events: 100 }, none)).webhooks, 100)
    })
  )

  it.live("tells of everything that happened, in every spelling and form", () =>
    Effect.gen(function* () {
      const { webhooks } = yield* lived({ events: 3000, withoutCompany: 0.2, seed: 2 })
      const events = yield* told(webhooks)
      const seen = new Set(webhooks.map(({ event }) => event))
      for (const type of eventTypes) {
        for (const spelling of spellings(type)) assert.include([...seen], spelling)
      }
      const forms = webhooks.map(({ payload }) =>
        typeof payload === "string" ? (payload.includes("=>") ? "ruby" : "json") : "object"
      )
      assert.sameMembers([...new Set(forms)], ["ruby", "json", "object"])

      const pairs = events.filter(({ operation }) => operation === "update").map(({ body }) => body)
      for (const { id, company_id, ...changes } of pairs) {
        assert.isNotEmpty([...Object.keys(changes), ...(Array.isArray(company_id) ? ["company_id"] : [])])
        for (const pair of Object.values(changes)) assert.lengthOf(Array.isArray(pair) ? pair : [], 2)
      }
      assert.isTrue(pairs.some(({ company_id }) => Array.isArray(company_id)))
      for (const event of events) {
        const optional =
          event.operation === "create" || (event.entityType === "client" && event.operation === "update")
        assert.isTrue(optional || event.body["company_id"] !== undefined)
      }
      for (const kind of ["car_create", "client_create", "booking_create", "client_update"]) {
        const homeless = events.filter(({ body }) => body["company_id"] === undefined)
        assert.isTrue(homeless.some(({ entityType, operation }) => `${entityType}_${operation}` === kind))
      }

      const texts = webhooks.map((webhook) => JSON.stringify(webhook))
      assert.isBelow(new Set(texts).size, texts.length)
      const updatedBeforeCreated = events.some(
        (event, index) =>
          event.operation !== "create" &&
          events
            .slice(index)
            .some(
              (later) =>
                later.operation === "create" && later.entityType === event.entityType && later.id === event.id
            )
      )
      assert.isTrue(updatedBeforeCreated)
    })
  )

  it.live("ends the story of every destroyed record with its destruction", () =>
    Effect.gen(function* () {
      const { records, webhooks } = yield* lived(
        { events: 6000, seed: 5 },
        { cars: 4, clients: 0, bookings: 0 }
      )
      const last = new Map<string, string>()
      const destroyed = new Set<string>()
      for (const { entityType, id, operation } of yield* told(webhooks)) {
        last.set(`${entityType}:${id}`, operation)
        if (operation === "destroy") destroyed.add(`${entityType}:${id}`)
      }
      const exists = (kind: EntityType) => records[kind].map(({ id }) => `${kind}:${id}`)
      const existing = new Set([...exists("car"), ...exists("client"), ...exists("booking")])
      assert.isAbove(destroyed.size, 30)
      for (const [key, operation] of last)
        assert.strictEqual(operation === "destroy", !existing.has(key), key)
      for (const key of destroyed) assert.isFalse(existing.has(key))
    })
  )

  it.live("names a branch in which the record and all it refers to can be found", () =>
    Effect.gen(function* () {
      const { records, webhooks } = yield* lived({ events: 2000, seed: 6 })
      const find = (kind: EntityType, id: unknown) => records[kind].find((record) => record.id === id)
      for (const { body, entityType, id } of yield* told(webhooks)) {
        const record = find(entityType, id)
        const company = Array.isArray(body["company_id"]) ? body["company_id"].at(-1) : body["company_id"]
        const branch = branchOf(company)
        assert.isDefined(branch)
        if (record === undefined) continue
        if (record["company_id"] !== undefined) assert.strictEqual(branchOf(record["company_id"]), branch)
        if (entityType !== "booking") continue
        assert.strictEqual(branchOf(find("car", record["car_id"])?.["company_id"] ?? null), branch)
        const client = find("client", record["client_id"])
        assert.isDefined(client)
        if (client["company_id"] !== undefined) assert.strictEqual(branchOf(client["company_id"]), branch)
      }
    })
  )

  it.live("can be asked about over HTTP", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { companyTokens, url } = simulator
      yield* populate({ cars: 3, clients: 3, bookings: 2 })
      yield* Stream.runDrain(day({ events: 20 }))
      const Token = Schema.Struct({ token: Schema.String })
      for (const record of yield* simulator.records("booking")) {
        const branch = branchOf(record["company_id"] ?? null)
        assert.isDefined(branch)
        const { token } = yield* HttpClient.get(
          `${url}/get_token?company_token=${companyTokens[branch]}`
        ).pipe(Effect.flatMap(HttpClientResponse.schemaBodyJson(Token)))
        const ask = (path: string) =>
          HttpClient.execute(
            HttpClientRequest.get(`${url}${path}`).pipe(HttpClientRequest.bearerToken(token))
          )
        const main = yield* ask(`/bookings/${record.id}`)
        const response = main.status === 404 ? yield* ask(`/booking/${record.id}`) : main
        assert.deepStrictEqual(yield* response.json, record)
      }
    }).pipe(Effect.provide(Layer.mergeAll(Simulator.layer(), NodeHttpClient.layerNodeHttp)))
  )

  it.live("can hold garbage, which says so", () =>
    Effect.gen(function* () {
      const { webhooks } = yield* lived({ events: 500, garbage: 0.1 })
      const bad = webhooks.filter(({ garbage }) => garbage)
      assert.isTrue(bad.length > 20 && bad.length < 90)
      yield* told(webhooks.filter(({ garbage }) => !garbage))
    })
  )
})

describe("inspect", () => {
  it("writes as Ruby does", () => {
    assert.strictEqual(
      inspect({ a: [null, 1.5], "b c": true, nested: { x: [] }, none: {} }),
      '{"a"=>[nil, 1.5], "b c"=>true, "nested"=>{"x"=>[]}, "none"=>{}}'
    )
    assert.strictEqual(
      inspect('"x" \\ #{y} #1 #$z #@w # \n\t\r\u001b\u0007\u0001 nil => Ли 😀'),
      '"\\"x\\" \\\\ \\#{y} #1 \\#$z \\#@w # \\n\\t\\r\\e\\a\\u0001 nil => Ли 😀"'
    )
  })

  it.effect.each(['say "hi" => nil', "a\\b\n", "#{x}"])("parses back: %j", (text) =>
    Effect.gen(function* () {
      const body = { id: 1, comment: [null, text], nested: { deep: [1, null, false] } }
      assert.deepStrictEqual(
        yield* bodyOf({ event: "car_update", payload: inspect(body), garbage: false }),
        body
      )
    })
  )
})
