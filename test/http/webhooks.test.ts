/** What is posted becomes a row, whatever it is. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { post, server } from "./server.ts"

const Answer = Schema.fromJsonString(Schema.Struct({ receipts: Schema.Array(Schema.String) }))

interface EventRow {
  readonly receipt: string
  readonly type: string | null
  readonly branch: string | null
  readonly ext_id: string | null
  readonly company_id: string | null
  readonly payload: unknown
  readonly payload_received: unknown
  readonly metadata: { readonly [name: string]: unknown }
  /** What was said on arrival: by now the service may have tried the row, and said more. */
  readonly code: string | null
  /** What is said of it now. */
  readonly says: string | null
  readonly parked: boolean
  readonly trace_id: string
}

/** Posts, and answers the row that came of it. */
const received = Effect.fnUntraced(function* (
  body: string,
  headers?: Readonly<Record<string, string>>,
  path = "/webhooks/rentprog"
) {
  const sql = yield* PgClient.PgClient
  const { status, text } = yield* post(path, body, headers)
  assert.strictEqual(status, 200, text)
  const { receipts } = yield* Schema.decodeUnknownEffect(Answer)(text)
  const [row, ...others] = yield* sql<EventRow>`
    SELECT receipt, type, branch, ext_id, company_id::text, payload, payload_received, metadata,
      CASE WHEN attempts = 0 THEN split_part(reason, ':', 1) END AS code,
      split_part(reason, ':', 1) AS says, coalesce(next_attempt_at = 'infinity', false) AS parked, trace_id
    FROM events WHERE receipt = ANY (${receipts}::uuid[])
  `
  assert.strictEqual(others.length, 0)
  if (row === undefined) return yield* Effect.die("no row has the receipt")
  return row
})

const form = { "content-type": "application/x-www-form-urlencoded" }

