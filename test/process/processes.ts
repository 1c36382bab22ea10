/** Several processes on one database, and what is to be true of them together. */
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { inject } from "vitest"
import { freePort } from "../../src/database/freePort.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { about, insert, until } from "../support/tables.ts"
import { type Program, run, said } from "./program.ts"

/** A minute's reads, and what follows: seven at once, and then one every 2.5 s. */
const readsPerMinute = 30
const burst = 7
const inflow = 2500

/** So little quota that what waits for it tells who has it. */
export const littleQuota = { RENTPROG_READS_PER_MINUTE: String(readsPerMinute) }

/** A process of a cluster, at a port of its own. */
export const sharing = Effect.map(freePort(), (port) => ({ JARVIS_CLUSTER: `127.0.0.1:${port}` }))

/** Starts a process and waits until it takes requests, whoever works. */
export const start = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const program = yield* run(settings)
  yield* said(program, "HTTP server started, listening on http://")
  return program
})

/** Ends a process without a word. */
export const kill = (program: Program) => Effect.andThen(program.signal("SIGKILL"), program.exit)

const Process = Schema.Struct({
  role: Schema.String,
  branches: Schema.Array(Schema.String),
  listens: Schema.Boolean,
  pid: Schema.Int
})

/** The processes that are there now, the oldest first. */
const presentIn = Effect.fnUntraced(function* (schema: string) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql`
    SELECT role, branches, listens, pid FROM ${sql(schema)}.jarvis_processes
    WHERE ended_at IS NULL AND seen_at > now() - interval '5 seconds' ORDER BY id
  `
  return yield* Schema.decodeUnknownEffect(Schema.Array(Process))(rows)
})
export const present = Effect.suspend(() => presentIn(inject("schema")))

const branches = ["batumi", "kutaisi", "service-center", "tbilisi"]

/** Waits until so many processes are there, each branch is run by one of them, and one listens. */
export const shareOut = (count: number, schema = inject("schema")) =>
  until(
    presentIn(schema),
    (all) =>
      all.length === count &&
      JSON.stringify(all.flatMap((one) => one.branches).sort()) === JSON.stringify(branches) &&
      all.filter(({ listens }) => listens).length === 1
  )

/** Cars of tbilisi, more than a page of its list has: those that are asked for are read one by one. */
export const manyCars = Effect.gen(function* () {
  const { put } = yield* Simulator
  for (let id = 1; id <= 150; id += 1) yield* put("car", { id, company_id: 9247, code: `Car ${id}` })
})

/** Inserts an event for each of these cars. */
export const changed = (...ids: ReadonlyArray<number>) => insert(...ids.map((id) => about("car_update", id)))

/** How many cars have been asked for. */
export const asked = Effect.map(
  Simulator.use(({ calls }) => calls),
  (calls) => calls.filter(({ path }) => path.startsWith("/cars/")).length
)

/** No car was asked for twice but those that are named, and all processes together have spent no more than one bucket. */
export const isAsOne = Effect.fnUntraced(function* (...again: ReadonlyArray<string>) {
  const calls = (yield* Simulator.use(({ calls }) => calls)).filter(({ path }) => path !== "/get_token")
  const cars = calls.map(({ path }) => path).filter((path) => path.startsWith("/cars/"))
  assert.deepStrictEqual(
    cars.filter((path, index) => cars.indexOf(path) !== index),
    again
  )
  const times = calls.map(({ at }) => at)
  for (const [index, from] of times.entries()) {
    for (const [more, to] of times.slice(index).entries()) {
      assert.isAtMost(more + 1, burst + 1 + Math.ceil((to - from) / inflow), `within ${to - from} ms`)
    }
  }
})
