/**
 * What so many branches cost: run by hand, after `vite build --ssr`, with
 *
 *     node bench/branches.ts BRANCHES PROCESSES EVENTS
 *
 * The service runs in so many processes (more than one: a cluster) on an embedded PostgreSQL and a RentProg that answers at once:
 * idle, with a sweep each second, with so many events for each branch at the same moment (1 unless said), and with 120 events a
 * second of all branches.
 * "ms/s": processor time in milliseconds for each second, of all processes together; 1,000 is one core.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Console, Effect, FileSystem, Redacted, Schedule } from "effect"
import { makeBy } from "effect/Array"
import { embedded } from "../src/database/EmbeddedPostgres.ts"
import { freePort } from "../src/database/freePort.ts"
import { rentprogStub } from "./stub.ts"

const [branches = 1000, processes = 1, events = 1] = process.argv.slice(2).map(Number)
const main = fileURLToPath(new URL("../dist/main.js", import.meta.url))

interface Running {
  readonly pid: number
  readonly url: string
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

/** Ends at once when the scope closes. */
const start = Effect.fnUntraced(function* (cwd: string, settings: Readonly<Record<string, string>>) {
  const port = yield* freePort()
  const cluster = processes > 1 ? { JARVIS_CLUSTER: `127.0.0.1:${yield* freePort()}` } : {}
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [main], {
        cwd,
        env: {
          PATH: process.env["PATH"],
          JARVIS_PORT: String(port),
          LOG_LEVEL: "warn",
          ...cluster,
          ...settings
        },
        stdio: ["ignore", "inherit", "inherit"]
      })
    ),
    (child) =>
      Effect.callback<void>((resume) => {
        if (hasEnded(child)) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGTERM")
      })
  )
  return { pid: child.pid ?? 0, url: `http://127.0.0.1:${port}` } satisfies Running
})

/** Of a process: the milliseconds that it and its dead children have run, and its resident megabytes. */
const usage = (pid: number) => {
  const [, rest = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")
  const fields = rest.split(" ").map(Number)
  const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + (fields[at] ?? 0), 0)
  const rss = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  return { millis: ticks * 10, megabytes: Number(rss) / 1024 }
}

const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)

const millisOf = (pids: ReadonlyArray<number>) => pids.reduce((sum, pid) => sum + usage(pid).millis, 0)

const serverState = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{
    readonly transactions: number
    readonly wal: number
    readonly postmaster: number
    readonly sessions: number
  }>`
    SELECT (SELECT xact_commit::float8 FROM pg_stat_database WHERE datname = current_database()) AS transactions,
      (pg_current_wal_lsn() - '0/0')::float8 AS wal,
      split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int AS postmaster,
      (SELECT count(*)::int FROM pg_stat_activity WHERE application_name LIKE 'jarvis%') AS sessions
  `
  return row ?? (yield* Effect.die("no row"))
})

/** What is spent while something goes on, by the second. */
const spent = Effect.fnUntraced(function* <A, E, R>(
  all: ReadonlyArray<Running>,
  what: Effect.Effect<A, E, R>
) {
  const look = Effect.map(serverState, ({ postmaster, transactions, wal }) => ({
    at: performance.now(),
    jarvis: millisOf(all.map(({ pid }) => pid)),
    postgres: millisOf([postmaster, ...childrenOf(postmaster)]),
    transactions,
    wal
  }))
  const before = yield* look
  yield* what
  const after = yield* look
  const each = (one: Exclude<keyof typeof before, "at">) =>
    (after[one] - before[one]) / ((after.at - before.at) / 1000)
  return `Jarvis ${each("jarvis").toFixed(0)} ms/s, PostgreSQL ${each("postgres").toFixed(0)} ms/s, ${each("transactions").toFixed(1)} transactions/s, WAL ${(each("wal") / 1024).toFixed(1)} kB/s`
})

const until = <E, R>(look: Effect.Effect<boolean, E, R>) =>
  Effect.repeat(Effect.delay(look, "20 millis"), { until: (isSo) => isSo })

/** All branches are somebody's, and one process listens. */
const shared = PgClient.PgClient.use(
  (sql) => sql<{ readonly branches: number; readonly listening: number }>`
    SELECT coalesce(sum(cardinality(branches)), 0)::int AS branches, count(*) FILTER (WHERE listens)::int AS listening
    FROM jarvis_processes WHERE ended_at IS NULL
  `
).pipe(
  Effect.map(([row]) => row?.branches === branches && row.listening === 1),
  Effect.orElseSucceed(() => false)
)

const done = PgClient.PgClient.use(
  (sql) => sql<{ readonly left: number }>`SELECT count(*)::int AS left FROM events WHERE NOT processed`
).pipe(Effect.map(([row]) => row?.left === 0))

