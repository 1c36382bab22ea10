/** pg-boss, in its own way: jobs are sent by its library, and done by a worker that takes and completes them in batches. */
import { Effect, Redacted } from "effect"
import { makeBy } from "effect/Array"
import { PgBoss } from "pg-boss"
import { BenchError } from "../Part.ts"
import { start } from "../Program.ts"
import { connect } from "../server.ts"
import { isReady } from "./graphile.ts"
import type { Worked } from "./Queue.ts"
import { payload, recordsSql } from "./rows.ts"

/** How many jobs its library is given at once. */
const page = 5000

const attempt = <A>(of: () => Promise<A>) =>
  Effect.tryPromise({ try: of, catch: (cause) => new BenchError({ message: `pg-boss: ${String(cause)}` }) })

/** `each`: a worker that writes the record of each job by itself; `batch`: those of a batch in one statement. */
export const boss = Effect.fnUntraced(function* (
  url: Redacted.Redacted,
  connections = 1,
  writes: "each" | "batch" = "each"
) {
  const library = yield* Effect.acquireRelease(
    attempt(async () => {
      const boss = new PgBoss({
        connectionString: Redacted.value(url),
        max: connections,
        useListenNotify: true
      })
      boss.on("error", () => {})
      await boss.start()
      await boss.createQueue("write")
      // A notification costs whoever sends; to be woken is all that this queue is for.
      await boss.createQueue("wake", { notify: true })
      return boss
    }),
    (boss) => Effect.ignore(attempt(() => boss.stop({ graceful: false })))
  )
  const sql = yield* connect(url)
  yield* sql.unsafe(recordsSql.replace("TABLE", "TABLE IF NOT EXISTS"))
  const send = (queue: string) => (n: number) => attempt(() => library.send(queue, payload(n)))
  const program = start({
    file: "bench/contestants/bossWorker.ts",
    args: [writes],
    env: { DATABASE_URL: Redacted.value(url) }
  })
  const queue: Worked = {
    clear: Effect.andThen(
      sql`TRUNCATE records`,
      attempt(() => library.deleteAllJobs("write"))
    ),
    insert: send("write"),
    fill: (count) =>
      Effect.forEach(
        makeBy(Math.ceil(count / page), (n) => n * page),
        (from) =>
          attempt(() =>
            library.insert(
              "write",
              makeBy(Math.min(page, count - from), (n) => ({ data: payload(from + n + 1) }))
            )
          )
      ),
    analyze: sql`ANALYZE`,
    work: Effect.tap(program, isReady),
    isBusy: Effect.map(
      sql`SELECT FROM pgboss.job WHERE name = 'write' AND state < 'completed' LIMIT 1`,
      (rows) => rows.length > 0
    ),
    firstRecord: Effect.map(
      sql<{
        readonly at: number
      }>`SELECT (extract(epoch FROM min(deleted_at)) * 1000)::float8 AS at FROM records`,
      ([row]) => row?.at ?? 0
    )
  }
  return { ...queue, send, program }
})
