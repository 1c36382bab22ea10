import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Layer, Metric, Redacted } from "effect"
import { TestClock } from "effect/testing"
import * as BranchActor from "../../src/actors/Branch.ts"
import { Health } from "../../src/actors/Health.ts"
import * as HistoryProcessor from "../../src/actors/HistoryProcessor.ts"
import { readLog } from "../../src/actors/readLog.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { expiryOf } from "../../src/rentprog/Token.ts"
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

/** The pages that the readings asked for so far. */
const pages = Simulator.use((simulator) =>
  Effect.map(simulator.calls, (calls) =>
    calls
      .filter(({ path }) => path === "/search_operations")
      .map(({ method, status }) => `${method} ${status}`)
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

/** How Health calls a part, and why. */
const health = (component: string) =>
  Health.use(({ components }) =>
    Effect.map(components, (all) => {
      const part = all.find(({ name }) => name === component)
      return part === undefined ? undefined : [part.state, part.detail]
    })
  )

/** What a gauge says of tbilisi. */
const gauge = (name: string) =>
  Effect.map(
    Metric.snapshot,
    (metrics) =>
      metrics.flatMap((metric) =>
        metric.id === name && metric.type === "Gauge" && metric.attributes?.["branch"] === "tbilisi"
          ? [Number(metric.state.value)]
          : []
      )[0]
  )

const search = { path: "/search_operations" }

describe("a reading", () => {
  it.live("goes a day back where there was none, and down to what is known after that", () =>
    Effect.gen(function* () {
      yield* pay(1, -24 * 60 - 11)
      yield* pay(2, -24 * 60 - 9)
      yield* pay(3, -1)
      yield* readAt(0)
      assert.deepStrictEqual(yield* paid, [2, 3])
      yield* pay(4, -2 * 24 * 60)
      yield* readAt(3)
      // What appears is new, whenever it was made.
      assert.deepStrictEqual(yield* paid, [2, 3, 4])
      yield* readAt(3)
      assert.deepStrictEqual(yield* paid, [2, 3, 4])
      assert.deepStrictEqual(yield* readUntil, 3)
      assert.deepStrictEqual(yield* gauge("jarvis_log_read_until_seconds"), (noon + minutes(3)) / 1000)
      assert.deepStrictEqual(yield* gauge("jarvis_log_readable"), 1)
      assert.deepStrictEqual(yield* health("log tbilisi"), ["up", null])
    }).pipe(Effect.provide(parts()), Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.live("that is the first one reads no page of older days, but what has no time ends it not", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* Effect.forEach(Array.from({ length: 30 }).keys(), (n) => pay(n, -3 * 24 * 60))
      yield* Effect.forEach(Array.from({ length: 10 }).keys(), () =>
        simulator.log(tbilisi, {
          description: "Иван Петров создал платёж №50, расход наличными 1.0GEL",
          created_at: "soon"
        })
      )
      yield* pay(60, -1)
      yield* Effect.forEach(Array.from({ length: 9 }).keys(), (n) => pay(61 + n, -1))
      yield* readAt(0)
      assert.includeMembers([...(yield* paid)], [50, 60, 69])
      assert.notIncludeMembers([...(yield* paid)], [29])
      assert.lengthOf(yield* pages, 3)
    }).pipe(Effect.provide(parts({ simulator: { ignorePageSize: true } })))
  )

  it.live("writes down once what it reads again, and what its server sends twice", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(Array.from({ length: 25 }).keys(), (n) => pay(n, -5 + n / 10))
      for (const minute of [0, 3, 6]) yield* readAt(minute)
      assert.deepStrictEqual(yield* paid, Array.from(Array.from({ length: 25 }).keys()))
      yield* readAt(3)
      assert.lengthOf(yield* paid, 25)
    }).pipe(Effect.provide(parts({ simulator: { ignorePageSize: true } })))
  )

  it.live("of a log that only the older address has begins a little before the last one ended", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* pay(1, -24 * 60 - 11)
      yield* pay(2, -24 * 60 - 9)
      yield* readAt(0)
      yield* Effect.forEach(Array.from({ length: 25 }).keys(), (n) => pay(10 + n, -9 + n / 10))
      yield* simulator.clearCalls
      yield* readAt(3)
      assert.lengthOf(yield* paid, 26)
      assert.deepStrictEqual(
        (yield* simulator.calls).map(({ path, status }) => [path, status]),
        [["/search_operations", 404], ...Array.from({ length: 3 }, () => ["/history_items", 200])]
      )
      assert.deepStrictEqual(yield* readUntil, 3)
      // RentProg brings the log to where it is today.
      yield* simulator.set({ historyAt: "search_operations" })
      yield* pay(40, 4)
      yield* readAt(6)
      assert.lengthOf(yield* paid, 27)
    }).pipe(Effect.provide(parts({ simulator: { historyAt: "data", ignorePageSize: true } })))
  )

  it.live("of a log that is nowhere says so", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.fault(Fault.Status({ status: 404 }))
      yield* readAt(0)
      const [state, detail] = (yield* health("log tbilisi")) ?? []
      assert.strictEqual(state, "down")
      assert.include(detail, "GET /history_items for branch tbilisi was answered 404")
      assert.include(detail, "POST /search_operations")
    }).pipe(Effect.provide(parts()))
  )

  it.live.each([
    { fault: Fault.Status({ status: 503 }), code: "rentprog_unavailable", says: "503" },
    { fault: Fault.Status({ status: 401 }), code: "rentprog_unauthorized", says: "RENTPROG_HISTORY_TOKENS" },
    { fault: Fault.Status({ status: 403 }), code: "rentprog_unauthorized", says: "RENTPROG_HISTORY_TOKENS" },
    { fault: Fault.Drop(), code: "rentprog_unavailable", says: "" },
    { fault: Fault.BrokenJson(), code: "rentprog_bad_response", says: "JSON" }
  ])("that fails is told of, and the next begins where it began: $code", ({ code, fault, says }) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* readAt(0)
      yield* pay(1, 1)
      const end = yield* simulator.fault(fault, search)
      yield* readAt(30)
      yield* readAt(60)
      const said = yield* failures
      assert.lengthOf(said, 2)
      for (const { branch, level, message } of said) {
        assert.deepStrictEqual([branch, level], ["tbilisi", "Warn"])
        assert.include(message, `${code}: `)
      }
      const [state, detail] = (yield* health("log tbilisi")) ?? []
      assert.strictEqual(state, "down")
      assert.include(detail, `${code}: `)
      assert.include(detail, says)
      assert.deepStrictEqual(yield* gauge("jarvis_log_readable"), 0)
      assert.deepStrictEqual(yield* readUntil, 0)
      yield* end
      yield* readAt(90)
      assert.deepStrictEqual(yield* paid, [1])
      assert.deepStrictEqual(yield* readUntil, 90)
      assert.deepStrictEqual(yield* health("log tbilisi"), ["up", null])
      assert.lengthOf(yield* failures, 2)
    }).pipe(Effect.provide(parts()), Effect.provideService(Metric.MetricRegistry, new Map()))
  )

  it.live("that fails on a page keeps the pages before it", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* pay(0, -4)
      yield* readAt(0)
      yield* Effect.forEach(Array.from({ length: 35 }).keys(), (n) => pay(n + 1, 1))
      const table = yield* PgClient.PgClient
      yield* simulator.set({ searchesPerMinute: 3 })
      yield* readAt(3)
      assert.strictEqual((yield* health("log tbilisi"))?.[0], "down")
      assert.isAbove((yield* paid).length, 15)
      assert.isBelow((yield* paid).length, 35)
      assert.deepStrictEqual(yield* readUntil, 0)
      yield* simulator.set({ searchesPerMinute: 1000 })
      yield* readAt(6)
      assert.lengthOf(yield* paid, 36)
      assert.lengthOf(yield* table`SELECT FROM history`, 36)
      assert.deepStrictEqual(yield* readUntil, 6)
    }).pipe(Effect.provide(parts({ simulator: { ignorePageSize: true } })))
  )

  it.live("whose page is not written down moves nothing", () =>
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

  it.live("goes on from where a Jarvis without numbers was", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO history_progress (branch, read_until) VALUES ('tbilisi', to_timestamp(${noon / 1000}::float8))`
      yield* pay(1, -11)
      yield* pay(2, -9)
      yield* pay(3, 100)
      yield* readAt(200)
      assert.deepStrictEqual(yield* paid, [2, 3])
    }).pipe(Effect.provide(parts()))
  )

  const jwt = (exp: number) => `e30.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.c2ln`
  const ends = (millis: number) =>
    Layer.effect(
      RentProg,
      Effect.map(RentProg, (rentprog) =>
        RentProg.of({ ...rentprog, userTokenEnds: () => expiryOf(Redacted.make(jwt(millis / 1000))) })
      )
    )
  it.live.each([
    { days: 6, says: undefined },
    { days: 4, says: "ends on 2026-03-06: put a new one into RENTPROG_HISTORY_TOKENS" },
    { days: -1, says: "ended on 2026-03-01: put a new one into RENTPROG_HISTORY_TOKENS" }
  ])("says that the user token ends in $days days", ({ days, says }) =>
    Effect.gen(function* () {
      yield* readAt(0)
      assert.deepStrictEqual(
        yield* health("user token tbilisi"),
        says === undefined ? undefined : ["down", says]
      )
    }).pipe(Effect.provide(Layer.provideMerge(ends(noon + minutes(days * 24 * 60)), parts())))
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
      yield* sql`UPDATE history_progress SET read_until = read_until - interval '5 days', stretches = '[]'`
      yield* Effect.flatMap(Clock.currentTimeMillis, (now) => pay(2, (now - noon) / minutes(1) - 4 * 24 * 60))
      yield* payNow(3)
      yield* Effect.provide(isPaid(2, 3), running)
      assert.deepStrictEqual(yield* paid, [1, 2, 3])
    }).pipe(Effect.provide(surroundings()), Effect.provideService(HistoryProcessor.ReadInterval, often))
  )

  it.live("reads the log of one branch while another's hangs", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.fault(Fault.Hang(), { ...search, times: 1 })
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
      let ended = 0
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
        until(Effect.all([pages, readUntil]), ([all, end = 0]) => all.length === times && end > ended)
      const processor = HistoryProcessor.layer({ fallbackInterval: Duration.hours(1), logs: [tbilisi] }).pipe(
        Layer.provide(Layer.succeed(Clock.Clock, intervals))
      )
      yield* Effect.gen(function* () {
        for (const times of [1, 2, 3]) {
          yield* asleep(times)
          ended = (yield* finished(times))[1] ?? 0
          yield* clock.adjust("179 seconds")
          assert.strictEqual(sleeps, times)
          assert.lengthOf(yield* pages, times)
          yield* clock.adjust("1 second")
        }
      }).pipe(Effect.provide(Layer.merge(processor, BranchActor.layer).pipe(Layer.provide(dependencies()))))
    }).pipe(Effect.provide(surroundings()))
  )
})
