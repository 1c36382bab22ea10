/**
 * How long an event takes at rest, from INSERT to processed: 200 events, one at a time, each about another car, against
 * a simulated RentProg that answers at once.
 *
 *     node bench/latency.ts
 */
import { PgClient } from "@effect/sql-pg"
import { Console, Duration, Effect, Layer, Option, Redacted } from "effect"
import { publicSchema } from "../src/database/SchemaName.ts"
import * as Jarvis from "../src/Jarvis.ts"
import { Settings } from "../src/Settings.ts"
import { Simulator } from "../src/simulator/Simulator.ts"
import { database, NodeRuntime, NodeServices, run } from "./setting.ts"

const events = 200

const settings = Layer.unwrap(
  Simulator.useSync(({ companies, companyTokens, url }) =>
    Layer.succeed(Settings, {
      databaseUrl: Option.none(),
      schema: publicSchema,
      dataDirectory: "",
      rentprog: {
        baseUrl: url,
        tokens: new Map(companies.map(({ branch }) => [branch, Redacted.make(companyTokens[branch] ?? "")])),
        userTokens: new Map(),
        readsPerMinute: 6000,
        searchesPerMinute: 6000
      },
      eventsFallbackInterval: Duration.seconds(30),
      historyFallbackInterval: Duration.minutes(1),
      logFormat: Option.none(),
      logLevel: "Error",
      otlpEndpoint: Option.none(),
      host: "127.0.0.1",
      port: 0,
      adminToken: Option.none(),
      webhookToken: Option.none()
    })
  )
)

const latency = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const simulator = yield* Simulator
  for (let id = 1; id <= events; id += 1) {
    yield* simulator.put("car", { id, company_id: 9247, code: `Car ${id}` })
    yield* sql`INSERT INTO events (type, payload) VALUES ('car_create', ${sql.json({ id, company_id: 9247 })})`
    yield* Effect.repeat(sql`SELECT FROM events WHERE NOT processed`, { until: (rows) => rows.length === 0 })
  }
  const [row] = yield* sql<{ readonly median: number; readonly p99: number; readonly most: number }>`
    SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY took) AS median,
      percentile_cont(0.99) WITHIN GROUP (ORDER BY took) AS p99, max(took) AS most
    FROM (
      SELECT (extract(epoch FROM processed_at - ts) * 1000)::float8 AS took FROM events WHERE ok
    ) AS done
  `
  yield* Console.log(
    `${events} events at rest: median ${row?.median.toFixed(1)} ms, 99th percentile ${row?.p99.toFixed(1)} ms, most ${row?.most.toFixed(1)} ms`
  )
})

run(latency.pipe(Effect.provide(Layer.provide(Jarvis.service, settings)))).pipe(
  Effect.provide(Layer.merge(database, Simulator.layer({ readsPerMinute: 100_000 }))),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
