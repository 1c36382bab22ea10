/** How soon a row is attended to by somebody who sleeps. */
import { Effect, Queue } from "effect"
import { makeBy, map, type NonEmptyArray } from "effect/Array"
import type { SqlError } from "effect/sql"
import { boss } from "../contestants/boss.ts"
import { graphile, isReady } from "../contestants/graphile.ts"
import { jarvis, serve } from "../contestants/jarvis.ts"
import { type BenchError, inRounds, type Part, pick, rows, Server } from "../Part.ts"
import type { Program } from "../Program.ts"
import { median, quantile } from "../statistics.ts"
import { rentprogStub } from "../stub.ts"

const events = 200
/** A process that has just started compiles as it goes. */
const warming = 50

/** One after the other, each when all is quiet; answers how long each took, in milliseconds. */
export const oneByOne = Effect.fnUntraced(function* <A, E, R>(one: (n: number) => Effect.Effect<A, E, R>) {
  const count = yield* rows(events)
  yield* Effect.forEach(
    makeBy(warming, (n) => n + 1),
    one,
    { discard: true }
  )
  const first = yield* one(warming + 1)
  const others = yield* Effect.forEach(
    makeBy(count - 1, (n) => warming + n + 2),
    (n) => Effect.delay(one(n), "10 millis")
  )
  const all: NonEmptyArray<A> = [first, ...others]
  return all
})

/** Of nanoseconds. */
export const millis = (nanos: bigint) => Number(nanos) / 1e6

/** Monotonic, and the same in all processes of the machine. */
export const now = Effect.sync(() => process.hrtime.bigint())

/** A peer's worker prints which job it was given, and at which monotonic nanosecond. */
const handled = Effect.fnUntraced(function* (
  program: Program,
  insert: (n: number) => Effect.Effect<unknown, BenchError | SqlError.SqlError>
) {
  const told = yield* Queue.unbounded<readonly [id: string, at: bigint]>()
  program.onLine((line) => {
    const [id = "", at = ""] = line.split(" ")
    if (/^\d+$/.test(at)) Queue.offerUnsafe(told, [id, BigInt(at)])
  })
  yield* isReady(program)
  return yield* oneByOne((n) =>
    Effect.gen(function* () {
      const began = yield* now
      yield* insert(n)
      const [, at] = yield* Queue.take(told)
      return millis(at - began)
    })
  ).pipe(Effect.raceFirst(program.ended))
})

export const wake: Part = {
  title: "Waking up",
  measure: Effect.gen(function* () {
    const { database } = yield* Server
    const url = yield* database()
    const ours = yield* jarvis(url)
    const theirs = yield* graphile(yield* database())
    const others = yield* boss(yield* database())
    const stub = yield* rentprogStub("singly")

    const jarvisWakes = Effect.scoped(
      Effect.gen(function* () {
        yield* ours.clear
        const { ended } = yield* serve(url, stub)
        return yield* oneByOne((n) =>
          Effect.gen(function* () {
            const began = yield* now
            const called = yield* stub.callAfter(n, ours.update(n))
            yield* Effect.repeat(Effect.delay(ours.isBusy, "1 millis"), { until: (isBusy) => !isBusy })
            return { call: millis(called - began), done: millis((yield* now) - began) }
          })
        ).pipe(Effect.raceFirst(ended))
      })
    ).pipe(
      Effect.map((took) => {
        const calls = pick(took, "call")
        return { call: median(calls), p99: quantile(calls, 0.99), done: median(pick(took, "done")) }
      })
    )
    const handlerWakes = (
      of: typeof theirs.program,
      insert: (n: number) => Effect.Effect<unknown, BenchError | SqlError.SqlError>
    ) =>
      Effect.flatMap(of, (program) => handled(program, insert)).pipe(
        Effect.scoped,
        Effect.map((took) => ({ call: median(took), p99: quantile(took, 0.99) }))
      )
    const rounds = yield* inRounds(
      Effect.all({
        ours: jarvisWakes,
        theirs: handlerWakes(theirs.program, theirs.add("wake")),
        others: handlerWakes(others.program, others.send("wake"))
      })
    )
    const of = (key: "call" | "p99") => ({
      Jarvis: map(rounds, ({ ours }) => ours[key]),
      "graphile-worker": map(rounds, ({ theirs }) => theirs[key]),
      "pg-boss": map(rounds, ({ others }) => others[key])
    })
    return [
      {
        what: "from INSERT to the call at RentProg, or to the job's handler: median",
        ...{ unit: "ms", better: "less", rounds: of("call"), goal: { is: "at most", value: 2 } }
      },
      {
        what: "the same: 99th percentile",
        ...{ unit: "ms", better: "less", rounds: of("p99"), goal: { is: "at most", value: 6 } }
      },
      {
        what: "from INSERT to processed: median",
        ...{ unit: "ms", better: "less", rounds: { Jarvis: map(rounds, ({ ours }) => ours.done) } },
        goal: { is: "at most", value: 8 }
      }
    ]
  })
}
