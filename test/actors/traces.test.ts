import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Tracer } from "effect"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { allHandled, allProcessed, until } from "../support/tables.ts"
import { service, surroundings } from "./world.ts"

const trace = (n: number) => String(n).padStart(32, "0")
const traceparent = (n: number) => `00-${trace(n)}-${String(n).padStart(16, "0")}-01`

/** Events of tbilisi about car 1, in one statement, each with its metadata. */
const insert = (...metadata: ReadonlyArray<unknown>) =>
  PgClient.PgClient.use(
    (sql) => sql`
      INSERT INTO events (branch, type, ext_id, payload, metadata)
      SELECT 'tbilisi', 'car_update', '1', '{}', metadata
      FROM jsonb_array_elements(${sql.json(metadata)}) AS metadata
    `
  )

const traces = PgClient.PgClient.use((sql) =>
  Effect.map(sql<{ readonly trace_id: string | null }>`SELECT trace_id FROM events ORDER BY id`, (rows) =>
    rows.map(({ trace_id }) => trace_id)
  )
)

const putCar = Simulator.use((simulator) => simulator.put("car", { id: 1, company_id: 9247 }))

/** Runs an effect beside the service, and answers the spans of events, those that ended. */
const spansOf = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      if (options.name === "event") spans.push(span)
      return span
    }
  })
  return effect.pipe(
    Effect.provide(service()),
    Effect.provideService(Tracer.Tracer, tracer),
    Effect.map(() => spans)
  )
}

const parentOf = (span: Tracer.Span | undefined) =>
  Option.getOrNull(Option.map(span?.parent ?? Option.none(), ({ spanId, traceId }) => ({ spanId, traceId })))

describe("the trace of an event", () => {
  it.live("is that of its reception", () =>
    Effect.gen(function* () {
      yield* putCar
      yield* insert({ source: "webhook", traceparent: traceparent(7) })
      const [span] = yield* spansOf(allProcessed)
      assert.deepStrictEqual(parentOf(span), { traceId: trace(7), spanId: "0000000000000007" })
      assert.deepStrictEqual(yield* traces, [trace(7)])
    }).pipe(Effect.provide(surroundings()))
  )

  it.live.each([{}, { traceparent: "00-7-7-01" }, { traceparent: 7 }, "traceparent"])(
    "begins with its attempt where its reception has none: %o",
    (metadata) =>
      Effect.gen(function* () {
        yield* putCar
        yield* insert(metadata)
        const [span] = yield* spansOf(allProcessed)
        assert.isNull(parentOf(span))
        const [traceId] = yield* traces
        assert.match(traceId ?? "", /^[0-9a-f]{32}$/)
        assert.strictEqual(span?.traceId, traceId)
      }).pipe(Effect.provide(surroundings()))
  )

  it.live("stays its own where one fetch serves many, and leads to the one that tells of it", () =>
    Effect.gen(function* () {
      yield* putCar
      yield* insert({ traceparent: traceparent(1) }, { traceparent: traceparent(2) }, {})
      const [first, second, third] = yield* spansOf(allProcessed)
      assert.deepStrictEqual((yield* traces).slice(0, 2), [trace(1), trace(2)])
      assert.isDefined(first)
      assert.deepStrictEqual(first.links, [])
      for (const other of [second, third]) {
        assert.deepStrictEqual(
          other?.links.map(({ span }) => span),
          [first]
        )
      }
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("stands beside each attempt that failed", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* insert({ traceparent: traceparent(7) })
      yield* spansOf(allHandled)
      const attempts = yield* until(
        sql`SELECT source, source_id::int, attempt, trace_id FROM row_attempts`,
        ({ length }) => length > 0
      )
      assert.deepStrictEqual<unknown>(attempts, [
        { source: "event", source_id: 1, attempt: 1, trace_id: trace(7) }
      ])
    }).pipe(Effect.provide(surroundings()))
  )
})
