import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import * as BranchActor from "../../src/actors/Branch.ts"
import { Events } from "../../src/database/Events.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { about, allProcessed, events, insert, until, wake } from "../support/tables.ts"
import { reads } from "./calls.ts"
import { dependencies, surroundings, type WorldOptions, world } from "./world.ts"

const pause = (branch: string) =>
  PgClient.PgClient.use(
    (sql) => sql`INSERT INTO paused_branches (branch, paused_by) VALUES (${branch}, 'Anna')`
  )
const resume = PgClient.PgClient.use((sql) => sql`DELETE FROM paused_branches`)

const actor = (branch: string) => Effect.map(BranchActor.BranchActor.client, (client) => client(branch))

/** The branches' actors alone, with nobody to wake them but the test. */
const alone = (options: WorldOptions = {}) =>
  BranchActor.layer.pipe(Layer.provideMerge(dependencies(options)), Layer.provideMerge(surroundings(options)))
const actors = alone()

describe("a paused branch", () => {
  it.live("asks RentProg nothing for its events until it is resumed; the others go on", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      yield* simulator.put("car", { id: 2, company_id: 9248 })
      yield* pause("tbilisi")
      yield* insert(about("car_update", 1, "tbilisi"), about("car_update", 2, "kutaisi"))
      // Looks that find nothing to do for tbilisi lie between: kutaisi is done after them.
      for (let n = 0; n < 3; n += 1) yield* wake("tbilisi")
      yield* until(events, (rows) => rows[1]?.processed === true)
      assert.deepStrictEqual(yield* reads, ["/cars/2"])
      yield* resume
      yield* wake("tbilisi")
      yield* allProcessed
      assert.deepStrictEqual(yield* reads, ["/cars/2", "/cars/1"])
    }).pipe(Effect.provide(world()))
  )

  it.live("gives up what waits for RentProg when it is told, and takes it again when it is resumed", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      const unhang = yield* simulator.fault(Fault.Hang(), { id: 1 })
      yield* insert(about("car_update", 1))
      const tbilisi = yield* actor("tbilisi")
      yield* tbilisi.Wake(undefined, { discard: true })
      yield* until(reads, ({ length }) => length === 1)
      yield* pause("tbilisi")
      yield* tbilisi.Wake()
      yield* unhang
      yield* resume
      yield* tbilisi.Wake(undefined, { discard: true })
      // What hangs would hang for an hour.
      const [row] = yield* allProcessed
      assert.strictEqual(row?.attempts, 1)
    }).pipe(Effect.provide(alone({ patience: { callTimeout: "1 hour" } })))
  )

  it.live("begins nothing that it was taking when it was told", () => {
    const taken = Deferred.makeUnsafe<void>()
    const goOn = Deferred.makeUnsafe<void>()
    const slow = Layer.effect(
      Events,
      Events.use((events) =>
        Effect.succeed(
          Events.of({
            ...events,
            take: (branch, except) =>
              Effect.tap(events.take(branch, except), (found) =>
                branch === "tbilisi" && found.length > 0
                  ? Effect.andThen(Deferred.succeed(taken, undefined), Deferred.await(goOn))
                  : Effect.void
              )
          })
        )
      )
    )
    return Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      yield* simulator.put("car", { id: 2, company_id: 9248 })
      yield* insert(about("car_update", 1, "tbilisi"), about("car_update", 2, "kutaisi"))
      const tbilisi = yield* actor("tbilisi")
      yield* tbilisi.Wake(undefined, { discard: true })
      yield* Deferred.await(taken)
      yield* pause("tbilisi")
      yield* tbilisi.Wake()
      yield* Deferred.succeed(goOn, undefined)
      yield* (yield* actor("kutaisi")).Wake()
      assert.deepStrictEqual(yield* reads, ["/cars/2"])
      yield* resume
      yield* tbilisi.Wake(undefined, { discard: true })
      yield* allProcessed
    }).pipe(Effect.ensuring(Deferred.succeed(goOn, undefined)), Effect.provide(alone({ events: slow })))
  })

  it.live("has its log read from where it was, once it is resumed", () =>
    Effect.gen(function* () {
      const tbilisi = yield* actor("tbilisi")
      yield* pause("tbilisi")
      yield* tbilisi.ReadLog()
      assert.deepStrictEqual(yield* reads, [])
      yield* resume
      yield* tbilisi.ReadLog()
      assert.lengthOf(yield* reads, 1)
    }).pipe(Effect.provide(actors))
  )

  it.live("gives up the reading of its log when it is told", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const unhang = yield* simulator.fault(Fault.Hang(), { path: "/search_operations" })
      const tbilisi = yield* actor("tbilisi")
      const reading = yield* Effect.forkChild(tbilisi.ReadLog())
      yield* until(reads, ({ length }) => length === 1)
      yield* pause("tbilisi")
      yield* tbilisi.Wake()
      // What hangs would hang for an hour.
      yield* Fiber.await(reading)
      yield* unhang
      yield* resume
      yield* tbilisi.ReadLog()
      assert.lengthOf(yield* reads, 2)
    }).pipe(Effect.provide(alone({ patience: { callTimeout: "1 hour" } })))
  )

  it.live("ends what is in flight", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      yield* simulator.put("car", { id: 2, company_id: 9247 })
      yield* insert(about("car_update", 1))
      const tbilisi = yield* actor("tbilisi")
      yield* tbilisi.Wake(undefined, { discard: true })
      yield* until(reads, ({ length }) => length === 1)
      yield* pause("tbilisi")
      yield* insert(about("car_update", 2))
      yield* until(events, (rows) => rows[0]?.processed === true)
      // Returns when nothing is left to do.
      yield* tbilisi.Wake()
      assert.isFalse((yield* events)[1]?.processed)
      assert.deepStrictEqual(yield* reads, ["/cars/1"])
    }).pipe(Effect.provide(actors))
  )
})
