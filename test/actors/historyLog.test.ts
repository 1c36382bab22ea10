import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as BranchActor from "../../src/actors/Branch.ts"
import * as HistoryProcessor from "../../src/actors/HistoryProcessor.ts"
import { readLog } from "../../src/actors/readLog.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { until } from "../support/tables.ts"
import { dependencies, Log, service, surroundings, type WorldOptions, world } from "./world.ts"

const tbilisi = Branch.make("tbilisi")
const kutaisi = Branch.make("kutaisi")

const noon = Date.UTC(2026, 2, 2, 12)
const minutes = (count: number) => count * 60_000

/** The clock of PostgreSQL and HTTP, for whom it is always this late. */
const atTime = Effect.fnUntraced(function* <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>) {
  const live = yield* Clock.Clock
  return yield* Effect.provideService(effect, Clock.Clock, {
    currentTimeMillis: Effect.succeed(millis),
    currentTimeMillisUnsafe: () => millis,
    currentTimeNanos: live.currentTimeNanos,
    currentTimeNanosUnsafe: () => live.currentTimeNanosUnsafe(),
    monotonicTimeNanos: live.monotonicTimeNanos,
    monotonicTimeNanosUnsafe: () => live.monotonicTimeNanosUnsafe(),
    sleep: (duration) => live.sleep(duration)
  })
})

/** Reads the log of a branch, so many minutes after noon. */
const readAt = (minute: number, branch = tbilisi) => atTime(noon + minutes(minute), readLog(branch))

/** A payment is made, so many minutes after noon. */
const pay = (payment: number, minute: number, branch = tbilisi) =>
  Simulator.use((simulator) =>
    simulator.log(branch, {
      description: `Иван Петров создал платёж №${payment}, расход наличными 60.0GEL`,
      created_at: new Date(noon + minutes(minute)).toISOString()
    })
  )

/** The payments that were applied, by their number, each as often as it was written down. */
const paid = PgClient.PgClient.use(
  (sql) => sql<{ readonly number: number }>`
    SELECT entity_id::int AS number FROM history WHERE processed ORDER BY entity_id::int, history.id
  `
).pipe(Effect.map((rows) => rows.map(({ number }) => number)))

/** The windows of the readings so far, in minutes from noon. */
const windows = Simulator.use((simulator) =>
  Effect.map(simulator.calls, (calls) =>
    calls
      .filter(({ path }) => path === "/history_items")
      .map(({ query }) => new URLSearchParams(query))
      .map((params) =>
        ["created_at_from", "created_at_to"].map(
          (name) => (Date.parse(params.get(name) ?? "") - noon) / minutes(1)
        )
      )
  )
)

/** Until when the log of tbilisi has been read, likewise. */
const readUntil = PgClient.PgClient.use(
  (sql) => sql<{ readonly millis: number }>`
    SELECT (extract(epoch FROM read_until) * 1000)::float8 AS millis FROM history_progress WHERE branch = 'tbilisi'
  `
).pipe(Effect.map(([row]) => (row === undefined ? undefined : (row.millis - noon) / minutes(1))))

/** What could not be read, as the log says it. */
const failures = Log.useSync(({ lines }) =>
  lines
    .filter(({ message }) => message.startsWith("the operations log could not be read"))
    .map(({ labels, level, message }) => ({ branch: labels["branch"], level, message }))
)

const parts = (options: WorldOptions = {}) =>
  dependencies(options).pipe(Layer.provideMerge(surroundings(options)))