const insert = (from: number, count: number) =>
  PgClient.PgClient.use(
    (sql) => sql`
      INSERT INTO events (type, branch, ext_id, payload)
      SELECT 'car_update', 'branch-' || n % ${branches}::int, n::text,
        jsonb_build_object('id', n, 'company_id', 9247, 'mileage', jsonb_build_array(n, n + 1))
      FROM generate_series(${from}::int, ${from + count - 1}::int) AS n
    `
  )

const measured = Effect.fnUntraced(function* (cwd: string, settings: Readonly<Record<string, string>>) {
  const sql = yield* PgClient.PgClient
  const say = (what: string, said: string) =>
    Console.log(`${branches} branches, ${processes} processes, ${what}: ${said}`)
  const run = (more: Readonly<Record<string, string>> = {}) =>
    Effect.all(
      makeBy(processes, () => start(cwd, { ...settings, ...more })),
      { concurrency: "unbounded" }
    )

  yield* Effect.scoped(
    Effect.gen(function* () {
      const began = performance.now()
      const all = yield* run()
      yield* until(shared)
      yield* say(
        "start until all branches are somebody's",
        `${((performance.now() - began) / 1000).toFixed(1)} s`
      )
      yield* Effect.sleep("5 seconds")
      yield* say("idle", yield* spent(all, Effect.sleep("30 seconds")))
      yield* say("idle, memory", all.map(({ pid }) => `${usage(pid).megabytes.toFixed(0)} MB`).join(", "))
      const overview = Effect.promise(() =>
        fetch(`${all.at(-1)?.url}/api/overview`).then((answer) => answer.text())
      )
      yield* overview
      const asked = performance.now()
      const size = (yield* overview).length
      yield* say(
        "/api/overview",
        `${(size / 1024).toFixed(0)} kB, ${(performance.now() - asked).toFixed(0)} ms`
      )

      const wave = performance.now()
      yield* insert(1, branches * events)
      yield* until(done)
      yield* say(`${events} for each at once`, `${((performance.now() - wave) / 1000).toFixed(2)} s`)

      let next = branches * events + 1
      const some = Effect.suspend(() =>
        Effect.forEach(
          makeBy(6, () => next++),
          (id) => insert(id, 1),
          { concurrency: 6 }
        )
      )
      const [first] = yield* sql<{ readonly at: string }>`SELECT clock_timestamp()::text AS at`
      const cost = yield* spent(
        all,
        Effect.repeat(some, Schedule.fixed("50 millis").pipe(Schedule.upTo({ times: 240 })))
      )
      yield* until(done)
      const [took] = yield* sql<{ readonly count: number; readonly median: number; readonly most: number }>`
        SELECT count(*)::int AS count,
          percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM processed_at - ts) * 1000) AS median,
          percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM processed_at - ts) * 1000) AS most
        FROM events WHERE ts >= ${first?.at}::timestamptz
      `
      yield* say(
        "120 events/s",
        `${cost}; INSERT to done: median ${took?.median.toFixed(1)} ms, 99 % ${took?.most.toFixed(1)} ms of ${took?.count}`
      )
      const { sessions } = yield* serverState
      yield* say("busy, memory", all.map(({ pid }) => `${usage(pid).megabytes.toFixed(0)} MB`).join(", "))
      yield* say("connections", `${sessions}`)
      const [disk] = yield* sql<{ readonly each: number; readonly indexes: number }>`
        SELECT sum(pg_total_relation_size(of.name)) / (SELECT count(*) FROM events) AS each,
          sum(pg_indexes_size(of.name)) / (SELECT count(*) FROM events) AS indexes
        FROM unnest('{events,entity_timeline,row_attempts}'::regclass[]) AS of (name)
      `
      yield* say(
        "on disk",
        `${Number(disk?.each).toFixed(0)} bytes an event, ${Number(disk?.indexes).toFixed(0)} of them indexes`
      )
    })
  )
  yield* Effect.scoped(
    Effect.gen(function* () {
      const all = yield* run({ EVENTS_FALLBACK_INTERVAL: "1 second", HISTORY_FALLBACK_INTERVAL: "1 second" })
      yield* until(shared)
      yield* Effect.sleep("5 seconds")
      yield* say("both sweeps each second", yield* spent(all, Effect.sleep("8 seconds")))
    })
  )
})

Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const stub = yield* rentprogStub("singly")
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-branches-" })
  const { url } = yield* embedded(directory)
  // A variable of the environment holds 128 kB at most.
  const tokens = Object.fromEntries(
    makeBy(branches, (n) => [`branch-${n}`, `made-up-company-token-of-branch-${n}`])
  )
  yield* fs.writeFileString(`${directory}/.env`, `RENTPROG_TOKENS='${JSON.stringify(tokens)}'\n`)
  yield* measured(directory, {
    DATABASE_URL: Redacted.value(url),
    RENTPROG_BASE_URL: stub.url,
    RENTPROG_READS_PER_MINUTE: "6000"
  }).pipe(Effect.provide(PgClient.layer({ url, maxConnections: 10 })))
}).pipe(Effect.scoped, Effect.provide(NodeServices.layer), NodeRuntime.runMain)
