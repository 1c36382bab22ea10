/**
 * How long work stands still when a process is gone, and how many calls several processes make: run by hand, after
 * `vite build --ssr`, with one of
 *
 *     node bench/takeover.ts standby|cluster SIGKILL|SIGSTOP|SIGTERM 20
 *     node bench/takeover.ts calls
 *
 * A time is that from the signal until events are done which came at that moment, one for each branch.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Console, Effect, FileSystem, Redacted, Schedule } from "effect"
import { embedded } from "../src/database/EmbeddedPostgres.ts"
import { freePort } from "../src/database/freePort.ts"
import { mainCompanies } from "../src/simulator/Companies.ts"
import { Simulator } from "../src/simulator/Simulator.ts"

const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))

const until = <E, R>(look: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.delay(look, "10 millis"), { until: (isSo) => isSo })

const start = (settings: Readonly<Record<string, string>>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [main], {
        env: { PATH: process.env["PATH"], JARVIS_PORT: "0", ...settings },
        stdio: "ignore"
      })
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const present = PgClient.PgClient.use(
  (sql) => sql<{
    readonly pid: number
    readonly role: string
    readonly branches: number
    readonly listens: boolean
  }>`
    SELECT pid, role, cardinality(branches) AS branches, listens FROM jarvis_processes
    WHERE ended_at IS NULL AND session IN (SELECT pg_stat_activity.pid FROM pg_stat_activity)
  `
).pipe(Effect.orElseSucceed(() => []))

const done = PgClient.PgClient.use(
  (sql) => sql<{ readonly left: number }>`SELECT count(*)::int AS left FROM events WHERE NOT processed`
).pipe(Effect.map(([row]) => row?.left === 0))

let nextId = 1
/** One car of each branch, and an event about each. */
const change = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const { put } = yield* Simulator
  for (const { branch, companyId } of mainCompanies) {
    const id = nextId++
    yield* put("car", { id, company_id: companyId })
    yield* sql`INSERT INTO events (type, branch, ext_id, payload) VALUES ('car_update', ${branch}, ${String(id)}, ${sql.json({ id })})`
  }
})

const ready = (count: number) =>
  until(
    Effect.map(
      present,
      (all) =>
        all.length === count &&
        all.reduce((sum, { branches }) => sum + branches, 0) === mainCompanies.length &&
        all.filter(({ listens }) => listens).length === 1
    )
  )

const settings = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { companyTokens, url } = yield* Simulator
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-takeover-" })
  const server = yield* embedded(directory)
  return {
    DATABASE_URL: Redacted.value(server.url),
    RENTPROG_BASE_URL: url,
    RENTPROG_TOKENS: JSON.stringify(companyTokens),
    RENTPROG_READS_PER_MINUTE: "6000"
  }
})

const own = (mode: string) =>
  mode === "cluster"
    ? Effect.map(freePort(), (port) => ({ JARVIS_CLUSTER: `127.0.0.1:${port}` }))
    : Effect.succeed({})

const times = Effect.fnUntraced(function* (
  given: Readonly<Record<string, string>>,
  mode: string,
  signal: NodeJS.Signals,
  count: number
) {
  const processes = mode === "cluster" ? 3 : 2
  let all: ReadonlyArray<ChildProcess> = yield* Effect.forEach(Array.from({ length: processes }), () =>
    Effect.flatMap(own(mode), (more) => start({ ...given, ...more }))
  )
  const measured: Array<number> = []
  for (let round = 0; round < count; round += 1) {
    yield* ready(processes)
    yield* change
    yield* until(done)
    // Branches may be on their way to the process that came last, and the listener with them.
    const victim = yield* Effect.map(present, (some) => {
      const listener = some.find(({ branches, listens }) => listens && branches > 0)
      return all.find(({ pid }) => pid === listener?.pid)
    }).pipe(Effect.repeat({ until: (found) => found !== undefined, schedule: Schedule.spaced("50 millis") }))
    const began = performance.now()
    victim?.kill(signal)
    yield* change
    yield* until(done)
    measured.push(performance.now() - began)
    yield* Console.log(`${mode} ${signal}: ${((performance.now() - began) / 1000).toFixed(2)} s`)
    victim?.kill("SIGKILL")
    yield* ready(processes - 1)
    all = [...all.filter((child) => child !== victim), yield* start({ ...given, ...(yield* own(mode)) })]
  }
  measured.sort((a, b) => a - b)
  const said = (at: number) => `${((measured[Math.floor(at)] ?? 0) / 1000).toFixed(2)} s`
  yield* Console.log(
    `${mode} ${signal}: ${count} times, median ${said((count - 1) / 2)}, worst ${said(count - 1)}, best ${said(0)}`
  )
})

const calls = Effect.fnUntraced(function* (given: Readonly<Record<string, string>>) {
  const simulator = yield* Simulator
  for (const [mode, processes] of [
    ["alone", 1],
    ["standby", 3],
    ["cluster", 3]
  ] as const) {
    yield* Effect.gen(function* () {
      for (let index = 0; index < processes; index += 1) yield* start({ ...given, ...(yield* own(mode)) })
      yield* ready(processes)
      yield* simulator.clearCalls
      for (let index = 0; index < 50; index += 1) {
        yield* change
        yield* until(done)
      }
      const made = yield* simulator.calls
      const tokens = made.filter(({ path }) => path === "/get_token").length
      yield* Console.log(
        `${mode}, ${processes}: ${made.length - tokens} calls for 200 records, ${tokens} for tokens`
      )
    }).pipe(Effect.scoped)
    yield* Effect.sleep("9 seconds")
  }
})

const [mode = "standby", given = "SIGKILL", count = "20"] = process.argv.slice(2)
const signal = (["SIGKILL", "SIGSTOP", "SIGTERM"] as const).find((one) => one === given) ?? "SIGKILL"
Effect.gen(function* () {
  const surroundings = yield* settings
  yield* (mode === "calls" ? calls(surroundings) : times(surroundings, mode, signal, Number(count))).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(surroundings.DATABASE_URL) }))
  )
}).pipe(
  Effect.scoped,
  Effect.provide(Simulator.layer({ readsPerMinute: 100_000, tokensPerMinute: 100_000 })),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
