/** graphile-worker's worker, as its documentation tunes it for throughput. */
import { Logger, run } from "graphile-worker"

const write = { name: "write", text: "INSERT INTO records (id, branch, data) VALUES ($1, $2, $3)" }

const idOf = (payload: unknown): string =>
  typeof payload === "object" && payload !== null && "id" in payload ? String(payload.id) : ""

await run({
  logger: new Logger(() => () => {}),
  noHandleSignals: true,
  taskList: {
    write: async (payload, { withPgClient }) => {
      await withPgClient((client) => client.query({ ...write, values: [idOf(payload), "tbilisi", payload] }))
    },
    wake: (payload) => {
      console.log(`${idOf(payload)} ${process.hrtime.bigint()}`)
    }
  },
  preset: {
    worker: {
      connectionString: process.env["DATABASE_URL"] ?? "",
      concurrentJobs: 24,
      maxPoolSize: 25,
      localQueue: { size: 500 },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0
    }
  }
})
console.log("ready")
