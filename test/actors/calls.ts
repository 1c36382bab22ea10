import { Effect } from "effect"
import { Simulator } from "../../src/simulator/Simulator.ts"

/** The paths of the reads that the simulated RentProg got so far, those for tokens apart. */
export const reads = Effect.gen(function* () {
  const calls = yield* (yield* Simulator).calls
  return calls.map(({ path }) => path).filter((path) => path !== "/get_token")
})

/** How often a path was read. */
export const readsOf = (path: string) =>
  Effect.map(reads, (paths) => paths.filter((read) => read === path).length)
