/** Whether the service gets slower as its tables grow: beside 10 thousand, 100 thousand and a million rows that are done. */
import { PgClient } from "@effect/sql-pg"
import { Clock, Duration, Effect, Layer, type Redacted } from "effect"
import { map, type NonEmptyArray } from "effect/Array"
import { Events } from "../../src/database/Events.ts"
import { type Outcome, outcomeOf } from "../../src/database/eventOutcomes.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { jarvis, serve } from "../contestants/jarvis.ts"
import { BenchError, inRounds, type Part, rows, Server, timed } from "../Part.ts"
import type { Figure } from "../Results.ts"
import { connect } from "../server.ts"
import { median } from "../statistics.ts"
import { rentprogStub } from "../stub.ts"
import { drained } from "./drain.ts"
import { millis, now, oneByOne } from "./wake.ts"

const sizes = [10_000, 100_000, 1_000_000] as const
const jobs = 10_000
/** Records that are about none of those. */
const apart = 10_000_000

const tbilisi = Branch.make("tbilisi")

/** A database with so many rows that are done, each told of in the timeline, to make copies of. */
const grown = Effect.fnUntraced(function* (size: number) {
  const { database } = yield* Server
  const url = yield* database()
  yield* Effect.scoped(
    Effect.gen(function* () {
      const { sql } = yield* jarvis(url)
      const count = yield* rows(size)
      yield* sql`
        INSERT INTO events (ts, branch, type, ext_id, company_id, payload, processed, ok, attempts, processed_at)
        SELECT now(), 'tbilisi', 'car_update', (n % 1000)::text, 9247, jsonb_build_object('id', n % 1000), true, true, 1, now()
        FROM generate_series(1, ${count}::int) AS n
      `
      yield* sql`
        INSERT INTO entity_timeline (at, entity_type, entity_id, branch, source, source_id, operation, changes, log_entry)
        SELECT events.ts, 'car', events.ext_id, events.branch, 'event', events.id, 'update', '{}', 'event:' || events.id
        FROM events
      `
      yield* sql`VACUUM ANALYZE`
    })
  )
  return url
})

/** How long a take of what is due lasts, and to settle all of it, in milliseconds. */
const takeAndSettle = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const sql = yield* connect(url, 4)
  // The connection is no part of it.
  yield* sql`SELECT 1`
  const layer = Layer.provide(Events.layer, Layer.succeed(PgClient.PgClient, sql))
  return yield* Effect.gen(function* () {
    const { settle, take } = yield* Events
    const [took, taken] = yield* Effect.timed(take(tbilisi, []))
    const outcomes = taken.flatMap(
      ({ events }): ReadonlyArray<Outcome> =>
        events.map((event) =>
          outcomeOf(event, {
            processed: true,
            reason: null,
            took: Duration.zero,
            waits: [],
            traceId: "bench"
          })
        )
    )
    const settled = yield* timed(
      Effect.forEach(outcomes, settle, { concurrency: "unbounded", discard: true })
    )
    return { take: Duration.toMillis(took), settle: settled / Math.max(outcomes.length, 1) }
  }).pipe(
    Effect.provide(layer),
    Effect.mapError((error) => new BenchError({ message: String(error) }))
  )
}, Effect.scoped)

