import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Deferred, Effect, Layer, Queue, Tracer } from "effect"
import * as BranchActor from "../../src/actors/Branch.ts"
import { Events } from "../../src/database/Events.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { about, allProcessed, insert } from "../support/tables.ts"
import { reads } from "./calls.ts"
import { dependencies, surroundings } from "./world.ts"

/** What begins like this is one of the drain's statements. */
const kinds = {
  "SELECT taken": "take",
  "WITH given": "write",
  "WITH outcome": "settle",
  "SELECT mirror.rentprog_id": "known",
  "SELECT waiting": "look for what waits"
} as const
type Kind = (typeof kinds)[keyof typeof kinds] | "other"

/** Each statement is one round trip. */
const kindOf = (text: string): Kind =>
  Object.entries(kinds).find(([beginning]) => text.trim().startsWith(beginning))?.[1] ?? "other"

/** Drains the events of tbilisi once, and answers how many statements of each kind that took. */
const drained = Effect.fnUntraced(function* (ends: number) {
  const counts: Partial<Record<Kind, number>> = {}
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const attribute = span.attribute.bind(span)
      span.attribute = (key, value) => {
        attribute(key, value)
        if (key !== "db.query.text") return
        const kind = kindOf(String(value))
        counts[kind] = (counts[kind] ?? 0) + 1
      }
      return span
    }
  })
  yield* Effect.gen(function* () {
    const actor = yield* BranchActor.BranchActor.client
    yield* actor("tbilisi").Wake()
  }).pipe(
    Effect.provide(BranchActor.layer.pipe(Layer.provideMerge(dependencies()))),
    Effect.provideService(Tracer.Tracer, tracer)
  )
  const { take = 0, ...others } = counts
  // What is due, whether more is where that was a whole batch, and whether more is whenever some of them have ended.
  assert.isAtMost(take, 2 + 3 * ends)
  return others
})

const events = (type: string, count: number) => insert(...Arr.range(1, count).map((id) => about(type, id)))

describe("statements and calls that a take costs", () => {
  it.live.each([1, 50, 500])("%i records that are gone: one write, one settle, no call", (count) =>
    Effect.gen(function* () {
      yield* events("car_destroy", count)
      assert.deepStrictEqual(yield* drained(1), { write: 1, settle: 1 })
      yield* allProcessed
      assert.deepStrictEqual(yield* reads, [])
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("while others write rows, what was taken is settled before more is taken", () => {
    const order: Array<string> = []
    return Effect.gen(function* () {
      const takes = yield* Queue.unbounded<Deferred.Deferred<void>>()
      /** A `Wake` comes during each take. */
      const woken = Layer.effect(
        Events,
        Events.use((all) =>
          Effect.succeed(
            Events.of({
              ...all,
              take: (branch, except) =>
                Effect.gen(function* () {
                  order.push("take")
                  const isTold = yield* Deferred.make<void>()
                  yield* Queue.offer(takes, isTold)
                  yield* Deferred.await(isTold)
                  return yield* all.take(branch, except)
                }),
              settleAll: (outcomes) =>
                Effect.tap(all.settleAll(outcomes), () => Effect.sync(() => order.push("settled")))
            })
          )
        )
      )
      yield* events("car_destroy", 1500)
      yield* Effect.gen(function* () {
        const actor = (yield* BranchActor.BranchActor.client)("tbilisi")
        const others = Effect.forever(
          Effect.flatMap(Queue.take(takes), (isTold) =>
            Effect.andThen(actor.Wake(), Deferred.succeed(isTold, undefined))
          )
        )
        yield* actor.Wake(undefined, { discard: true })
        yield* Effect.raceFirst(allProcessed, others)
      }).pipe(Effect.provide(BranchActor.layer.pipe(Layer.provideMerge(dependencies({ events: woken })))))
      assert.deepStrictEqual(order.slice(0, 6), ["take", "settled", "take", "settled", "take", "settled"])
    }).pipe(Effect.provide(surroundings()))
  })

  it.live.each([
    { count: 1, calls: ["/cars/1"] },
    { count: 50, calls: ["/all_cars_full"] },
    { count: 100, calls: ["/all_cars_full"] }
  ])(
    "$count records that are new: one write, one look at what waits for them, one settle, one call",
    ({ calls, count }) =>
      Effect.gen(function* () {
        const simulator = yield* Simulator
        for (const id of Arr.range(1, count)) yield* simulator.put("car", { id, company_id: 9247 })
        yield* events("car_update", count)
        assert.deepStrictEqual(yield* drained(1), { write: 1, "look for what waits": 1, settle: 1 })
        yield* allProcessed
        assert.deepStrictEqual(yield* reads, calls)
      }).pipe(Effect.provide(surroundings()))
  )

  it.live("200 records that are new: a call, a write and a settle for each page of a hundred", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      for (const id of Arr.range(1, 200)) yield* simulator.put("car", { id, company_id: 9247 })
      yield* events("car_update", 200)
      const { other, settle = 0, write = 0 } = yield* drained(2)
      assert.isUndefined(other)
      // Pages that come while a statement is under way share the next.
      assert.isAtMost(write, 2)
      assert.isAtMost(settle, 2)
      yield* allProcessed
      assert.deepStrictEqual(
        yield* reads,
        Arr.makeBy(2, () => "/all_cars_full")
      )
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("a booking whose car and client are missing: each is fetched and written once", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      yield* simulator.put("client", { id: 2, company_id: 9247 })
      yield* simulator.put("booking", { id: 3, company_id: 9247, car_id: 1, client_id: 2 })
      yield* insert(about("booking_update", 3))
      assert.deepStrictEqual(yield* drained(1), { known: 4, write: 3, "look for what waits": 3, settle: 1 })
      yield* allProcessed
      assert.deepStrictEqual((yield* reads).toSorted(), ["/bookings/3", "/cars/1", "/clients/2"])
    }).pipe(Effect.provide(surroundings()))
  )
})
