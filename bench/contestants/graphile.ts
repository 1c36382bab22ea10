/** graphile-worker, in its own way: jobs are added by its SQL functions, and done by its worker. */
import { Effect, Redacted } from "effect"
import { runMigrations } from "graphile-worker"
import { BenchError } from "../Part.ts"
import { type Program, start } from "../Program.ts"
import { connect } from "../server.ts"
import type { Worked } from "./Queue.ts"
import { payload, payloadSql, recordsSql } from "./rows.ts"

export const graphile = Effect.fnUntraced(function* (url: Redacted.Redacted, connections = 1) {
  yield* Effect.tryPromise({
    try: () => runMigrations({ connectionString: Redacted.value(url) }),
    catch: (cause) => new BenchError({ message: `graphile-worker: ${String(cause)}` })
  })
  const sql = yield* connect(url, connections)
  yield* sql.unsafe(recordsSql.replace("TABLE", "TABLE IF NOT EXISTS"))
  const add = (task: string) => (n: number) =>
    sql`SELECT FROM graphile_worker.add_job(${task}, ${sql.json(payload(n))}::json)`
  const program = start({
    file: "bench/contestants/graphileWorker.ts",
    env: { DATABASE_URL: Redacted.value(url) }
  })
  const queue: Worked = {
    clear: sql`TRUNCATE graphile_worker._private_jobs, records`,
    insert: add("write"),
    fill: (count) =>
      sql`
        SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(
          SELECT ('write', ${sql.literal(payloadSql)}, NULL, NULL, NULL, NULL, NULL, NULL)::graphile_worker.job_spec
          FROM generate_series(1, ${count}::int) AS n
        ))
      `,
    analyze: sql`ANALYZE`,
    work: Effect.tap(program, isReady),
    isBusy: Effect.map(sql`SELECT FROM graphile_worker._private_jobs LIMIT 1`, (rows) => rows.length > 0),
    firstRecord: Effect.map(
      sql<{
        readonly at: number
      }>`SELECT (extract(epoch FROM min(deleted_at)) * 1000)::float8 AS at FROM records`,
      ([row]) => row?.at ?? 0
    )
  }
  return { ...queue, add, program }
})

/** Waits until a peer's worker says that it works. */
export const isReady = ({ ended, onLine }: Program) =>
  Effect.callback<void>((resume) => onLine((line) => line === "ready" && resume(Effect.void))).pipe(
    Effect.raceFirst(ended)
  )