/** Drain, wake-up, take and settle in a copy of a database. */
const measured = Effect.fnUntraced(function* (template: Redacted.Redacted) {
  const { database } = yield* Server
  const stub = yield* rentprogStub("singly")
  const url = yield* database(template)
  const ours = yield* jarvis(url)
  const queue = { ...ours, clear: Effect.void, work: serve(url, stub) }
  const drain = yield* drained(queue, yield* rows(jobs))
  const wake = yield* Effect.scoped(
    Effect.gen(function* () {
      const { ended } = yield* serve(url, stub)
      return yield* oneByOne((n) =>
        Effect.gen(function* () {
          const began = yield* now
          const called = yield* stub.callAfter(apart + n, ours.update(apart + n))
          yield* Effect.repeat(Effect.delay(ours.isBusy, "1 millis"), { until: (isBusy) => !isBusy })
          return millis(called - began)
        })
      ).pipe(Effect.raceFirst(ended))
    })
  )
  const statements = yield* inRounds(
    Effect.andThen(
      ours.sql`
        INSERT INTO events (type, payload)
        SELECT 'car_update', jsonb_build_object('id', ${2 * apart}::int + n, 'company_id', 9247) FROM generate_series(1, 500) AS n
      `,
      takeAndSettle(url)
    )
  )
  return {
    drain,
    wake: median(wake),
    take: median(map(statements, ({ take }) => take)),
    settle: median(map(statements, ({ settle }) => settle))
  }
}, Effect.scoped)

/** Drain and take in a copy of a database where a million are pending. */
const pending = Effect.fnUntraced(function* (template: Redacted.Redacted) {
  const { database } = yield* Server
  const stub = yield* rentprogStub("singly")
  const url = yield* database(template)
  const { firstRecord, sql } = yield* jarvis(url)
  const { take } = yield* takeAndSettle(url)
  const count = yield* rows(jobs)
  const { ended } = yield* serve(url, stub)
  const written = sql<{ readonly count: number }>`SELECT count(*)::int AS count FROM cars`
  const [row] = yield* Effect.repeat(Effect.delay(written, "50 millis"), {
    until: ([row]) => (row?.count ?? 0) >= count
  }).pipe(Effect.raceFirst(ended))
  const took = (yield* Clock.currentTimeMillis) - (yield* firstRecord)
  return { take, drain: ((row?.count ?? 0) * 1000) / took }
}, Effect.scoped)

type Measured = Effect.Success<ReturnType<typeof measured>>

const figure = (
  what: string,
  key: keyof Measured,
  better: Figure["better"],
  rounds: NonEmptyArray<readonly [Measured, Measured, Measured]>,
  waiting?: NonEmptyArray<number>
): Figure => ({
  what: `${what}: the worst against that beside 10 thousand done rows`,
  unit: "times",
  better,
  rounds: {
    Jarvis: map(rounds, ([small, ...larger]) => {
      const ratios = larger.map((one) => one[key] / small[key])
      return better === "more" ? Math.min(...ratios) : Math.max(...ratios)
    }),
    "Jarvis: beside 10 thousand": map(rounds, ([one]) => one[key]),
    "Jarvis: beside 100 thousand": map(rounds, ([, one]) => one[key]),
    "Jarvis: beside 1 million": map(rounds, ([, , one]) => one[key]),
    ...(waiting && { "Jarvis: where 1 million are pending": waiting })
  },
  goal: better === "more" ? { is: "at least", value: 0.9 } : { is: "at most", value: 1.1 }
})

export const growth: Part = {
  title: "Growth",
  isLong: true,
  measure: Effect.gen(function* () {
    const [small, medium, large] = yield* Effect.all([grown(sizes[0]), grown(sizes[1]), grown(sizes[2])])
    const { database } = yield* Server
    const waiting = yield* database()
    yield* Effect.scoped(
      Effect.gen(function* () {
        const { analyze, fill } = yield* jarvis(waiting)
        yield* fill(yield* rows(1_000_000))
        yield* analyze
      })
    )
    const all = yield* inRounds(
      Effect.all([measured(small), measured(medium), measured(large), pending(waiting)])
    )
    const rounds = map(all, ([small, medium, large]) => [small, medium, large] as const)
    const backlog = (key: "drain" | "take") => map(all, ([, , , one]) => one[key])
    return [
      figure("drain of 10,000, jobs/s", "drain", "more", rounds, backlog("drain")),
      figure("wake-up, ms", "wake", "less", rounds),
      figure("a take of 500, ms", "take", "less", rounds, backlog("take")),
      figure("settling one of 500, ms", "settle", "less", rounds)
    ]
  })
}
