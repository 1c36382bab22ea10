/** How a branch stands, as its actor says it. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as BranchActor from "../../src/actors/Branch.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { Standings } from "../../src/http/Standings.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { dependencies, surroundings } from "../actors/world.ts"
import { standing } from "./admin.ts"

/** RentProg's client knows of tbilisi, waits for ever for kutaisi, and fails for any other. */
const rentprog = Layer.effect(
  RentProg,
  Effect.map(RentProg, (real) =>
    RentProg.of({
      ...real,
      standing: (branch) =>
        branch === "tbilisi"
          ? Effect.succeed(standing)
          : branch === "kutaisi"
            ? Effect.never
            : Effect.die("unknown")
    })
  )
)

const tests = Layer.merge(Standings.layer, BranchActor.layer).pipe(
  Layer.provide(dependencies({ rentprog })),
  Layer.provide(surroundings())
)

layer(tests, { excludeTestServices: true })("Standings", (it) => {
  it.effect("is null for a branch whose actor does not answer", () =>
    Effect.gen(function* () {
      const standings = yield* Standings
      const of = (branch: string) => standings.of(Branch.make(branch))
      assert.deepStrictEqual(yield* of("tbilisi"), standing)
      assert.isNull(yield* of("kutaisi"))
      assert.isNull(yield* of("batumi"))
      assert.deepStrictEqual(yield* of("tbilisi"), standing)
    })
  )
})
