import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Clock, Duration, Effect, Layer, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as BranchActor from "../../src/actors/Branch.ts"
import * as EventProcessor from "../../src/actors/EventProcessor.ts"
import { Events } from "../../src/database/Events.ts"
import { Notifications, type Signal } from "../../src/database/Notifications.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { about, allProcessed, events, insert, until } from "../support/tables.ts"
import { reads } from "./calls.ts"
import { dependencies, Log, service, surroundings, world } from "./world.ts"

const putCars = (ids: ReadonlyArray<number>) =>
  Simulator.use((simulator) =>
    Effect.forEach(ids, (id) => simulator.put("car", { id, company_id: 9247 }), { discard: true })
  )

/** How often the log says so. */
const said = (message: string) =>
  Log.useSync(({ lines }) => lines.filter((line) => line.message.startsWith(message)).length)

const started = "✅ Event processor started, listening for pg_notify events"

/** PostgreSQL that never tells of anything. */
const silent = Layer.succeed(Notifications, { listen: () => Stream.never })

describe("without notifications", () => {
  it.live("events are found by looking round", () =>
    Effect.gen(function* () {
      yield* putCars([1])
      yield* insert(about("car_update", 1))
      assert.isTrue((yield* allProcessed)[0]?.ok)
    }).pipe(Effect.provide(world({ notifications: silent, fallbackInterval: "100 millis" })))
  )

  it.live("it looks round once in each interval", () =>
    Effect.gen(function* () {
      const clock = yield* TestClock.make()
      const live = yield* Clock.Clock
      const sleeps: Array<number> = []
      // Only the interval is the test's to end; the database and RentProg are real.
      const intervals: Clock.Clock = {
        currentTimeMillis: live.currentTimeMillis,
        currentTimeMillisUnsafe: () => live.currentTimeMillisUnsafe(),
        currentTimeNanos: live.currentTimeNanos,
        currentTimeNanosUnsafe: () => live.currentTimeNanosUnsafe(),
        monotonicTimeNanos: live.monotonicTimeNanos,
        monotonicTimeNanosUnsafe: () => live.monotonicTimeNanosUnsafe(),
        sleep: (duration) => {
          const isInterval = Duration.toSeconds(duration) === 30
          sleeps.push(Duration.toSeconds(duration))
          return isInterval ? clock.sleep(duration) : live.sleep(duration)
        }
      }
      /** Waits until the processor sleeps its interval for the n-th time. */
      const asleep = (n: number) =>
        until(
          Effect.sync(() => sleeps.filter((seconds) => seconds === 30).length),
          (times) => times === n
        )
      let sweeps = 0
      const counting = Layer.effect(
        Events,
        Events.use((events) =>
          Effect.succeed(
            Events.of({
              ...events,
              branchesDue: Effect.andThen(
                Effect.sync(() => {
                  sweeps += 1
                }),
                events.branchesDue
              )
            })
          )
        )
      )
      const processor = EventProcessor.layer({ fallbackInterval: Duration.seconds(30) }).pipe(
        Layer.provide(Layer.succeed(Clock.Clock, intervals)),
        Layer.provide(counting)
      )
      yield* Effect.gen(function* () {
        yield* putCars([1, 2])
        yield* insert(about("car_update", 1))
        yield* asleep(1)
        yield* clock.adjust("29 seconds")
        assert.strictEqual(sweeps, 0)
        yield* clock.adjust("1 second")
        yield* allProcessed
        assert.strictEqual(sweeps, 1)
        yield* insert(about("car_update", 2))
        yield* asleep(2)
        yield* clock.adjust("30 seconds")
        yield* allProcessed
        assert.strictEqual(sweeps, 2)
      }).pipe(
        Effect.provide(
          Layer.merge(processor, BranchActor.layer).pipe(
            Layer.provide(dependencies({ notifications: silent }))
          )
        )
      )
    }).pipe(Effect.provide(surroundings()))
  )
})

