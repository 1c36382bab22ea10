/** How fast single rows are taken in, alone and while the service works off a backlog. */
import { Effect, Ref, Schedule } from "effect"
import { bare } from "../contestants/bare.ts"
import { boss } from "../contestants/boss.ts"
import { graphile } from "../contestants/graphile.ts"
import { jarvis, serve } from "../contestants/jarvis.ts"
import type { Queue } from "../contestants/Queue.ts"
import { Extent, inRounds, type Part, perSecond, pick, rows, Server, timed } from "../Part.ts"
import type { Figure, Goal } from "../Results.ts"
import { rentprogStub } from "../stub.ts"

const millis = 1500
/** Enough that some of it is left when the measurement ends. */
const backlog = 40_000

const inserts = (connections: number, goals: { readonly alone: Goal; readonly draining: Goal }) =>
  Effect.gen(function* () {
    const { database } = yield* Server
    const { share } = yield* Extent
    const url = yield* database()
    const ours = yield* jarvis(url, connections)
    const table = yield* bare(url, connections)
    const theirs = yield* graphile(yield* database(), connections)
    const others = yield* boss(yield* database(), connections)
    const stub = yield* rentprogStub("singly")

    const alone = (queue: Queue) =>
      Effect.andThen(queue.clear, perSecond(connections, millis * share, queue.insert))

    const draining = Effect.scoped(
      Effect.gen(function* () {
        yield* ours.clear
        yield* ours.fill(yield* rows(backlog))
        yield* ours.analyze
        const { ended } = yield* serve(url, stub)
        const isOver = yield* Ref.make(false)
        yield* Effect.forkScoped(
          Effect.repeat(
            ours.sql`SELECT FROM events WHERE NOT processed AND ext_id::int <= ${backlog} LIMIT 1`.pipe(
              Effect.flatMap((left) => Ref.set(isOver, left.length === 0))
            ),
            Schedule.spaced("100 millis")
          )
        )
        return yield* perSecond(
          connections,
          millis * share,
          (n) => ours.insert(backlog + n),
          () => Ref.getUnsafe(isOver)
        ).pipe(Effect.raceFirst(ended))
      })
    )

    const rounds = yield* inRounds(
      Effect.all({
        table: alone(table),
        ours: alone(ours),
        theirs: alone(theirs),
        others: alone(others),
        draining
      })
    )
    const shared = {
      "bare table": pick(rounds, "table"),
      "graphile-worker": pick(rounds, "theirs"),
      "pg-boss": pick(rounds, "others")
    }
    const what = `single-row INSERT, ${connections} connection${connections === 1 ? "" : "s"}`
    return [
      {
        ...{ what, unit: "rows/s", better: "more", goal: goals.alone },
        rounds: { ...shared, Jarvis: pick(rounds, "ours") }
      },
      {
        ...{
          what: `${what}, while the service drains`,
          unit: "rows/s",
          better: "more",
          goal: goals.draining
        },
        rounds: { ...shared, Jarvis: pick(rounds, "draining") }
      }
    ] satisfies ReadonlyArray<Figure>
  }).pipe(Effect.scoped)

const times = (value: number, of: "bare table" | "graphile-worker"): Goal => ({
  is: "at least",
  value,
  times: [of]
})

export const single: Part = {
  title: "Taking rows in, one by one",
  measure: Effect.map(
    Effect.all([
      inserts(1, { alone: times(0.75, "bare table"), draining: times(0.5, "bare table") }),
      inserts(8, { alone: times(0.4, "bare table"), draining: times(1.5, "graphile-worker") })
    ]),
    (figures) => figures.flat()
  )
}

export const bulk: Part = {
  title: "Taking rows in, 50,000 at once",
  measure: Effect.gen(function* () {
    const { database } = yield* Server
    const url = yield* database()
    const count = yield* rows(50_000)
    const at = (queue: Queue) =>
      Effect.andThen(
        queue.clear,
        Effect.map(timed(queue.fill(count)), (took) => (count * 1000) / took)
      )
    const ours = yield* jarvis(url)
    const table = yield* bare(url)
    const theirs = yield* graphile(yield* database())
    const rounds = yield* inRounds(Effect.all({ table: at(table), ours: at(ours), theirs: at(theirs) }))
    return [
      {
        what: "one INSERT of 50,000 rows",
        unit: "rows/s",
        better: "more",
        rounds: {
          "bare table": pick(rounds, "table"),
          Jarvis: pick(rounds, "ours"),
          "graphile-worker": pick(rounds, "theirs")
        },
        goal: times(0.25, "bare table")
      }
    ]
  })
}
