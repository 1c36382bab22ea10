/** A record that more events wait for than a branch reads at once. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer } from "effect"
import { Events } from "../../src/database/Events.ts"
import { Branch } from "../../src/domain/Branch.ts"
import type { Taken } from "../../src/domain/Event.ts"
import { whileOpen } from "../support/history.ts"
import { run } from "../support/refusing.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tbilisi = Branch.make("tbilisi")
const fresh = PgClient.PgClient.use(
  (sql) => sql`TRUNCATE events, row_refusals, paused_branches RESTART IDENTITY`
)

/** Inserts so many events about a record; they have the next ids. */
const insert = Effect.fnUntraced(function* (type: string, id: number, many: number) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO events (branch, type, ext_id, payload)
    SELECT 'tbilisi', ${type}, ${String(id)}, '{}' FROM generate_series(1, ${many}::int)
  `
})

const take = (...except: ReadonlyArray<string>) => Events.use((events) => events.take(tbilisi, except))

const takeOne = Effect.fnUntraced(function* (...except: ReadonlyArray<string>) {
  const [taken] = yield* take(...except)
  assert.isDefined(taken)
  return taken
})

const numbers = (events: Iterable<{ readonly id: string }>) => Array.from(events, ({ id }) => Number(id))

const ending = { took: Duration.zero, traceId: "0af7651916cd43dd8448eb211c80319c" }

/** Settles the other events of a record, and answers which they were. */
const settleRest = Effect.fnUntraced(function* (taken: Taken, which: "all" | "due") {
  const sql = yield* PgClient.PgClient
  const events = yield* Events
  const reason = which === "due" ? "rentprog_timeout: slow" : null
  const traceId = crypto.randomUUID()
  const tally = yield* events.settleRest(taken, {
    ...{ ...ending, reason, traceId },
    processed: reason === null,
    waits: [Duration.hours(1)]
  })
  const settled = yield* sql<{ readonly id: string }>`
    SELECT events.id::text FROM events WHERE events.trace_id = ${traceId} ORDER BY events.id
  `
  const none = { processed: 0, waiting: 0, parked: 0, refusing: 0, locked: 0 }
  assert.deepStrictEqual(tally, { ...none, [which === "due" ? "waiting" : "processed"]: settled.length })
  return numbers(settled)
})

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

const tests = Events.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("a crowded record", (it) => {
  it.effect("is taken with the first few events of each type, and says what it has more of", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* insert("car_update", 1, 25)
      yield* insert("car_create", 1, 10)
      yield* insert("car_update", 1, 5)
      yield* insert("client_update", 1, 1)
      yield* insert("car_destroy", 1, 1)
      const [car, client] = yield* take()
      assert.deepStrictEqual(numbers(car?.events ?? []), [...range(1, 10), ...range(26, 35), 42])
      assert.deepStrictEqual<unknown>(car?.record, { entityType: "car", entityId: "1" })
      assert.deepStrictEqual([car?.crowded, client?.crowded], [["car_update"], []])
      assert.deepStrictEqual([car?.upTo, client?.upTo], ["42", "42"])
    })
  )

  it.effect("says the fewest attempts that any of its events has had", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* insert("car_update", 1, 30)
      yield* sql`UPDATE events SET revision = revision + 1, attempts = 4, next_attempt_at = now() - interval '1 second' WHERE events.id < 20`
      assert.deepStrictEqual((yield* takeOne()).leastAttempts, 0)
      yield* sql`UPDATE events SET revision = revision + 1, attempts = 3 WHERE events.id >= 20`
      const taken = yield* takeOne()
      assert.isTrue(taken.events.every(({ attempts }) => attempts === 4))
      assert.deepStrictEqual(taken.leastAttempts, 3)
    })
  )

  it.effect("has its other events read once each, page after page, and none of another record", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* insert("car_update", 1, 2500)
      yield* insert("client_update", 1, 20)
      yield* insert("car_create", 1, 1200)
      yield* insert("car_update", 2, 20)
      const taken = yield* takeOne()
      const all = [...range(11, 2500), ...range(2531, 3720)]
      assert.sameMembers(yield* settleRest(taken, "due"), all)
      // As they were taken none of them is by now; those of another taking wait, and are settled well.
      yield* run(
        "UPDATE events SET revision = revision + 1, attempts = 2, next_attempt_at = now() WHERE events.id % 2 = 0 AND attempts = 1"
      )
      const again = yield* takeOne()
      assert.sameMembers(
        [...(yield* settleRest(again, "all")), ...numbers(again.events)],
        [...range(1, 2500), ...range(2521, 3720)]
      )
    })
  )

  it.effect("leaves out what came later, what somebody touched, and for a failure what was not due", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* insert("car_update", 1, 40)
      yield* sql`UPDATE events SET revision = revision + 1, attempts = 1, next_attempt_at = now() + interval '1 hour'
        WHERE events.id BETWEEN 20 AND 22`
      const taken = yield* takeOne()
      yield* insert("car_update", 1, 3)
      yield* sql`UPDATE events SET processed = false WHERE events.id IN (21, 30)`
      yield* sql`UPDATE events SET processed = true WHERE events.id = 31`
      yield* sql`UPDATE events SET ext_id = '2' WHERE events.id = 32`
      // An old number, given by hand to a row that comes now.
      yield* sql`INSERT INTO events (id, branch, type, ext_id, payload) VALUES (-1, 'tbilisi', 'car_update', '1', '{}')`
      const untouched = range(11, 40).filter((id) => ![21, 30, 31, 32].includes(id))
      assert.sameMembers(
        yield* settleRest(taken, "due"),
        untouched.filter((id) => id < 20 || id > 22)
      )
      // A success that was under way at the same time settles those that wait, whatever made them wait.
      assert.sameMembers(yield* settleRest(taken, "all"), untouched)
    })
  )

  it.effect("leaves out what comes later in a transaction that began before", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* insert("car_update", 1, 30)
      const begun = yield* Deferred.make<void>()
      const isTaken = yield* Deferred.make<void>()
      const other = yield* sql`SELECT now()`.pipe(
        Effect.andThen(Deferred.succeed(begun, undefined)),
        Effect.andThen(Deferred.await(isTaken)),
        Effect.andThen(insert("car_update", 1, 3)),
        sql.withTransaction,
        Effect.forkChild
      )
      yield* Deferred.await(begun)
      const taken = yield* takeOne()
      yield* Deferred.succeed(isTaken, undefined)
      yield* Fiber.join(other)
      assert.sameMembers(yield* settleRest(taken, "all"), range(11, 30))
    })
  )

  it.effect("in flight hides no other record, however many of its events are due before theirs", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* insert("car_update", 1, 6000)
      for (const [type, id] of [
        ["client_update", 1],
        ["car_update", 2],
        ["booking_update", 3]
      ] as const) {
        yield* insert(type, id, 1)
      }
      yield* insert("client_update", 4, 1)
      yield* sql`UPDATE events SET revision = revision + 1, attempts = 1, next_attempt_at = now() + interval '1 hour' WHERE events.ext_id = '4'`
      const taken = yield* take("car:1", "booking:3")
      assert.sameDeepMembers<unknown>(
        taken.map(({ record }) => record),
        [
          { entityType: "client", entityId: "1" },
          { entityType: "car", entityId: "2" }
        ]
      )
      assert.deepStrictEqual(yield* take("car:1", "booking:3", "client:1", "car:2"), [])
    })
  )

  it.effect("of a paused branch is not taken, in whatever way it would be found", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* insert("car_update", 1, 6000)
      yield* insert("car_update", 2, 1)
      yield* sql`INSERT INTO paused_branches (branch, paused_by) VALUES ('tbilisi', 'Anna')`
      assert.deepStrictEqual([yield* take(), yield* take("car:1")], [[], []])
    })
  )
})

layer(tests, { excludeTestServices: true })("a crowded record's other rows", (it) => {
  it.effect("say why they are done where nothing was written", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const events = yield* Events
      yield* insert("car_update", 1, 15)
      const taken = yield* takeOne()
      yield* events.settleRest(taken, { ...ending, processed: true, reason: "superseded", waits: [] })
      assert.deepStrictEqual<unknown>(
        yield* sql`
          SELECT count(*)::int AS count, bool_and(events.processed AND events.ok) AS well FROM events
          WHERE events.reason = 'superseded'
        `,
        [{ count: 5, well: true }]
      )
    })
  )

  it.effect("are passed over where somebody holds them, and the others do not wait", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const events = yield* Events
      yield* insert("car_update", 1, 3000)
      const taken = yield* takeOne()
      const tally = yield* whileOpen(
        "SELECT FROM events WHERE events.id = 2999 FOR UPDATE",
        events.settleRest(taken, { ...ending, processed: true, reason: null, waits: [] })
      )
      assert.deepStrictEqual(tally, { processed: 2989, waiting: 0, parked: 0, refusing: 0, locked: 1 })
      const left = yield* sql<{ readonly id: string }>`
        SELECT events.id::text FROM events WHERE NOT events.processed AND events.id > 10
      `
      assert.deepStrictEqual(numbers(left), [2999])
    })
  )
})

layer(tests, { excludeTestServices: true })("a row with a number below zero", (it) => {
  it.effect("is taken and settled as any other", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const events = yield* Events
      yield* sql`INSERT INTO events (id, branch, type, ext_id, payload) VALUES (-5, 'tbilisi', 'car_update', '1', '{}')`
      yield* insert("car_update", 2, 1)
      const [odd, other] = yield* take()
      assert.isDefined(odd)
      assert.deepStrictEqual([odd.events[0].id, other?.events[0].id], ["-5", "1"])
      yield* events.settle({
        ...{ event: odd.events[0], processed: true, reason: null, retryIn: null },
        ...ending
      })
      assert.lengthOf(yield* sql`SELECT FROM events WHERE events.id = -5 AND events.processed`, 1)
    })
  )
})
