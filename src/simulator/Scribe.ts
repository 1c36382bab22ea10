/**
 * Who writes a day into the operations log: what happened, what else was done, and what nobody can read.
 */
import { Effect, Predicate, Random } from "effect"
import type { Branch } from "../domain/Branch.ts"
import { branchOf } from "./Companies.ts"
import { deedsOf } from "./Deeds.ts"
import type { Happening } from "./Happenings.ts"
import { type Doing, makeOffice } from "./Office.ts"
import { people, sentence, unreadable } from "./Sentence.ts"
import { Simulator } from "./Simulator.ts"

const chance = (share: number): Effect.Effect<boolean> => Effect.map(Random.next, (random) => random < share)

/** The branch in which it was done: of a car that moved, the one it left. */
const branchOfHappening = ({ body, record }: Happening): Branch | undefined =>
  branchOf(record["company_id"] ?? body["company_id"] ?? null)

/** Writes entries, of which `garbage`, a share from 0 to 1, cannot be read. */
export const makeScribe = Effect.fnUntraced(function* (garbage: number) {
  const simulator = yield* Simulator
  const office = yield* makeOffice

  const write = Effect.fnUntraced(function* ({ branch, deed, who }: Doing, name?: string) {
    const { description, says } = yield* sentence(deed, who, name)
    const about = (yield* chance(0.3))
      ? {}
      : { entity_type: deed.entity_type, entity_id: Number(deed.entity_id) }
    const operation_type = deed.operation
    yield* simulator.log(branch, { description, says, operation_type, user_name: who.name, ...about })
    if (yield* chance(garbage / (1 - garbage))) {
      yield* simulator.log(branch, { description: yield* Random.choice(unreadable), garbage: true })
    }
  })

  const tell = Effect.fnUntraced(function* (happening: Happening) {
    const branch = branchOfHappening(happening)
    if (branch === undefined) return
    const who = yield* Random.choice(people)
    const code = happening.record["code"]
    const name = Predicate.isString(code) && (yield* chance(0.8)) ? code : undefined
    for (const deed of deedsOf(happening, yield* chance(0.3))) yield* write({ branch, who, deed }, name)
  })

  /** What just happened, and at times something that only the log tells. */
  return Effect.fnUntraced(function* (happened: ReadonlyArray<Happening>) {
    for (const happening of happened) yield* tell(happening)
    if (!(yield* chance(0.4))) return
    for (const doing of yield* office.next) yield* write(doing)
  })
})
