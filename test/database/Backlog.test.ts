/** What is not done, and what the last hour saw done. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Layer } from "effect"
import { Backlog } from "../../src/database/Backlog.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { insertEvents } from "../support/events.ts"
import { insertHistory } from "../support/history.ts"
import { cars, fail, fresh, succeed } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = Backlog.layer({ tokens: [Branch.make("rustavi")], logs: [Branch.make("rustavi")] }).pipe(
  Layer.provideMerge(testDatabase)
)

const nothing = { pending: 0, waiting: 0, parked: 0, oldest: null }

layer(tests, { excludeTestServices: true })("Backlog.now", (it) => {
  it.effect("of nothing", () =>
    Effect.gen(function* () {
      yield* fresh
      const { branches, events, history } = yield* Backlog.use(({ now }) => now)
      assert.deepStrictEqual(
        [events, history],
        [
          { ...nothing, oldest_pending: null, reasons: [] },
          { ...nothing, oldest_pending: null, reasons: [] }
        ]
      )
      assert.deepStrictEqual<unknown>(
        branches.map(({ branch, name, ...rest }) => [branch, name, rest]),
        [
          ["batumi", "Batumi"],
          ["kutaisi", "Kutaisi"],
          ["rustavi", null],
          ["service-center", "Service center"],
          ["tbilisi", "Tbilisi"]
        ].map(([branch, name]) => [branch, name, { paused: null, due_since: null, ...nothing }])
      )
    })
  )

  it.effect("by state, reason and branch", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const tbilisi = yield* cars(6)
      const telavi = yield* cars(2, "telavi")
      yield* fail("events", tbilisi[0])
      yield* fail("events", tbilisi[1], { reason: "rentprog_timeout: slower" })
      yield* fail("events", tbilisi[2], { reason: "rentprog_not_found: gone", next: "'infinity'" })
      yield* succeed("events", tbilisi[3])
      yield* fail("events", telavi[0], { reason: "rentprog_not_found: gone", next: "'infinity'" })
      yield* fail("events", telavi[1], { reason: "rentprog_not_found: not yet" })
      yield* insertEvents([
        // Nobody knows yet whose it is.
        { type: "car_update", ext_id: "1", payload: {} },
        // No branch of ours: it is parked, and makes no branch of itself.
        { type: "car_update", ext_id: "1", payload: {}, branch: "a|b" },
        { type: "car_update", ext_id: "1", payload: {}, branch: "x".repeat(500) }
      ])
      yield* insertHistory(
        { description: "Иван Петров изменил авто №6" },
        { description: "Иван Петров изменил авто №7" },
        { description: "Пользователь вошёл" }
      )
      const at = (n: number) => `2026-03-01T10:0${n}:00Z`
      for (const [n, id] of tbilisi.entries()) {
        yield* sql`
          UPDATE events SET revision = revision + 1, ts = ${at(n)}::timestamptz, attempts = attempts + 1, ok = ok WHERE id = ${id}::bigint
        `
      }
      const { branches, events, history } = yield* Backlog.use(({ now }) => now)
      const { oldest, oldest_pending, reasons, ...counted } = events
      assert.deepStrictEqual(counted, { pending: 2, waiting: 4, parked: 4 })
      assert.deepStrictEqual(
        reasons.map(({ oldest, ...rest }) => rest),
        [
          { state: "parked", reason: "rentprog_not_found", count: 2 },
          { state: "parked", reason: "unknown_branch", count: 2 },
          { state: "waiting", reason: "rentprog_timeout", count: 2 },
          { state: "waiting", reason: "rentprog_not_found", count: 1 },
          { state: "waiting", reason: "unknown_branch", count: 1 }
        ]
      )
      // Of each reason by itself: the oldest row of all is another's.
      assert.deepStrictEqual(
        reasons
          .filter(({ oldest }) => DateTime.toEpochMillis(oldest) < Date.parse("2026-03-02T00:00:00Z"))
          .map(({ oldest, reason, state }) => [state, reason, DateTime.formatIso(oldest).slice(11, 16)]),
        [
          ["parked", "rentprog_not_found", "10:02"],
          ["waiting", "rentprog_timeout", "10:00"]
        ]
      )
      assert.strictEqual(oldest?.pipe(DateTime.formatIso), "2026-03-01T10:00:00.000Z")
      assert.strictEqual(oldest_pending?.pipe(DateTime.formatIso), "2026-03-01T10:04:00.000Z")
      assert.deepInclude(history, { oldest_pending: null, pending: 0, waiting: 2, parked: 1 })
      assert.deepStrictEqual(
        history.reasons.map(({ oldest, ...rest }) => rest),
        [
          { state: "waiting", reason: "entity_not_found", count: 2 },
          { state: "parked", reason: "unparsed_description", count: 1 }
        ]
      )
      assert.deepStrictEqual<unknown>(
        branches
          .filter(({ waiting }) => waiting > 0)
          .map(({ branch, due_since, oldest, ...rest }) => [branch, rest]),
        [
          ["tbilisi", { name: "Tbilisi", paused: null, pending: 2, waiting: 2, parked: 1 }],
          ["telavi", { name: null, paused: null, pending: 0, waiting: 1, parked: 1 }]
        ]
      )
      assert.strictEqual(branches.length, 6)
    })
  )

  it.effect("a branch's due events, but for those that refuse to be updated", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const [first, second, third] = yield* cars(4)
      const dueOf = Effect.map(
        Backlog.use(({ now }) => now),
        ({ branches }) =>
          branches.find(({ branch }) => branch === "tbilisi")?.due_since?.pipe(DateTime.formatIso)
      )
      for (const [id, at] of [
        [first, "2026-03-01T10:00:00Z"],
        [second, "2026-03-01T10:01:00Z"],
        [third, "2999-03-01T10:00:00Z"]
      ] as const) {
        yield* sql`
          UPDATE events SET revision = revision + 1, next_attempt_at = ${at}::timestamptz WHERE id = ${id ?? ""}::bigint
        `
      }
      assert.strictEqual(yield* dueOf, "2026-03-01T10:00:00.000Z")
      yield* sql`
        INSERT INTO row_refusals (source, source_id, at, attempts, next_attempt_at, why)
        VALUES ('event', ${first ?? ""}::bigint, now(), 1, now(), 'a trigger of the company')
      `
      assert.strictEqual(yield* dueOf, "2026-03-01T10:01:00.000Z")
      yield* sql`DELETE FROM row_refusals`
    })
  )

  it.effect("how far each log is known", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const logs = Effect.map(
        Backlog.use(({ now }) => now),
        ({ logs }) =>
          logs.map(({ branch, read_until }) => [branch, read_until && DateTime.formatIso(read_until)])
      )
      assert.deepStrictEqual<unknown>(yield* logs, [["rustavi", null]])
      yield* sql`
        INSERT INTO history_progress (branch, read_until)
        VALUES ('rustavi', '2026-03-01T10:00:00Z'), ('tbilisi', '2026-03-01T11:00:00Z')
      `
      assert.deepStrictEqual<unknown>(yield* logs, [["rustavi", "2026-03-01T10:00:00.000Z"]])
    })
  )

  it.effect("parked rows alone are not waited for", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* insertEvents([{ type: "car_explode", ext_id: "1", payload: {}, branch: "tbilisi" }])
      const { events } = yield* Backlog.use(({ now }) => now)
      assert.deepInclude(events, { ...nothing, parked: 1 })
    })
  )
})

layer(tests, { excludeTestServices: true })("Backlog.minutes", (it) => {
  it.effect("the last hour, each minute once, however many events it saw", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const ids = yield* cars(105)
      const [discarded = "", old = "", odd = "", odder = "", waits = ""] = ids.slice(100)
      const [minute] = yield* sql<{ readonly now: Date }>`SELECT date_trunc('minute', now()) AS now`
      const now = minute?.now ?? new Date(0)
      yield* sql`ALTER TABLE events DISABLE TRIGGER USER`
      // A hundred of one minute that took 1, 2, … 100 ms.
      yield* sql`
        UPDATE events SET processed = true, ok = true, ts = ${now} - interval '30 minutes',
          processed_at = ${now} - interval '30 minutes' + placed.place * interval '1 ms'
        FROM (SELECT events.id, row_number() OVER (ORDER BY events.id) AS place FROM events) AS placed
        WHERE events.id = placed.id AND placed.place <= 100
      `
      for (const [id, ok, ts, processedAt] of [
        [discarded, false, "-30 minutes", "-30 minutes"],
        [old, true, "-2 hours", "-61 minutes"],
        [odd, true, "infinity", "-30 minutes"],
        [odder, true, "-2 hours", "infinity"],
        [waits, null, "-58 minutes", null]
      ]) {
        yield* sql`
          UPDATE events SET processed = ${processedAt !== null}, ok = ${ok},
            ts = CASE WHEN ${ts}::text = 'infinity' THEN 'infinity' ELSE ${now} + nullif(${ts}, 'infinity')::interval END,
            processed_at = CASE WHEN ${processedAt}::text = 'infinity' THEN 'infinity'
              ELSE ${now} + nullif(${processedAt}, 'infinity')::interval END
          WHERE id = ${id}::bigint
        `
      }
      yield* sql`ALTER TABLE events ENABLE TRIGGER USER`

      const minutes = yield* Backlog.use(({ minutes }) => minutes)
      const places = minutes.map(({ at }) => (DateTime.toEpochMillis(at) - now.getTime()) / 60_000)
      const [first = 0] = places
      assert.deepStrictEqual(
        places,
        Array.from({ length: 60 }, (_, n) => first + n)
      )
      assert.deepStrictEqual<unknown>(
        minutes.flatMap(({ at, ...minute }, n) =>
          minute.received + minute.processed > 0 ? [[places[n], minute]] : []
        ),
        [
          [-58, { received: 1, processed: 0, median: null, p99: null }],
          [-30, { received: 101, processed: 100, median: 50.5, p99: 99.01 }]
        ]
      )
    })
  )

  it.effect("are counted once for all who ask in a while", () =>
    Effect.gen(function* () {
      yield* fresh
      const backlog = yield* Backlog
      const one = yield* backlog.minutes
      yield* cars(3)
      assert.strictEqual(yield* backlog.minutes, one)
    })
  )
})
