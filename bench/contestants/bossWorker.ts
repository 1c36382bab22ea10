/** pg-boss's worker: batches, fetched again at once while they come full, and woken by notifications. */
import { Pool } from "pg"
import { PgBoss } from "pg-boss"

interface Payload {
  readonly id: number
}

const connectionString = process.env["DATABASE_URL"] ?? ""
const pool = new Pool({ connectionString, max: 20 })
const boss = new PgBoss({ connectionString, useListenNotify: true })
boss.on("error", console.error)

const one = { name: "one", text: "INSERT INTO records (id, branch, data) VALUES ($1, $2, $3)" }
const many = {
  name: "many",
  text: "INSERT INTO records (id, branch, data) SELECT job ->> 'id', $1, job FROM jsonb_array_elements($2::jsonb) AS job"
}

const write = {
  each: (payloads: ReadonlyArray<Payload>) =>
    Promise.all(payloads.map((payload) => pool.query({ ...one, values: [payload.id, "tbilisi", payload] }))),
  batch: (payloads: ReadonlyArray<Payload>) =>
    pool.query({ ...many, values: ["tbilisi", JSON.stringify(payloads)] })
}[process.argv[2] === "batch" ? "batch" : "each"]

await boss.start()
const options = { batchSize: 1000, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 }
await boss.work<Payload>("write", { ...options, localConcurrency: 2 }, async (jobs) => {
  await write(jobs.map(({ data }) => data))
})
await boss.work<Payload>("wake", { pollingIntervalSeconds: 0.5 }, async (jobs) => {
  for (const { data } of jobs) console.log(`${data.id} ${process.hrtime.bigint()}`)
})
console.log("ready")