describe("a reading", () => {
  it.live("begins a little before the last one ended, and a day back where there was none", () =>
    Effect.gen(function* () {
      yield* pay(1, -24 * 60 - 11)
      yield* pay(2, -24 * 60 - 9)
      yield* pay(3, -1)
      yield* readAt(0)
      assert.deepStrictEqual(yield* paid, [2, 3])
      yield* readAt(3)
      assert.deepStrictEqual(yield* windows, [
        [-24 * 60 - 10, 0],
        [-10, 3]
      ])
      assert.deepStrictEqual(yield* readUntil, 3)
    }).pipe(Effect.provide(parts()))
  )

  it.live("writes down once what it reads again, and what its server sends twice", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(Array.from({ length: 25 }).keys(), (n) => pay(n, -5 + n / 10))
      for (const minute of [0, 3, 6]) yield* readAt(minute)
      assert.deepStrictEqual(yield* paid, Array.from(Array.from({ length: 25 }).keys()))
      yield* readAt(3)
      assert.lengthOf(yield* paid, 25)
    }).pipe(Effect.provide(parts({ simulator: { ignorePageSize: true, historyAttributes: true } })))
  )

  it.live("finds what was made while nobody read, and what appears late", () =>
    Effect.gen(function* () {
      yield* readAt(0)
      yield* pay(1, -9)
      yield* pay(2, 0)
      yield* pay(3, 150)
      yield* readAt(300)
      assert.deepStrictEqual(yield* paid, [1, 2, 3])
      assert.deepStrictEqual((yield* windows).at(-1), [-10, 300])
      yield* pay(4, 291)
      yield* readAt(303)
      assert.deepStrictEqual(yield* paid, [1, 2, 3, 4])
    }).pipe(Effect.provide(parts()))
  )

  it.live.each([
    { fault: Fault.Status({ status: 503 }), code: "rentprog_unavailable" },
    { fault: Fault.Status({ status: 401 }), code: "rentprog_unauthorized" },
    { fault: Fault.Drop(), code: "rentprog_unavailable" },
    { fault: Fault.BrokenJson(), code: "rentprog_bad_response" }
  ])("that fails is told of, and the next begins where it began: $code", ({ code, fault }) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* readAt(0)
      yield* pay(1, 1)
      const end = yield* simulator.fault(fault, { path: "/history_items" })
      yield* readAt(30)
      yield* readAt(60)
      const said = yield* failures
      assert.lengthOf(said, 2)
      for (const { branch, level, message } of said) {
        assert.deepStrictEqual([branch, level], ["tbilisi", "Warn"])
        assert.include(message, `${code}: `)
      }
      assert.deepStrictEqual(yield* readUntil, 0)
      yield* end
      yield* readAt(90)
      assert.deepStrictEqual((yield* windows).at(-1), [-10, 90])
      assert.deepStrictEqual(yield* paid, [1])
      assert.lengthOf(yield* failures, 2)
    }).pipe(Effect.provide(parts()))
  )

  it.live("that fails in the middle writes nothing down, and moves nothing", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* readAt(0)
      yield* pay(1, 1)
      yield* sql`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full'; END $$`
      yield* sql`CREATE TRIGGER refuse AFTER INSERT ON history FOR EACH ROW EXECUTE FUNCTION refuse()`
      yield* readAt(3)
      assert.deepStrictEqual(yield* readUntil, 0)
      assert.include((yield* failures)[0]?.message, "database_error: full")
      yield* sql`DROP TRIGGER refuse ON history`
      yield* readAt(20)
      assert.deepStrictEqual(yield* paid, [1])
    }).pipe(Effect.provide(parts()))
  )

  it.live("of a branch without a user's token is told of, and no other", () =>
    Effect.gen(function* () {
      yield* readAt(0, Branch.make("rustavi"))
      yield* readAt(0)
      const [{ branch, message } = { branch: null, message: "" }, ...others] = yield* failures
      assert.deepStrictEqual([branch, others], ["rustavi", []])
      assert.include(message, "RENTPROG_HISTORY_TOKENS")
    }).pipe(Effect.provide(parts()))
  )
})

