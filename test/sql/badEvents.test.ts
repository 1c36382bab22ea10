/** Whatever goes wrong, the INSERT succeeds and the row says why. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { insertEvents, isParked, isPending, type NewEvent, random } from "../support/events.ts"
import { size } from "../support/size.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const good: NewEvent = { type: "car_update", branch: "tbilisi", ext_id: "1", payload: { id: 1 } }

const megabyte = random(1_000_000)
const deep = 200_000

/** What is wrong, and with which reason the row is parked; null where nothing is. */
const bad: ReadonlyArray<readonly [what: string, event: NewEvent, reason: string | null]> = [
  ["payload SQL null", { ...good, payload: undefined }, "invalid_payload"],
  ["payload null", { ...good, payload: null }, "invalid_payload"],
  ["payload an array", { ...good, payload: [{ id: 1 }] }, "invalid_payload"],
  ["payload a number", { ...good, payload: 1 }, "invalid_payload"],
  ["payload a boolean", { ...good, payload: true }, "invalid_payload"],
  ["payload no hash", { ...good, payload: "hello" }, "invalid_payload"],
  ["payload empty", { ...good, payload: "" }, "invalid_payload"],
  ["payload cut off", { ...good, payload: '{"id"=>1, "company_id"=>' }, "invalid_payload"],
  ["payload a list as text", { ...good, payload: "[1]" }, "invalid_payload"],
  ["payload a string in a string", { ...good, payload: JSON.stringify('{"id":1}') }, "invalid_payload"],
  ["payload a megabyte of text", { ...good, payload: megabyte }, "invalid_payload"],
  ["payload a megabyte of JSON", { ...good, payload: JSON.stringify({ id: 1, note: megabyte }) }, null],
  ["payload a megabyte of Ruby", { ...good, payload: `{"id"=>1, "note"=>"${megabyte}"}` }, null],
  ["payload a megabyte", { ...good, payload: { id: 1, note: megabyte } }, null],
  ["payload deep", { ...good, payload: `${"[".repeat(deep)}${"]".repeat(deep)}` }, "invalid_payload"],
  [
    "payload deep objects",
    { ...good, payload: `${'{"a":'.repeat(deep)}1${"}".repeat(deep)}` },
    "invalid_payload"
  ],
  [
    "payload deep Ruby",
    { ...good, payload: `${'{"a"=>'.repeat(50_000)}1${"}".repeat(50_000)}` },
    "invalid_payload"
  ],
  ["payload with NUL in JSON", { ...good, payload: '{"id": 1, "note": "\\u0000"}' }, "invalid_payload"],
  ["payload with NUL in Ruby", { ...good, payload: '{"id"=>1, "note"=>"\\u0000"}' }, "invalid_payload"],
  ["payload with half a character", { ...good, payload: '{"id": 1, "note": "\\ud800"}' }, "invalid_payload"],
  [
    "payload with an id that is an object",
    { ...good, ext_id: null, payload: { id: { a: 1 } } },
    "invalid_payload"
  ],
  ["type SQL null", { ...good, type: null }, "unknown_event_type: none given"],
  ["type empty", { ...good, type: "" }, "unknown_event_type"],
  ["type unknown", { ...good, type: "garage_update" }, 'unknown_event_type: "garage_update"'],
  ...[
    "car",
    "update",
    "car_update_car",
    "xcar_update",
    "car_updated",
    "car_update2",
    "саr_update",
    "Ж",
    "%s|\\"
  ].map((type) => [`type ${type}`, { ...good, type }, "unknown_event_type"] as const),
  ["type of 10000 characters", { ...good, type: random(10_000) }, "unknown_event_type"],
  ["ext_id absent", { ...good, ext_id: null, payload: {} }, "missing_ext_id"],
  ["ext_id empty", { ...good, ext_id: "", payload: { id: "" } }, "missing_ext_id"],
  ["ext_id blank", { ...good, ext_id: "  ", payload: { id: " ", client_id: 1 } }, "missing_ext_id"],
  ["ext_id with |", { ...good, ext_id: "1|2" }, "invalid_payload"],
  ["ext_id with a line in it", { ...good, ext_id: "1\n2" }, "invalid_payload"],
  ["ext_id of a path", { ...good, ext_id: "../get_token" }, "invalid_payload"],
  ["ext_id of 65 characters", { ...good, ext_id: "1".repeat(65) }, "invalid_payload"],
  ["ext_id of 64 characters", { ...good, ext_id: "1".repeat(64) }, null],
  ["ext_id of 10000 characters", { ...good, ext_id: random(10_000) }, "invalid_payload"],
  [
    "payload's id of 10000 characters",
    { ...good, ext_id: null, payload: { id: random(10_000) } },
    "invalid_payload"
  ],
  ["branch with |", { ...good, branch: "tbilisi|batumi" }, "unknown_branch"],
  ["branch of 10000 characters", { ...good, branch: random(10_000) }, "unknown_branch"],
  ["branch of 100 wide characters", { ...good, branch: "Ж".repeat(100) }, null]
]

