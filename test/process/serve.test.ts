import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schema } from "effect"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { emptyDatabase, TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { about, allHandled, allProcessed, events, insert, mirror, until } from "../support/tables.ts"
import { said, serve, settings, started } from "./program.ts"

const simulator = Simulator.layer({ readsPerMinute: 100_000, tokensPerMinute: 100_000 })

const called = (path: string) =>
  Simulator.use(({ calls }) => until(calls, (calls) => calls.some((call) => call.path === path)))

describe.concurrent("the service", () => {
  it.live("begins on an empty database, says so, and processes what is inserted", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { put } = yield* Simulator
      yield* put("car", { id: 12345, company_id: 9247, code: "Camry 174" })
      const program = yield* serve(yield* settings)
      assert.lengthOf(program.stdout().split(started), 2)
      yield* sql`
        INSERT INTO events (branch, type, ext_id, payload, company_id)
        VALUES ('tbilisi', 'car_update', '12345', '{"id": 12345}'::jsonb, 9247)
      `
      const [row] = yield* allProcessed
      assert.deepStrictEqual([row?.processed, row?.ok, row?.reason], [true, true, null])
      assert.strictEqual((yield* mirror("car"))[0]?.data?.["code"], "Camry 174")
      assert.strictEqual(program.stderr(), "")
    }).pipe(Effect.provide([emptyDatabase, simulator]))
  )

  it.live.each(["SIGTERM", "SIGINT"] as const)(
    "that is told to stop by %s finishes what is in flight and exits 0",
    (signal) =>
      Effect.gen(function* () {
        const { fault, put } = yield* Simulator
        yield* put("car", { id: 1, company_id: 9247 })
        yield* fault(Fault.Slow({ delay: "1 second" }), { id: 1 })
        const program = yield* serve(yield* settings)
        yield* insert(about("car_update", 1))
        yield* called("/cars/1")
        yield* program.signal(signal)
        assert.deepStrictEqual(yield* program.exit, { code: 0, signal: null })
        const [row] = yield* events
        assert.deepStrictEqual([row?.processed, row?.ok], [true, true])
        assert.lengthOf(yield* mirror("car"), 1)
        assert.strictEqual(program.stderr(), "")
      }).pipe(Effect.provide([testDatabase, simulator]))
  )

  it.live("that is told to stop does not wait for ever: what hangs stays due", () =>
    Effect.gen(function* () {
      const { fault } = yield* Simulator
      yield* fault(Fault.Hang(), { id: 1 })
      const program = yield* serve(yield* settings)
      yield* insert(about("car_update", 1))
      yield* called("/cars/1")
      yield* program.signal("SIGTERM")
      assert.deepStrictEqual(yield* program.exit, { code: 0, signal: null })
      const [row] = yield* events
      assert.deepStrictEqual([row?.processed, row?.parked], [false, false])
    }).pipe(Effect.provide([testDatabase, simulator]))
  )
})

const Line = Schema.fromJsonString(
  Schema.Struct({
    level: Schema.String,
    message: Schema.Unknown,
    annotations: Schema.Record(Schema.String, Schema.Unknown)
  })
)

describe.concurrent("the log", () => {
  it.live("in JSON says of each event what it was, and of one that is not done, why", () =>
    Effect.gen(function* () {
      const { put } = yield* Simulator
      yield* put("car", { id: 1, company_id: 9247 })
      const program = yield* serve({ ...(yield* settings), LOG_FORMAT: "json" })
      yield* insert(about("car_update", 1), about("client_update", 2))
      yield* allHandled
      yield* said(program, "event waits")
      yield* said(program, "event processed")
      const lines = yield* Effect.forEach(program.stdout().split("\n").filter(Boolean), (line) =>
        Schema.decodeUnknownEffect(Line)(line)
      )
      const aboutEvents = lines.filter(({ annotations }) => annotations["event_id"] !== undefined)
      const common = { branch: "tbilisi", attempts: 1 }
      const { reason } = (yield* events)[1] ?? {}
      assert.deepStrictEqual(
        new Map(aboutEvents.map(({ annotations, level }) => [level, annotations])),
        new Map([
          ["INFO", { ...common, event_id: "1", type: "car_update", ext_id: "1" }],
          ["WARN", { ...common, event_id: "2", type: "client_update", ext_id: "2", reason }]
        ])
      )
      assert.isString(reason)
      assert.lengthOf(aboutEvents, 2)
    }).pipe(Effect.provide([testDatabase, simulator]))
  )

  it.live.each(["pretty", "logfmt", "json"])("in %s never tells a secret", (LOG_FORMAT) =>
    Effect.gen(function* () {
      const { companyTokens, expireTokens, fault, put } = yield* Simulator
      yield* put("car", { id: 1, company_id: 9247 })
      const program = yield* serve({ ...(yield* settings), LOG_FORMAT, LOG_LEVEL: "trace" })
      yield* fault(Fault.Status({ status: 403 }), { path: "/get_token", times: 1 })
      yield* insert(about("car_update", 1), about("car_update", 7, "kutaisi"))
      yield* allHandled
      yield* fault(Fault.BrokenJson(), { path: "/get_token" })
      yield* expireTokens
      yield* insert(about("client_update", 3), about("booking_update", 3))
      yield* allHandled
      yield* program.signal("SIGTERM")
      yield* program.exit
      const { password } = new URL(Redacted.value((yield* TestDatabase).url))
      const written = program.stdout() + program.stderr()
      assert.include(written, "event waits")
      for (const secret of [...Object.values(companyTokens), "simulated-token-", password]) {
        if (secret !== "") assert.notInclude(written, secret)
      }
    }).pipe(Effect.provide(Layer.merge(testDatabase, simulator)))
  )
})
