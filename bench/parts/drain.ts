/** How fast a backlog is worked off by a worker that has just been started, each job writing one record. */
import { Clock, Effect } from "effect"
import { boss } from "../contestants/boss.ts"
import { graphile } from "../contestants/graphile.ts"
import { jarvis, serve } from "../contestants/jarvis.ts"
import type { Worked } from "../contestants/Queue.ts"
import { inRounds, type Part, pick, rows, Server } from "../Part.ts"
import { rentprogStub } from "../stub.ts"

/** From the first record to the last job done: to start a program takes its time, and is not what this is about. */
export const drained = Effect.fnUntraced(function* (queue: Worked, jobs: number) {
  yield* queue.clear
  yield* queue.fill(jobs)
  yield* queue.analyze
  const { ended: died } = yield* queue.work
  yield* Effect.repeat(Effect.delay(queue.isBusy, "20 millis"), { until: (isBusy) => !isBusy }).pipe(
    Effect.raceFirst(died)
  )
  const ended = yield* Clock.currentTimeMillis
  return (jobs * 1000) / (ended - (yield* queue.firstRecord))
}, Effect.scoped)

export const drain: Part = {
  title: "Working a backlog off",
  measure: Effect.gen(function* () {
    const { database } = yield* Server
    const jobs = yield* rows(30_000)
    const stub = yield* rentprogStub("singly")
    const url = yield* database()
    const ours = { ...(yield* jarvis(url)), work: serve(url, stub) }
    const theirs = yield* graphile(yield* database())
    const others = yield* boss(yield* database())
    const batches = yield* boss(yield* database(), 1, "batch")
    const rounds = yield* inRounds(
      Effect.all({
        ours: drained(ours, jobs),
        theirs: drained(theirs, jobs),
        others: drained(others, jobs),
        batches: drained(batches, jobs)
      })
    )
    return [
      {
        what: "30,000 pending jobs, each writes one record",
        unit: "jobs/s",
        better: "more",
        rounds: {
          Jarvis: pick(rounds, "ours"),
          "graphile-worker": pick(rounds, "theirs"),
          "pg-boss": pick(rounds, "others"),
          "pg-boss: a batch's records in one statement": pick(rounds, "batches")
        },
        goal: { is: "at least", value: 2, times: ["graphile-worker", "pg-boss"] }
      }
    ]
  })
}
