/** A branch's actor, in a process that may have lost the branch while it was frozen. */
import { assert, it } from "@effect/vitest"
import { Effect, Latch, Layer } from "effect"
import { Tenure } from "../../src/rentprog/Tenure.ts"
import { about, allProcessed, events, insert } from "../support/tables.ts"
import { world } from "./world.ts"

const asked = Latch.makeUnsafe()
const certain = Latch.makeUnsafe()
const tenure = Layer.succeed(Tenure, {
  holds: () => asked.open.pipe(Effect.andThen(certain.await), Effect.as(true)),
  isCertain: () => Effect.sync(() => certain.isOpen()),
  arrivals: () => Effect.succeed(0)
})

it.live("takes no event before it is certain that it has the branch", () =>
  Effect.gen(function* () {
    // Nothing is asked of RentProg for it.
    yield* insert(about("car_destroy", 1))
    yield* asked.await
    assert.isFalse((yield* events)[0]?.processed)
    yield* certain.open
    yield* allProcessed
  }).pipe(Effect.provide(world().pipe(Layer.provide(tenure))))
)
