import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, Redacted } from "effect"
import { Health } from "../../src/actors/Health.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { expiryOf } from "../../src/rentprog/Token.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { minutes, noon, pages, paid, pay, readAt, readUntil, search, tbilisi } from "./log.ts"
import { dependencies, Log, surroundings, type WorldOptions } from "./world.ts"

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

/** How far Health says that the log is known, in minutes after noon. */
const knownUntil = (minute: number) => `known until ${new Date(noon + minutes(minute)).toISOString()}`

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
      assert.deepStrictEqual(yield* health("log tbilisi"), ["up", knownUntil(3)])
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
      assert.include(detail, `; ${knownUntil(0)}`)
      assert.deepStrictEqual(yield* gauge("jarvis_log_readable"), 0)
      assert.deepStrictEqual(yield* readUntil, 0)
      yield* end
      yield* readAt(90)
      assert.deepStrictEqual(yield* paid, [1])
      assert.deepStrictEqual(yield* readUntil, 90)
      assert.deepStrictEqual(yield* health("log tbilisi"), ["up", knownUntil(90)])
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

  it.live("that cannot tell where the last one ended says so", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* readAt(0)
      yield* sql`UPDATE history_progress SET stretches = '{}'`
      yield* readAt(3)
      assert.deepStrictEqual(yield* health("log tbilisi"), ["down", "a defect, see the log"])
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
