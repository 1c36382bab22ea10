/**
 * How soon a webhook is answered: the whole service as a process of its own, on an embedded PostgreSQL, under autocannon.
 * After 5 s of warming up, 500 webhooks a second for 30 s, then as many as it takes in 10 s. Each is about one of 100 cars.
 *
 *     node bench/webhooks.ts
 */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { PgClient } from "@effect/sql-pg"
import autocannon from "autocannon"
import { Console, Effect, FileSystem, Redacted } from "effect"
import { embeddedPostgres } from "../src/database/EmbeddedPostgres.ts"
import { Simulator } from "../src/simulator/Simulator.ts"
import { NodeRuntime, NodeServices } from "./setting.ts"

const cars = 100

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))

/** Starts the service and answers where it listens. */
const serve = Effect.fnUntraced(function* (databaseUrl: Redacted.Redacted) {
  const { companyTokens, url } = yield* Simulator
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [main], {
        env: {
          DATABASE_URL: Redacted.value(databaseUrl),
          RENTPROG_BASE_URL: url,
          RENTPROG_TOKENS: JSON.stringify(companyTokens),
          JARVIS_PORT: "0",
          LOG_FORMAT: "logfmt"
        },
        stdio: ["ignore", "pipe", "inherit"]
      })
    ),
    (child) => Effect.sync(() => child.kill())
  )
  return yield* Effect.callback<string>((resume) => {
    child.stdout.setEncoding("utf8").on("data", (lines: string) => {
      const address = /listening on (http:[^\s"]+)/.exec(lines)?.[1]
      if (address !== undefined) resume(Effect.succeed(address))
    })
  })
})

/** In a thread of its own: what RentProg's simulator does must not count. */
const shoot = (url: string, options: { readonly duration: number; readonly overallRate?: number }) =>
  Effect.promise(() =>
    autocannon({
      url: `${url}/webhooks/rentprog`,
      method: "POST",
      headers: { "content-type": "application/json" },
      connections: 100,
      workers: 1,
      ...options,
      requests: Array.from({ length: cars }, (_, id) => ({
        body: JSON.stringify({
          event: "car_update",
          payload: { id, company_id: 9247, mileage: [id, id + 1] }
        })
      }))
    })
  )

const tell = (what: string, { "2xx": ok, errors, latency, non2xx, requests, timeouts }: autocannon.Result) =>
  Console.log(
    `${what}: ${Math.round(requests.average)} webhooks/s, median ${latency.p50} ms, 99th percentile ${latency.p99} ms, most ${latency.max} ms; ${ok} answered 200, ${non2xx} otherwise, ${errors + timeouts} not at all`
  )

const benchmark = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const databaseUrl = yield* embeddedPostgres(yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-bench-" }))
  const { put } = yield* Simulator
  yield* Effect.forEach(Array.from({ length: cars }), (_, id) => put("car", { id, company_id: 9247 }))
  const url = yield* serve(databaseUrl)
  // A process that has just started compiles as it goes.
  const warm = yield* shoot(url, { duration: 5, overallRate: 500 })
  const steady = yield* shoot(url, { duration: 30, overallRate: 500 })
  yield* tell("500 a second", steady)
  const burst = yield* shoot(url, { duration: 10 })
  yield* tell("as many as go", burst)

  const counted = PgClient.PgClient.use(
    (sql) => sql<{ readonly rows: number }>`SELECT count(*)::int AS rows FROM events`
  )
  const [row] = yield* Effect.provide(counted, PgClient.layer({ url: databaseUrl }))
  yield* Console.log(`${row?.rows} rows for ${warm["2xx"] + steady["2xx"] + burst["2xx"]} answers`)
})

benchmark.pipe(
  Effect.scoped,
  Effect.provide(Simulator.layer({ readsPerMinute: 100_000 })),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
