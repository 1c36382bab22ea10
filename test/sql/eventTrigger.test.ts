import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { eventTypes } from "../../src/domain/Event.ts"
import { inspect, spellings } from "../../src/simulator/Webhook.ts"
import { insertEvent, insertEvents, isPending, type NewEvent, readEvents } from "../support/events.ts"
import { notifiedBy } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

/** Updates one row by hand and answers it as it stands then. */
const update = Effect.fnUntraced(function* (id: string, assignments: string) {
  const sql = yield* PgClient.PgClient
  yield* sql.unsafe(`UPDATE events SET ${assignments} WHERE id = ${id}`)
  const [row] = yield* readEvents([id])
  if (row === undefined) return yield* Effect.die(`no row ${id}`)
  return row
})

/** Which branch is found, by what is given. */
const branches: ReadonlyArray<readonly [what: string, event: NewEvent, branch: string]> = [
  ["the one given, whatever the company", { branch: "batumi", company_id: 9247, payload: {} }, "batumi"],
  ["the one given, trimmed", { branch: " batumi ", payload: {} }, "batumi"],
  ["the one given, though no company is", { branch: "elsewhere", payload: {} }, "elsewhere"],
  ["blank is not given", { branch: " ", company_id: 9248, payload: {} }, "kutaisi"],
  ["the column's company", { company_id: 9110, payload: {} }, "tbilisi"],
  ["the payload's before the column's", { company_id: 9248, payload: { company_id: 9506 } }, "batumi"],
  ["the payload's company", { payload: { company_id: 11163 } }, "service-center"],
  ["the payload's company as text", { payload: { company_id: "11157" } }, "batumi"],
  ["the last of the payload's pair", { payload: { company_id: [9247, 11163] } }, "service-center"],
  ["the pair of a Ruby hash", { payload: inspect({ company_id: [null, 9506] }) }, "batumi"],
  ["none: where the mirror has the record", { payload: { price: [1, 2] } }, "kutaisi"],
  ["null: where the mirror has the record", { payload: { company_id: null } }, "kutaisi"]
]

/** Which record it is about, by what is given. */
const ids: ReadonlyArray<readonly [type: string, ext_id: string | null, payload: unknown, expected: string]> =
  [
    ["car_update", "7", { id: 8, car_id: 9 }, "7"],
    ["car_update", " 7 ", { id: 8 }, "7"],
    ["car_update", "", { id: 8, car_id: 9 }, "8"],
    ["car_update", " ", { id: "8" }, "8"],
    ["car_update", null, { id: [7, 8], car_id: 9 }, "8"],
    ["car_update", null, { id: null, car_id: 9, client_id: 10, booking_id: 11 }, "9"],
    ["client_update", null, { id: [], car_id: 9, client_id: 10, booking_id: 11 }, "10"],
    ["booking_update", null, { car_id: 9, client_id: 10, booking_id: [1, 11] }, "11"],
    ["Booking.Update", null, '{"car_id"=>9, "booking_id"=>11}', "11"],
    ["car_update", null, { id: "AB-12_c" }, "AB-12_c"]
  ]