layer(server(), { excludeTestServices: true })("a webhook", (it) => {
  it.effect.each([
    [
      { event: "car_update", payload: { id: 65311, company_id: 9247, mileage: [1, 2] } },
      "car_update",
      "65311",
      "tbilisi"
    ],
    [{ event: "Car.Update", payload: '{"id"=>65311, "company_id"=>9248}' }, "car_update", "65311", "kutaisi"],
    [
      { event: "booking_update", payload: '{"id":470049,"company_id":9506}' },
      "booking_update",
      "470049",
      "batumi"
    ],
    // Without a payload the rest of the body is it.
    [{ event: "client_create", id: 7, company_id: 9247 }, "client_create", "7", "tbilisi"],
    // RentProg may name the event otherwise.
    [{ type: "car.update", payload: { id: 7, company_id: 9247 } }, "car_update", "7", "tbilisi"],
    [{ name: "CarUpdate", id: 7, company_id: 9247 }, "car_update", "7", "tbilisi"],
    [
      { event: null, type: "client_create", payload: { id: 7, company_id: 9247 } },
      "client_create",
      "7",
      "tbilisi"
    ],
    // What stands beside the payload counts.
    [{ event: "client_create", payload: { id: 7 }, company_id: "9248" }, "client_create", "7", "kutaisi"]
  ] as const)("is normalised: %j", ([body, type, extId, branch]) =>
    Effect.gen(function* () {
      const row = yield* received(JSON.stringify(body))
      assert.deepInclude(row, { type, ext_id: extId, branch, code: null, parked: false })
      assert.deepInclude(row.metadata, { source: "webhook", sent_as: "json" })
    })
  )

  it.effect("may be a form", () =>
    Effect.gen(function* () {
      const payload = '{"id"=>65311, "company_id"=>9247, "name"=>"A & B = C"}'
      const row = yield* received(new URLSearchParams({ event: "car_update", payload }).toString(), form)
      assert.deepInclude(row, { type: "car_update", ext_id: "65311", branch: "tbilisi" })
      assert.deepStrictEqual(row.payload, { id: 65311, company_id: 9247, name: "A & B = C" })
      assert.strictEqual(row.payload_received, payload)
      assert.strictEqual(row.metadata["sent_as"], "form")
      const loud = { "content-type": "Application/X-WWW-Form-URLEncoded; charset=utf-8" }
      assert.strictEqual((yield* received("event=car_update&id=7&company_id=9247", loud)).ext_id, "7")
    })
  )

  it.effect("that is JSON is read as JSON, whatever it is called", () =>
    Effect.gen(function* () {
      for (const headers of [form, { "content-type": "text/plain" }, { "content-type": "" }]) {
        const row = yield* received('{"event":"car_update","payload":{"id":1,"company_id":9247}}', headers)
        assert.deepInclude(row, { type: "car_update", ext_id: "1", branch: "tbilisi" })
      }
    })
  )

  it.effect.each([
    ["null", "invalid_payload"],
    ["[]", "invalid_payload"],
    ['"a text"', "invalid_payload"],
    ["[1, 2]", "invalid_payload"],
    ["{}", "unknown_event_type"],
    ['{"event":"invoice_paid","payload":{"id":1}}', "unknown_event_type"],
    ['{"event":null,"payload":null}', "invalid_payload"],
    ['{"event":["car_update"],"payload":{"id":1}}', "unknown_event_type"],
    ['{"event":"car_update","payload":{"company_id":9247}}', "missing_ext_id"],
    [`${"[".repeat(60_000)}${"]".repeat(60_000)}`, "invalid_payload"]
  ] as const)("that nobody can understand is stored and parked: %.60s", ([body, code]) =>
    Effect.gen(function* () {
      const row = yield* received(body)
      assert.deepInclude(row, { code, parked: true })
    })
  )

  it.effect("keeps what stands beside event and payload", () =>
    Effect.gen(function* () {
      const row = yield* received(
        '{"event":"car_update","payload":{"id":1},"sent_at":"2026-03-01","company_id":9247}'
      )
      assert.deepStrictEqual(row.metadata["beside"], { sent_at: "2026-03-01", company_id: 9247 })
    })
  )

  it.effect("names its event once: what else is called so stays where it is", () =>
    Effect.gen(function* () {
      const flat = yield* received(
        '{"event":"client_update","id":1,"name":"Anna","type":2,"company_id":9247}'
      )
      assert.deepStrictEqual(flat.payload, { id: 1, name: "Anna", type: 2, company_id: 9247 })
      const other = yield* received('{"type":"client_update","id":1,"name":"Anna","company_id":9247}')
      assert.deepStrictEqual(other.payload, { id: 1, name: "Anna", company_id: 9247 })
      const beside = yield* received('{"name":"car_update","payload":{"id":1,"company_id":9247},"sent":1}')
      assert.deepStrictEqual(beside.metadata["beside"], { sent: 1 })
    })
  )

  it.effect.each([
    ["/webhooks/rentprog?branch=kutaisi", { id: 7 }, "kutaisi", "kutaisi"],
    ["/webhooks/rentprog/any?branch=kutaisi", { id: 7 }, "kutaisi", "kutaisi"],
    ["/webhooks/rentprog/any/kutaisi", { id: 7 }, "kutaisi", "kutaisi"],
    ["/webhooks/rentprog/any/service%2Dcenter", { id: 7 }, "service-center", "service-center"],
    // The payload's company is more precise.
    ["/webhooks/rentprog/any/kutaisi", { id: 7, company_id: 9506 }, "kutaisi", "batumi"],
    // No branch comes of an address.
    ["/webhooks/rentprog/any/nowhere", { id: 7 }, "nowhere", null],
    ["/webhooks/rentprog/any/a%7Cb", { id: 7 }, undefined, null],
    [`/webhooks/rentprog?branch=${"x".repeat(101)}`, { id: 7 }, undefined, null],
    ["/webhooks/rentprog?branch=", { id: 7 }, undefined, null],
    ["/webhooks/rentprog?branch=kutaisi&branch=batumi", { id: 7 }, "kutaisi", "kutaisi"],
    ["/webhooks/rentprog/any/kutaisi?branch=batumi", { id: 7 }, "kutaisi", "kutaisi"]
  ] as const)("may name its branch in the address: %s", ([path, payload, named, branch]) =>
    Effect.gen(function* () {
      const row = yield* received(JSON.stringify({ event: "car_update", payload }), undefined, path)
      assert.deepStrictEqual([row.metadata["branch"], row.branch], [named, branch])
      // Whether or not the service has tried it by now.
      assert.strictEqual(row.says === "unknown_branch", branch === null)
    })
  )

  it.effect("keeps its numbers to the last digit", () =>
    Effect.gen(function* () {
      const row = yield* received(
        '{"event":"car_update","payload":{"id":12345678901234567890,"company_id":9247}}'
      )
      assert.strictEqual(row.ext_id, "12345678901234567890")
      const smiling = yield* received(
        '{"event":"car_update","payload":{"id":12345678901234567890,"color":"\\ud83d\\ude00"}}'
      )
      assert.strictEqual(smiling.ext_id, "12345678901234567890")
    })
  )

  it.effect("loses only the characters that PostgreSQL cannot hold", () =>
    Effect.gen(function* () {
      const row = yield* received(
        '{"event":"car_update","payload":{"id":1,"company_id":9247,"color":"a\\u0000b\\ud83d","name":"Ы"}}'
      )
      assert.deepInclude(row, { ext_id: "1", branch: "tbilisi", code: null })
      assert.deepInclude(row.payload, { color: "ab\ufffd", name: "Ы" })
    })
  )

  it.effect("is written down twice where it is posted twice: it may be two changes", () =>
    Effect.gen(function* () {
      const body = '{"event":"car_update","payload":{"id":1,"company_id":9247}}'
      const [first, second] = [yield* received(body), yield* received(body)]
      assert.notStrictEqual(first.receipt, second.receipt)
    })
  )

  it.effect("goes on with the sender's trace", () =>
    Effect.gen(function* () {
      const traceId = "0af7651916cd43dd8448eb211c80319c"
      const row = yield* received('{"event":"car_update","payload":{"id":1}}', {
        traceparent: `00-${traceId}-b7ad6b7169203331-01`
      })
      assert.strictEqual(row.trace_id, traceId)
      assert.match(String(row.metadata["traceparent"]), new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
    })
  )
})