layer(testDatabase, { excludeTestServices: true })("bad events", (it) => {
  it.effect.each(bad)("%s", ([, event, reason]) =>
    Effect.gen(function* () {
      // Among others, in one statement: those are as good as without it.
      const [before, row, after] = yield* insertEvents([good, event, good])
      assert.isDefined(before)
      assert.isDefined(row)
      assert.isDefined(after)
      assert.isTrue(isPending(before) && isPending(after))
      if (reason === null) {
        assert.isTrue(isPending(row), row.reason ?? "")
      } else {
        assert.isTrue(isParked(row))
        assert.isTrue(row.reason?.startsWith(reason), row.reason ?? "no reason")
        assert.isBelow(row.reason?.length ?? 0, 300)
        assert.deepStrictEqual(row.payload_received, event.payload ?? null)
      }
    })
  )

  const numbers = `[${Array(10_000).fill("1e131071").join()}]`
  it.effect.each([
    ["id", `{"id": 1e131071, "company_id": 9247}`, "invalid_payload: ext_id"],
    ["id with a fraction", `{"id": 0e-16383, "company_id": 9247}`, "invalid_payload: ext_id"],
    ["id of numbers", `{"id": {"a": ${numbers}}, "company_id": 9247}`, "invalid_payload: ext_id"],
    ["company", `{"id": 1, "company_id": 1e131071}`, "unknown_branch: not asked yet"],
    ["company of numbers", `{"id": 1, "company_id": {"a": ${numbers}}}`, "unknown_branch: not asked yet"],
    ["car", `{"id": 1, "car_id": {"a": ${numbers}}}`, "unknown_branch: not asked yet"]
  ] as const)("%s that would print as many megabytes", ([, payload, reason]) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [row] = yield* sql<{ readonly ext_id: string; readonly reason: string }>`
        INSERT INTO events (type, payload) VALUES ('car_update', ${payload}::jsonb)
        RETURNING events.ext_id, events.reason
      `
      assert.isTrue(row?.reason.startsWith(reason), row?.reason.slice(0, 200))
      assert.isBelow(JSON.stringify(row).length, 200)
    })
  )

  it.effect("one reason is given, the payload's first", () =>
    Effect.gen(function* () {
      const rows = yield* insertEvents([
        { type: "x", payload: "x" },
        { type: "x", payload: {} },
        { type: "car_update", payload: {} },
        { type: "car_update", payload: { id: 1 } }
      ])
      assert.deepStrictEqual(
        rows.map(({ reason }) => reason?.split(":")[0]),
        ["invalid_payload", "unknown_event_type", "missing_ext_id", "unknown_branch"]
      )
    })
  )

  const many = size({ long: 100_000, usual: 10_000 })

  it.effect(`${many} rows in one statement, good and bad by turns`, () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`
        INSERT INTO events (type, payload, metadata)
        SELECT 'car.update', CASE WHEN n % 2 = 0 THEN to_jsonb('{"id"=>' || n || ', "company_id"=>9247}') ELSE '"x"' END,
          '{"many": true}'
        FROM generate_series(1, ${many}::int) AS n
      `
      const rows = yield* sql`
        SELECT branch, ok, reason IS NULL AS fine, next_attempt_at = 'infinity' AS parked, count(*)::int AS count
        FROM events WHERE metadata = '{"many": true}' GROUP BY 1, 2, 3, 4 ORDER BY branch NULLS LAST
      `
      assert.deepStrictEqual(rows, [
        { branch: "tbilisi", ok: null, fine: true, parked: false, count: many / 2 },
        { branch: null, ok: false, fine: false, parked: true, count: many / 2 }
      ])
    })
  )
})