describe("a branch that has nothing to do", () => {
  it.live("is not woken by looking round", () => {
    const woken = new Set<string>()
    const watched = Layer.effect(
      Events,
      Events.use((events) =>
        Effect.succeed(
          Events.of({
            ...events,
            take: (branch, except) => {
              woken.add(branch)
              return events.take(branch, except)
            }
          })
        )
      )
    )
    return Effect.gen(function* () {
      for (const id of [1, 2]) {
        yield* putCars([id])
        yield* insert(about("car_update", id))
        yield* allProcessed
      }
      assert.deepStrictEqual(Array.from(woken), ["tbilisi"])
    }).pipe(Effect.provide(world({ events: watched, notifications: silent, fallbackInterval: "100 millis" })))
  })
})

describe("what came before the service did", () => {
  it.live("is found at its start", () =>
    Effect.gen(function* () {
      yield* putCars([1])
      yield* insert(about("car_update", 1))
      yield* allProcessed.pipe(Effect.provide(service()))
    }).pipe(Effect.provide(surroundings()))
  )
})

describe("a listener whose connection is cut", () => {
  const cut = Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    // Until it has ended it is notified.
    const rows = yield* sql`
      SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
      WHERE datname = current_database() AND query ILIKE 'LISTEN%rentprog_event_auto_process%'
    `
    return rows.length
  })

  it.live("listens again, and sweeps what nobody told it meanwhile", () =>
    Effect.gen(function* () {
      yield* putCars([1, 2])
      yield* until(said(started), (times) => times === 1)
      yield* insert(about("car_update", 1))
      yield* allProcessed
      assert.strictEqual(yield* cut, 1)
      // Its notification reaches nobody: the listener comes back after 160 ms at the soonest.
      yield* insert(about("car_update", 2))
      yield* allProcessed
      assert.strictEqual(yield* said("listener lost its connection, connects again"), 1)
      assert.strictEqual(yield* said("Event processor listens again"), 1)
      assert.strictEqual(yield* said(started), 1)
    }).pipe(Effect.provide(world()))
  )

  it.live("again and again in mid-stream: no event is lost", () =>
    Effect.gen(function* () {
      const ids = Arr.range(1, 300)
      yield* putCars(ids)
      yield* until(said(started), (times) => times === 1)
      let cuts = 0
      for (const id of ids) {
        yield* insert(about("car_update", id))
        if (id % 60 === 30) cuts += yield* until(cut, (count) => count > 0)
      }
      yield* allProcessed
      assert.strictEqual(cuts, 5)
      assert.lengthOf(yield* events, 300)
    }).pipe(Effect.provide(world()))
  )
})

describe("a listener that rested", () => {
  const restful = Effect.gen(function* () {
    const signals = yield* Queue.unbounded<Signal>()
    const layer = Layer.succeed(Notifications, {
      listen: (_, { rests }) => (rests ? Stream.fromQueue(signals) : Stream.never)
    })
    return { layer, rests: Queue.offer(signals, { _tag: "Rested" }) }
  })

  it.live("finds what nobody told it, and tells a branch that it is paused", () =>
    Effect.gen(function* () {
      const { layer, rests } = yield* restful
      const sql = yield* PgClient.PgClient
      const simulator = yield* Simulator
      yield* putCars([1])
      yield* simulator.put("car", { id: 2, company_id: 9248 })
      const unhang = yield* simulator.fault(Fault.Hang(), { id: 1 })
      yield* Effect.gen(function* () {
        yield* insert(about("car_update", 1))
        yield* rests
        yield* until(reads, ({ length }) => length === 1)
        yield* sql`INSERT INTO paused_branches (branch, paused_by) VALUES ('tbilisi', 'Anna')`
        yield* insert(about("car_update", 2, "kutaisi"))
        yield* rests
        // After tbilisi was told.
        yield* until(events, (rows) => rows[1]?.processed === true)
        yield* unhang
        yield* sql`DELETE FROM paused_branches`
        yield* rests
        // What hangs would hang for an hour.
        yield* allProcessed
      }).pipe(Effect.provide(service({ notifications: layer, patience: { callTimeout: "1 hour" } })))
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("very many that are inserted one by one: none is lost", () =>
    Effect.gen(function* () {
      const ids = Arr.range(1, 300)
      yield* until(said(started), (times) => times === 1)
      yield* Effect.forEach(ids, (id) => insert(about("car_destroy", id)), { concurrency: 4, discard: true })
      yield* allProcessed
      assert.lengthOf(yield* events, 300)
    }).pipe(Effect.provide(world()))
  )
})