describe("the service", () => {
  const often = HistoryProcessor.ReadInterval.of(Duration.millis(50))

  /** A payment is made now. */
  const payNow = (payment: number, branch = tbilisi) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => pay(payment, (now - noon) / minutes(1), branch))

  const isPaid = (...payments: ReadonlyArray<number>) =>
    until(paid, (all) => payments.every((payment) => all.includes(payment)))

  it.live("reads the logs it is to read again and again, and no other", () =>
    Effect.gen(function* () {
      const { calls } = yield* Simulator
      yield* payNow(1)
      yield* isPaid(1)
      yield* payNow(2)
      yield* payNow(3, kutaisi)
      yield* isPaid(2, 3)
      yield* payNow(4, Branch.make("batumi"))
      const before = (yield* calls).length
      yield* until(calls, ({ length }) => length > before + 6)
      assert.deepStrictEqual(yield* paid, [1, 2, 3])
    }).pipe(
      Effect.provide(world({ logs: [tbilisi, kutaisi] })),
      Effect.provideService(HistoryProcessor.ReadInterval, often)
    )
  )

  it.live("goes on after a restart from where it was", () =>
    Effect.gen(function* () {
      const running = service({ logs: [tbilisi] })
      yield* payNow(1)
      yield* Effect.provide(isPaid(1), running)
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE history_progress SET read_until = read_until - interval '5 days'`
      yield* Effect.flatMap(Clock.currentTimeMillis, (now) => pay(2, (now - noon) / minutes(1) - 4 * 24 * 60))
      yield* payNow(3)
      yield* Effect.provide(isPaid(2, 3), running)
      assert.deepStrictEqual(yield* paid, [1, 2, 3])
    }).pipe(Effect.provide(surroundings()), Effect.provideService(HistoryProcessor.ReadInterval, often))
  )

  it.live("reads the log of one branch while another's hangs", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.fault(Fault.Hang(), { path: "/history_items", times: 1 })
      const readings = Effect.map(simulator.calls, (calls) =>
        [tbilisi, kutaisi].map((branch) => calls.filter((call) => call.branch === branch).length).toSorted()
      )
      const [hanging] = yield* until(readings, ([, most = 0]) => most > 10)
      // Nor does a second reading of it begin.
      assert.strictEqual(hanging, 1)
    }).pipe(
      Effect.provide(Layer.provideMerge(service({ logs: [tbilisi, kutaisi] }), surroundings())),
      Effect.provideService(HistoryProcessor.ReadInterval, often)
    )
  )

  it.live("reads every three minutes", () =>
    Effect.gen(function* () {
      const clock = yield* TestClock.make()
      const live = yield* Clock.Clock
      let sleeps = 0
      // Only the interval is the test's to end; the database and RentProg are real.
      const intervals: Clock.Clock = {
        currentTimeMillis: live.currentTimeMillis,
        currentTimeMillisUnsafe: () => live.currentTimeMillisUnsafe(),
        currentTimeNanos: live.currentTimeNanos,
        currentTimeNanosUnsafe: () => live.currentTimeNanosUnsafe(),
        monotonicTimeNanos: live.monotonicTimeNanos,
        monotonicTimeNanosUnsafe: () => live.monotonicTimeNanosUnsafe(),
        sleep: (duration) => {
          if (Duration.toMinutes(duration) !== 3) return live.sleep(duration)
          sleeps += 1
          return clock.sleep(duration)
        }
      }
      const asleep = (times: number) =>
        until(
          Effect.sync(() => sleeps),
          (slept) => slept === times
        )
      const finished = (times: number) =>
        until(
          Effect.all([windows, readUntil]),
          ([all, end]) => all.length === times && all.at(-1)?.[1] === end
        )
      const processor = HistoryProcessor.layer({ fallbackInterval: Duration.hours(1), logs: [tbilisi] }).pipe(
        Layer.provide(Layer.succeed(Clock.Clock, intervals))
      )
      yield* Effect.gen(function* () {
        for (const times of [1, 2, 3]) {
          yield* asleep(times)
          yield* finished(times)
          yield* clock.adjust("179 seconds")
          assert.strictEqual(sleeps, times)
          assert.lengthOf(yield* windows, times)
          yield* clock.adjust("1 second")
        }
      }).pipe(Effect.provide(Layer.merge(processor, BranchActor.layer).pipe(Layer.provide(dependencies()))))
    }).pipe(Effect.provide(surroundings()))
  )
})
