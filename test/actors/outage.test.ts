import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Health } from "../../src/actors/Health.ts"
import * as probeDatabase from "../../src/actors/probeDatabase.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { about, allProcessed, insert, until } from "../support/tables.ts"
import { comeBack, goAway } from "./outage.ts"
import { Log, service, surroundings, world } from "./world.ts"

/** How Health has these parts, as `state: detail`. */
const states = (...names: ReadonlyArray<string>) =>
  Health.use((health) =>
    Effect.map(health.components, (components) =>
      components
        .filter(({ name }) => names.includes(name))
        .map(({ detail, state }) => (detail === null ? state : `${state}: ${detail}`))
    )
  )

const allUp = (all: ReadonlyArray<string>) => all.every((state) => state === "up")
const allDown = (all: ReadonlyArray<string>) => all.every((state) => state.startsWith("down: "))

describe("a database that goes away", () => {
  it.live("takes both listeners down until it is back, and then nothing was missed", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const listeners = states("event listener", "history listener")
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      yield* until(listeners, allUp)
      yield* goAway
      yield* until(listeners, allDown)
      yield* comeBack
      yield* until(listeners, allUp)
      const { lines } = yield* Log
      for (const processor of ["Event processor", "History processor"]) {
        const said = lines.filter(
          ({ message }) => message === `${processor} listens again, sweeps what it missed`
        )
        assert.lengthOf(said, 1)
      }
      yield* insert(about("car_update", 1))
      yield* allProcessed
    }).pipe(Effect.provide(world()))
  )

  it.live("is noticed by who probes it, as is that it is back", () =>
    Effect.gen(function* () {
      const clock = yield* TestClock.make()
      const probe = Layer.provide(probeDatabase.layer, Layer.succeed(Clock.Clock, clock))
      /** The database's state, a second later. */
      const later = Effect.andThen(clock.adjust("1 second"), states("database"))
      assert.deepStrictEqual(yield* states("database"), ["starting"])
      yield* Effect.gen(function* () {
        yield* until(later, allUp)
        yield* goAway
        const [why] = yield* until(later, allDown)
        assert.notStrictEqual(why, "down: ")
        yield* comeBack
        yield* until(later, allUp)
      }).pipe(Effect.provide(probe))
      assert.deepStrictEqual(yield* states("database"), ["down: it has ended"])
    }).pipe(Effect.provide(surroundings()))
  )
})

describe("a branch", () => {
  it.live("is told of from its first event on, and no longer when its actor has ended", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      const branch = states("branch tbilisi")
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* branch, [])
        yield* insert(about("car_update", 1))
        yield* allProcessed
        assert.deepStrictEqual(yield* branch, ["up"])
      }).pipe(Effect.provide(service()))
      assert.deepStrictEqual(yield* branch, [])
    }).pipe(Effect.provide(surroundings()))
  )
})
