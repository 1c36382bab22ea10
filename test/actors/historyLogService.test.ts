import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as BranchActor from "../../src/actors/Branch.ts"
import * as HistoryProcessor from "../../src/actors/HistoryProcessor.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { until } from "../support/tables.ts"
import { kutaisi, minutes, noon, pages, paid, pay, readUntil, search, tbilisi } from "./log.ts"
import { dependencies, service, surroundings, world } from "./world.ts"

describe("the service", () => {
  const often = HistoryProcessor.ReadInterval.of(Duration.millis(50))

  /** A payment is made now. */
  const payNow = (payment: number, branch = tbilisi) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => pay(payment, (now - noon) / minutes(1), branch))

  const isPaid = (...payments: ReadonlyArray<number>) =>
    until(paid, (all) => payments.every((payment) => all.includes(payment)))

  it.live("reads the logs it is to read again and again, and no other", () =>
    Effect.gen(function* () {
      const { calls } = yield* Simulator
      yield* payNow(1)
      yield* isPaid(1)
      yield* payNow(2)
      yield* payNow(3, kutaisi)
      yield* isPaid(2, 3)
      yield* payNow(4, Branch.make("batumi"))
      const before = (yield* calls).length
      yield* until(calls, ({ length }) => length > before + 6)
      assert.deepStrictEqual(yield* paid, [1, 2, 3])
    }).pipe(
      Effect.provide(world({ logs: [tbilisi, kutaisi] })),
      Effect.provideService(HistoryProcessor.ReadInterval, often)
    )
  )

  it.live("goes on after a restart from where it was", () =>
    Effect.gen(function* () {
      const running = service({ logs: [tbilisi] })
      yield* payNow(1)
      yield* Effect.provide(isPaid(1), running)
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE history_progress SET read_until = read_until - interval '5 days', stretches = '[]'`
      yield* Effect.flatMap(Clock.currentTimeMillis, (now) => pay(2, (now - noon) / minutes(1) - 4 * 24 * 60))
      yield* payNow(3)
      yield* Effect.provide(isPaid(2, 3), running)
      assert.deepStrictEqual(yield* paid, [1, 2, 3])
    }).pipe(Effect.provide(surroundings()), Effect.provideService(HistoryProcessor.ReadInterval, often))
  )

  it.live("reads the log of one branch while another's hangs", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.fault(Fault.Hang(), { ...search, times: 1 })
      const readings = Effect.map(simulator.calls, (calls) =>
        [tbilisi, kutaisi].map((branch) => calls.filter((call) => call.branch === branch).length).toSorted()
      )
      const [hanging] = yield* until(readings, ([, most = 0]) => most > 10)
      // Nor does a second reading of it begin.
      assert.strictEqual(hanging, 1)
    }).pipe(
      Effect.provide(Layer.provideMerge(service({ logs: [tbilisi, kutaisi] }), surroundings())),
      Effect.provideService(HistoryProcessor.ReadInterval, often)
    )
  )

  it.live("reads every three minutes", () =>
    Effect.gen(function* () {
      const clock = yield* TestClock.make()
      const live = yield* Clock.Clock
      let sleeps = 0
      let ended = 0
      // Only the interval is the test's to end; the database and RentProg are real.
      const intervals: Clock.Clock = {
        currentTimeMillis: live.currentTimeMillis,
        currentTimeMillisUnsafe: () => live.currentTimeMillisUnsafe(),
        currentTimeNanos: live.currentTimeNanos,
        currentTimeNanosUnsafe: () => live.currentTimeNanosUnsafe(),
        monotonicTimeNanos: live.monotonicTimeNanos,
        monotonicTimeNanosUnsafe: () => live.monotonicTimeNanosUnsafe(),
        sleep: (duration) => {
          if (Duration.toMinutes(duration) !== 3) return live.sleep(duration)
          sleeps += 1
          return clock.sleep(duration)
        }
      }
      const asleep = (times: number) =>
        until(
          Effect.sync(() => sleeps),
          (slept) => slept === times
        )
      const finished = (times: number) =>
        until(Effect.all([pages, readUntil]), ([all, end = 0]) => all.length === times && end > ended)
      const processor = HistoryProcessor.layer({ fallbackInterval: Duration.hours(1), logs: [tbilisi] }).pipe(
        Layer.provide(Layer.succeed(Clock.Clock, intervals))
      )
      yield* Effect.gen(function* () {
        for (const times of [1, 2, 3]) {
          yield* asleep(times)
          ended = (yield* finished(times))[1] ?? 0
          yield* clock.adjust("179 seconds")
          assert.strictEqual(sleeps, times)
          assert.lengthOf(yield* pages, times)
          yield* clock.adjust("1 second")
        }
      }).pipe(Effect.provide(Layer.merge(processor, BranchActor.layer).pipe(Layer.provide(dependencies()))))
    }).pipe(Effect.provide(surroundings()))
  )
})
