/** What settling an event leaves beside its row: attempts, the timeline, its trace, and counts. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Duration, Effect, Layer, Metric, Schema } from "effect"
import { Events } from "../../src/database/Events.ts"
import { Branch } from "../../src/domain/Branch.ts"
import type { PendingEvent } from "../../src/domain/Event.ts"
import { countStatements } from "../support/statements.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const trace = (n: number) => String(n).padStart(32, "0")
const tbilisi = Branch.make("tbilisi")

interface New {
  readonly type?: string
  readonly ext_id?: string
  readonly payload?: unknown
  readonly metadata?: unknown
  /** ISO 8601 */
  readonly ts?: string
}

const fresh = PgClient.PgClient.use(
  (sql) => sql`TRUNCATE events, row_attempts, row_refusals, entity_timeline, paused_branches RESTART IDENTITY`
)

/** What is due in tbilisi, as it is taken now. */
const take = Effect.map(
  Events.use((events) => events.take(tbilisi, [])),
  (records) => records.flatMap(({ events }) => events)
)

/** Writes events of tbilisi and takes them. */
const taken = Effect.fnUntraced(function* (...events: ReadonlyArray<New>) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO events (branch, type, ext_id, payload, metadata, ts)
    SELECT 'tbilisi', coalesce(type, 'car_update'), coalesce(ext_id, '1'), coalesce(payload, '{}'), metadata,
      coalesce(ts, now())
    FROM jsonb_to_recordset(${sql.json(events)})
      AS row (type text, ext_id text, payload jsonb, metadata jsonb, ts timestamptz)
  `
  return yield* take
})

/** An event whose attempt failed, as it would be taken now. */
const again = (event: PendingEvent): PendingEvent => ({ ...event, attempts: event.attempts + 1 })

const settle = (
  event: PendingEvent,
  reason: string | null,
  {
    processed = reason === null,
    retryIn = Duration.zero,
    traceId = trace(1)
  }: { processed?: boolean; retryIn?: Duration.Duration | null; traceId?: string } = {}
) =>
  Events.use((events) => events.settle({ event, processed, reason, took: Duration.zero, retryIn, traceId }))

const attempts = PgClient.PgClient.use(
  (sql) => sql`SELECT source, source_id::int, attempt, reason, trace_id FROM row_attempts ORDER BY id`
)
const told = PgClient.PgClient.use(
  (sql) => sql`
    SELECT entity_type, entity_id, branch, source, source_id, operation, changes, user_name, log_entry
    FROM entity_timeline ORDER BY id
  `
)
const traceOf = (id: string) =>
  PgClient.PgClient.use((sql) =>
    Effect.map(
      sql<{ readonly trace_id: string | null }>`SELECT trace_id FROM events WHERE id = ${id}::text::bigint`,
      ([row]) => row?.trace_id
    )
  )

const one = Effect.fnUntraced(function* (event: New) {
  const [row] = yield* taken(event)
  assert.isDefined(row)
  return row
})

const tests = Events.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("an attempt", (it) => {
  it.effect("that fails is written down with its reason and its trace; one that goes well is not", () =>
    Effect.gen(function* () {
      yield* fresh
      const event = yield* one({})
      yield* settle(event, "rentprog_timeout: slow", { traceId: trace(1) })
      yield* settle(again(event), "rentprog_not_found: gone", { retryIn: null, traceId: trace(2) })
      const expected = [
        {
          ...{ source: "event", source_id: 1, attempt: 1 },
          ...{ reason: "rentprog_timeout: slow", trace_id: trace(1) }
        },
        {
          ...{ source: "event", source_id: 1, attempt: 2 },
          ...{ reason: "rentprog_not_found: gone", trace_id: trace(2) }
        }
      ]
      assert.deepStrictEqual<unknown>(yield* attempts, expected)
      yield* settle(again(again(event)), null)
      assert.deepStrictEqual<unknown>(yield* attempts, expected)
    })
  )

  it.effect("at a row that somebody touched meanwhile leaves nothing behind", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const event = yield* one({})
      yield* sql`UPDATE events SET ext_id = '2'`
      yield* settle(event, null)
      yield* settle(event, "rentprog_timeout: slow")
      assert.deepStrictEqual(yield* attempts, [])
      assert.deepStrictEqual(yield* told, [])
    })
  )

  it.effect("gives the row its trace: that of the last one", () =>
    Effect.gen(function* () {
      yield* fresh
      const event = yield* one({})
      yield* settle(event, "rentprog_timeout: slow", { traceId: trace(1) })
      assert.strictEqual(yield* traceOf(event.id), trace(1))
      yield* settle(again(event), null, { traceId: trace(2) })
      assert.strictEqual(yield* traceOf(event.id), trace(2))
    })
  )

  it.effect("shares one statement with those of its batch, whatever comes of them", () =>
    Effect.gen(function* () {
      yield* fresh
      const events = yield* taken(...Array.from({ length: 400 }, (_, n) => ({ ext_id: String(n) })))
      const settling = Effect.forEach(
        events.entries(),
        ([n, event]) => settle(event, n % 2 === 0 ? null : "rentprog_timeout: slow"),
        { concurrency: "unbounded" }
      )
      const statements = yield* countStatements("INSERT", "row_attempts", settling)
      assert.isAtLeast(statements, 1)
      assert.isBelow(statements, 20)
      assert.lengthOf(yield* attempts, 200)
      assert.lengthOf(yield* told, 200)
    })
  )
})

layer(tests, { excludeTestServices: true })("the timeline", (it) => {
  it.effect.each([
    {
      what: "an update, its pairs from an object",
      event: { type: "car_update", payload: { id: 1, mileage: [100, 200], state: 3, note: [null, "x"] } },
      told: {
        ...{ entity_type: "car", operation: "update" },
        changes: { mileage: [100, 200], note: [null, "x"] }
      }
    },
    {
      what: "an update, its pairs from a Ruby hash",
      event: { type: "client_update", payload: '{"phone"=>[nil, "5"], "id"=>1}' },
      told: { entity_type: "client", operation: "update", changes: { phone: [null, "5"] } }
    },
    {
      what: "one that says nothing of what changed",
      event: { type: "booking_create", payload: { id: 1, tags: [1, 2, 3], none: [] } },
      told: { entity_type: "booking", operation: "create", changes: null }
    },
    {
      what: "a destruction",
      event: { type: "car_destroy", payload: { id: 1 } },
      told: { entity_type: "car", operation: "destroy", changes: null }
    },
    {
      what: "metadata that is no object",
      event: { payload: { id: 1 }, metadata: ["asked_for"] },
      told: { entity_type: "car", operation: "update", changes: null }
    }
  ])("tells of an event that went well: $what", ({ event, told: expected }) =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* settle(yield* one({ ...event, ts: "2026-03-01T10:00:00Z" }), null)
      assert.deepStrictEqual<unknown>(yield* told, [
        {
          ...{ entity_id: "1", branch: "tbilisi", source: "event", source_id: "1" },
          ...{ user_name: null, log_entry: "event:1" },
          ...expected
        }
      ])
      assert.lengthOf(yield* sql`SELECT FROM entity_timeline WHERE at = '2026-03-01T10:00:00Z'`, 1)
    })
  )

  it.effect("tells of an event that is done though nothing was written: RentProg said so all the same", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const event = yield* one({ payload: { id: 1, mileage: [1, 2] } })
      yield* settle(event, "deleted_recently", { processed: true })
      assert.lengthOf(yield* told, 1)
      assert.deepStrictEqual(yield* attempts, [])
      const [row] = yield* sql`
        SELECT events.processed, events.ok, events.reason, events.next_attempt_at,
          row_state(events.processed, events.ok, events.reason, events.next_attempt_at) AS state
        FROM events WHERE events.processed_at IS NOT NULL
      `
      assert.deepStrictEqual<unknown>(row, {
        ...{ processed: true, ok: true, reason: "deleted_recently", next_attempt_at: null },
        state: "processed"
      })
    })
  )

  it.effect("tells of no event that failed, and of none that Jarvis queued itself", () =>
    Effect.gen(function* () {
      yield* fresh
      const [asked, failed] = yield* taken({ metadata: { asked_for: "car 1" } }, { ext_id: "2" })
      assert.isDefined(asked)
      assert.isDefined(failed)
      yield* settle(asked, null)
      yield* settle(failed, "rentprog_timeout: slow")
      assert.deepStrictEqual(yield* told, [])
    })
  )

  it.effect("tells of an event once, however often a person runs it again", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const event = yield* one({ payload: { id: 1, mileage: [1, 2] } })
      yield* settle(event, null)
      const before = yield* told
      yield* sql`UPDATE events SET processed = false`
      const [touched] = yield* take
      assert.isDefined(touched)
      yield* settle(touched, null)
      assert.lengthOf(before, 1)
      assert.deepStrictEqual(yield* told, before)
      assert.lengthOf(yield* sql`SELECT FROM events WHERE processed`, 1)
    })
  )
})

const names = [
  "id",
  "mileage",
  "",
  " ",
  "NULL",
  "null",
  "a,b",
  "{}",
  "[1]",
  '"',
  "\\",
  "\n",
  "\t",
  "Ж",
  "\u2028"
]
const values = [
  ...[0, "", null, true, {}, { a: [1, 2] }, [], [null], [1, 2], [null, null], [[1, 2], {}], ["a", "b"]],
  ...[[1, 2, 3], "[1,2]", ["x".repeat(4000), "y"], "z".repeat(9000), ["\\", '"']]
]
const oneOf = <const A>(all: ReadonlyArray<A>) =>
  Arbitrary.map(Arbitrary.schema(Schema.Literals(all.map((_, n) => n))), (n) => all[n])
const fields = Arbitrary.array(Arbitrary.all([oneOf(names), oneOf(values)]), { maxLength: 8 })
const payload = Arbitrary.all([oneOf(["object", "object", "object", "wide", "text"] as const), fields]).pipe(
  Arbitrary.map(([form, some]) => {
    const wide = Array.from({ length: 300 }, (_, n) => [`field ${n}`, [n, [n, -n], [n, n, n]][n % 3]])
    const said = Object.fromEntries(form === "wide" ? [...wide, ...some] : some)
    return form === "text" ? JSON.stringify(said) : said
  })
)

layer(tests, { excludeTestServices: true })("what the timeline says that changed", (it) => {
  it.effect("is what event_changes says of the payload, whatever that is", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const payloads = yield* Arbitrary.sampleEffect(payload, { count: 400, seed: crypto.randomUUID() })
      const events = yield* taken(...payloads.map((payload, n) => ({ ext_id: String(n), payload })))
      yield* Effect.forEach(events, (event) => settle(event, null), { concurrency: "unbounded" })
      const rows = yield* sql<{ readonly is_same: boolean; readonly said: boolean }>`
        SELECT told.changes IS NOT DISTINCT FROM event_changes(events.payload_received) AS is_same,
          told.changes IS NOT NULL AS said
        FROM events LEFT JOIN entity_timeline AS told ON told.source_id::bigint = events.id
      `
      assert.lengthOf(events, 400)
      assert.lengthOf(rows, 400)
      assert.isTrue(rows.every(({ is_same }) => is_same))
      assert.isTrue(rows.some(({ said }) => said) && rows.some(({ said }) => !said))
    })
  )
})

layer(tests, { excludeTestServices: true })("what is counted", (it) => {
  it.effect(
    "is each attempt by branch, type and outcome, and how long events took by the database's clock",
    () =>
      Effect.gen(function* () {
        yield* fresh
        const sql = yield* PgClient.PgClient
        const [car, late, client] = yield* taken(
          { ext_id: "1" },
          { ext_id: "2" },
          { ext_id: "3", type: "client_create" }
        )
        assert.isDefined(car)
        assert.isDefined(late)
        assert.isDefined(client)
        // Nine seconds before it was processed, whatever the clock of this machine says.
        yield* sql`UPDATE events SET revision = revision + 1, attempts = 1, ts = now() - interval '9 seconds' WHERE id = 2`
        yield* sql`UPDATE events SET revision = revision + 1, attempts = 1, ts = now() + interval '1 day' WHERE id = 1`
        yield* settle(again(car), null)
        yield* settle(again(late), null)
        yield* settle(client, "rentprog_timeout: slow")
        yield* settle(client, "rentprog_timeout: nobody's")
        yield* settle(again(client), "superseded", { processed: true })
        const snapshot = yield* Metric.snapshot
        assert.sameDeepMembers(
          snapshot.flatMap(({ attributes, id, state, type }) =>
            id === "jarvis_events_total" && type === "Counter" ? [{ attributes, count: state.count }] : []
          ),
          [
            { attributes: { branch: "tbilisi", type: "car_update", outcome: "processed" }, count: 2 },
            {
              attributes: { branch: "tbilisi", type: "client_create", outcome: "rentprog_timeout" },
              count: 1
            },
            { attributes: { branch: "tbilisi", type: "client_create", outcome: "superseded" }, count: 1 }
          ]
        )
        const [took] = snapshot.flatMap((metric) =>
          metric.id === "jarvis_event_duration_seconds" && metric.type === "Histogram" ? [metric] : []
        )
        assert.deepStrictEqual(took?.attributes, { branch: "tbilisi" })
        const upTo = new Map(took?.state.buckets)
        assert.deepStrictEqual([upTo.get(0.005), upTo.get(5), upTo.get(30)], [1, 2, 3])
        assert.deepStrictEqual([took?.state.count, took?.state.min], [3, 0])
      }).pipe(Effect.provideService(Metric.MetricRegistry, new Map()))
  )
})
