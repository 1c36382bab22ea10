import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric } from "effect"
import { Health } from "../../src/actors/Health.ts"
import { restarts } from "../../src/actors/supervise.ts"
import { Events } from "../../src/database/Events.ts"
import { DatabaseError } from "../../src/domain/Reason.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { about, allProcessed, events, insert, until } from "../support/tables.ts"
import { readsOf } from "./calls.ts"
import { Log, world } from "./world.ts"

/** The table `events` with something in its way. */
const disturbed = (disturb: (events: typeof Events.Service) => Partial<typeof Events.Service>) =>
  Layer.effect(
    Events,
    Events.use((events) => Effect.succeed(Events.of({ ...events, ...disturb(events) })))
  )

const restartsOf = (name: string) =>
  Effect.map(Metric.value(Metric.withAttributes(restarts, { name })), ({ count }) => Number(count))

/** What Health says of tbilisi. */
const branchPart = Effect.flatMap(Health, ({ components }) =>
  Effect.map(components, (all) => all.find(({ name }) => name === "branch tbilisi"))
)

const putCars = Effect.gen(function* () {
  const simulator = yield* Simulator
  yield* simulator.put("car", { id: 1, company_id: 9247 })
  yield* simulator.put("car", { id: 2, company_id: 9248 })
})

describe("a branch", () => {
  it.live.each([
    { how: "dies", breakdown: Effect.die(new Error("a defect in take")) },
    { how: "fails", breakdown: Effect.fail(new DatabaseError({ detail: "take failed" })) }
  ])("whose drain $how stops no other branch, and starts again", ({ breakdown }) => {
    let broken = true
    const events_ = disturbed(({ take }) => ({
      take: (branch, except) => (broken && branch === "tbilisi" ? breakdown : take(branch, except))
    }))
    return Effect.gen(function* () {
      const before = yield* restartsOf("branch tbilisi")
      yield* putCars
      yield* insert(about("car_update", 1, "tbilisi"))
      yield* until(restartsOf("branch tbilisi"), (count) => count > before)
      yield* insert(about("car_update", 2, "kutaisi"))
      const rows = yield* until(events, (rows) => rows.some(({ processed }) => processed))
      assert.deepStrictEqual(
        rows.map(({ branch, processed }) => [branch, processed]),
        [
          ["tbilisi", false],
          ["kutaisi", true]
        ]
      )
      broken = false
      yield* allProcessed
      assert.strictEqual(yield* restartsOf("branch kutaisi"), 0)
      const { lines } = yield* Log
      assert.isTrue(lines.some(({ message }) => message.startsWith("branch tbilisi failed, starts again in")))
    }).pipe(Effect.provide(world({ events: events_ })))
  })
})

describe("the eventProcessor", () => {
  it.live("that cannot sweep starts again", () => {
    let broken = true
    const events_ = disturbed(({ branchesDue }) => ({
      branchesDue: Effect.suspend(() =>
        broken ? Effect.fail(new DatabaseError({ detail: "no sweep" })) : branchesDue
      )
    }))
    return Effect.gen(function* () {
      yield* until(restartsOf("event listener"), (count) => count > 0)
      yield* until(restartsOf("event fallback"), (count) => count > 0)
      broken = false
      yield* putCars
      yield* insert(about("car_update", 1))
      yield* allProcessed
    }).pipe(Effect.provide(world({ events: events_, fallbackInterval: "200 millis" })))
  })
})

describe.concurrent("an outcome that cannot be written down", () => {
  it.live.each([
    { how: "a failure", breakdown: Effect.fail(new DatabaseError({ detail: "settle failed" })) },
    { how: "a defect", breakdown: Effect.die(new Error("a defect in settle")) }
  ])("does not have the record fetched again and again: $how", ({ breakdown }) => {
    let broken = true
    const events_ = disturbed(({ settle }) => ({
      settle: (outcome) => (broken && outcome.event.id === "1" ? breakdown : settle(outcome))
    }))
    return Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* putCars
      yield* insert(about("car_update", 1))
      yield* until(readsOf("/cars/1"), (count) => count === 1)
      const part = yield* until(branchPart, (part) => part?.state === "down")
      assert.strictEqual(
        part?.detail,
        "the events of 1 record could not be settled, they stay due: see the log"
      )
      // Each of these has the branch look for what is due.
      for (let id = 10; id < 20; id += 1) {
        yield* simulator.put("client", { id })
        yield* insert(about("client_update", id))
        yield* until(events, (rows) => rows.at(-1)?.processed === true)
      }
      assert.strictEqual(yield* readsOf("/cars/1"), 1)
      broken = false
      yield* allProcessed
      assert.strictEqual(yield* readsOf("/cars/1"), 2)
      yield* until(branchPart, (part) => part?.state === "up")
    }).pipe(Effect.provide(world({ events: events_ })))
  })

  it.live("is forgotten with a row that somebody discards", () => {
    const events_ = disturbed(() => ({
      settle: () => Effect.fail(new DatabaseError({ detail: "settle failed" }))
    }))
    return Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* putCars
      yield* insert(about("car_update", 1))
      yield* until(branchPart, (part) => part?.state === "down")
      yield* sql`UPDATE events SET processed = true, ok = false, reason = 'discarded: a test'`
      yield* until(branchPart, (part) => part?.state === "up")
    }).pipe(Effect.provide(world({ events: events_ })))
  })
})