layer(testDatabase, { excludeTestServices: true })("auto_process_event_trigger", (it) => {
  it.effect("stands where people look for it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = yield* sql`
        SELECT trigger_name, event_object_table, action_timing, event_manipulation
        FROM information_schema.triggers
        WHERE trigger_name LIKE '%auto_process%' AND event_object_table = 'events'
        ORDER BY event_manipulation
      `
      assert.deepStrictEqual(
        rows,
        ["INSERT", "UPDATE"].map((event_manipulation) => ({
          trigger_name: "auto_process_event_trigger",
          event_object_table: "events",
          action_timing: "BEFORE",
          event_manipulation
        }))
      )
    })
  )

  it.effect("the insert that people try it with", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`
        INSERT INTO events (branch, type, ext_id, payload, company_id)
        VALUES ('tbilisi', 'car_update', '12345', '{"id": 12345}'::jsonb, 9247)
      `
      const rows = yield* sql`SELECT processed, ok, reason FROM events WHERE ext_id = '12345'`
      assert.deepStrictEqual(rows, [{ processed: false, ok: null, reason: null }])
    })
  )

  it.effect("a row becomes due and is notified once, as id|branch|type|ext_id", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const payload = { id: 65311, company_id: [9247, 9506], mileage: [1, 2], tags: [], note: ["", [1, [2]]] }
      const { payloads, result: row } = yield* notifiedBy(
        insertEvent({ type: "Car.Update", payload: inspect(payload) })
      )
      assert.deepStrictEqual(payloads, [`${row.id}|batumi|car_update|65311`])
      assert.deepStrictEqual(row.payload, {
        id: 65311,
        company_id: 9506,
        mileage: 2,
        tags: null,
        note: [1, [2]]
      })
      assert.strictEqual(row.payload_received, inspect(payload))
      assert.isTrue(isPending(row))
      assert.isNull(row.processed_at)
      const due = yield* sql`SELECT FROM events WHERE id = ${row.id}::bigint AND next_attempt_at <= now()`
      assert.strictEqual(due.length, 1)
    })
  )

  it.effect("all rows of a statement are notified, the parked ones excepted", () =>
    Effect.gen(function* () {
      const { payloads, result } = yield* notifiedBy(
        insertEvents([
          { type: "car_create", ext_id: "1", branch: "tbilisi", payload: {} },
          { type: "car_create", ext_id: "1", branch: "tbilisi", payload: "no hash" },
          { type: "car_create", ext_id: "1", branch: "tbilisi", payload: {} }
        ])
      )
      const [first, , last] = result.map(({ id }) => id)
      assert.deepStrictEqual(payloads, [`${first}|tbilisi|car_create|1`, `${last}|tbilisi|car_create|1`])
    })
  )

  it.effect.each(
    eventTypes.flatMap((type) =>
      [...spellings(type), type.toUpperCase(), type.replace("_", "-"), ` ${type.replace("_", " ")}\n`].map(
        (spelling) => [spelling, type] as const
      )
    )
  )("type %j is %s", ([spelling, type]) =>
    Effect.gen(function* () {
      const row = yield* insertEvent({ type: spelling, ext_id: "1", branch: "tbilisi", payload: {} })
      assert.strictEqual(row.type, type)
      assert.isTrue(isPending(row))
    })
  )

  it.effect.each(branches)("branch: %s", ([, event, expected]) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      for (const table of ["cars", "clients", "bookings"]) {
        yield* sql`INSERT INTO ${sql(table)} (rentprog_id, branch) VALUES ('501', 'kutaisi') ON CONFLICT DO NOTHING`
      }
      for (const type of ["car_update", "client_update", "booking_update"]) {
        const row = yield* insertEvent({ type, ext_id: "501", ...event })
        assert.strictEqual(row.branch, expected)
        assert.isTrue(isPending(row))
      }
    })
  )

  it.effect.each(ids)("ext_id of %s with %j and %j is %s", ([type, ext_id, payload, expected]) =>
    Effect.gen(function* () {
      const row = yield* insertEvent({ type, ext_id, branch: "tbilisi", payload })
      assert.strictEqual(row.ext_id, expected)
      assert.isTrue(isPending(row))
    })
  )

  it.effect("a re-run reads again what was received, and starts from no attempts", () =>
    Effect.gen(function* () {
      const received = {
        id: 77,
        company_id: 9247,
        pair: [
          [1, 2],
          [3, 4]
        ]
      }
      const before = yield* insertEvent({ type: "car_update", payload: received })
      yield* update(
        before.id,
        "processed = true, ok = false, reason = 'discarded', processed_at = now(), attempts = 3"
      )
      const { payloads, result: row } = yield* notifiedBy(update(before.id, "processed = false"))
      assert.deepStrictEqual(payloads, [`${row.id}|tbilisi|car_update|77`])
      assert.deepStrictEqual(row.payload, { id: 77, company_id: 9247, pair: [3, 4] })
      assert.deepStrictEqual(row.payload_received, received)
      assert.isTrue(isPending(row))
      assert.isNull(row.processed_at)
      assert.notStrictEqual(row.next_attempt_at, "infinity")
    })
  )

  it.effect("a parked row whose cause is gone is due again when it is touched", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const parked = yield* insertEvent({ type: "car_update", payload: { id: 5, company_id: 31337 } })
      assert.include(parked.reason, "unknown_branch")
      yield* sql`INSERT INTO branches (company_id, code) VALUES (31337, 'harbour')`
      const row = yield* update(parked.id, "processed = false")
      assert.strictEqual(row.branch, "harbour")
      assert.isTrue(isPending(row))
    })
  )

  it.effect("a payload that a person corrects is what was received from then on", () =>
    Effect.gen(function* () {
      const parked = yield* insertEvent({ type: "car_update", branch: "tbilisi", payload: "{oops" })
      const row = yield* update(parked.id, `payload = '{"id": [1, 6]}'`)
      assert.deepStrictEqual(
        [row.payload, row.payload_received, row.ext_id],
        [{ id: 6 }, { id: [1, 6] }, "6"]
      )
      assert.isTrue(isPending(row))
    })
  )

  it.effect.each([
    {
      what: "an attempt that failed",
      set: "revision = 1, attempts = 1, ok = false, reason = 'rentprog_timeout: slow'",
      left: { revision: 1, attempts: 1, ok: false, reason: "rentprog_timeout: slow" }
    },
    {
      what: "an attempt that parks",
      set: "revision = 1, attempts = 1, ok = false, next_attempt_at = 'infinity'",
      left: { revision: 1, attempts: 1, ok: false, next_attempt_at: "infinity" }
    },
    {
      what: "done",
      set: "processed = true, ok = true, attempts = 1",
      left: { processed: true, ok: true, attempts: 1 }
    },
    { what: "done without an attempt", set: "processed = true", left: { processed: true } }
  ])("the service's own book-keeping does not fire: $what", ({ left, set }) =>
    Effect.gen(function* () {
      const payload = { id: 9, company_id: 9247, pair: [[1, 2]] }
      const before = yield* insertEvent({ type: "car_update", payload })
      assert.deepStrictEqual(before.payload, { ...payload, pair: [1, 2] })
      const { payloads, result } = yield* notifiedBy(update(before.id, set))
      assert.deepStrictEqual(payloads, [])
      assert.deepStrictEqual(result, { ...before, ...left })
    })
  )

  it.effect.each(["processed = false", "processed = false, attempts = 0", "processed = false, revision = 0"])(
    "a row that is done runs again, in whatever way a person says so: %s",
    (set) =>
      Effect.gen(function* () {
        const { id } = yield* insertEvent({ type: "car_update", payload: { id: 9, company_id: 9247 } })
        yield* update(
          id,
          "revision = revision + 1, processed = true, ok = true, attempts = 1, next_attempt_at = NULL"
        )
        const { payloads, result } = yield* notifiedBy(update(id, set))
        assert.deepStrictEqual(payloads, [`${id}|tbilisi|car_update|9`])
        assert.isTrue(isPending(result))
        assert.strictEqual(result.attempts, 0)
      })
  )

  it.effect("a row that is neither done nor due at any time cannot be", () =>
    Effect.gen(function* () {
      const { id } = yield* insertEvent({ type: "car_update", payload: { id: 9, company_id: 9247 } })
      const stranded = yield* Effect.flip(update(id, "revision = revision + 1, next_attempt_at = NULL"))
      assert.include(String(stranded.reason.cause), "events_done_or_due")
    })
  )

  it.effect("a row that comes as processed is left as it is", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { payloads, result } = yield* notifiedBy(sql`
        INSERT INTO events (type, payload, processed, ok) VALUES ('Car.Update', '{"id": [1, 2]}', true, true)
        RETURNING type, payload, processed, ok, reason, branch
      `)
      assert.deepStrictEqual(payloads, [])
      assert.deepStrictEqual(result, [
        { type: "Car.Update", payload: { id: [1, 2] }, processed: true, ok: true, reason: null, branch: null }
      ])
    })
  )

  it.effect("processed that is null is false", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = yield* sql`
        INSERT INTO events (type, payload, company_id, processed)
        VALUES ('car_update', '{"id": 1}', 9247, NULL) RETURNING processed, branch
      `
      assert.deepStrictEqual(rows, [{ processed: false, branch: "tbilisi" }])
    })
  )
})
