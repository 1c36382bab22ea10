/** Whose a record is of which events name no branch: RentProg is asked for it in one branch after the other, once. */
import { Effect, FiberMap, Latch } from "effect"
import type { Branchless } from "../database/branchlessEvents.ts"
import { Events } from "../database/Events.ts"
import { History } from "../database/History.ts"
import { Processes } from "../database/Processes.ts"
import type { Branch } from "../domain/Branch.ts"
import { type EntityKey, keyText } from "../domain/Entity.ts"
import { backoff, isSpent, unknownBranch } from "../domain/Reason.ts"
import { RentProg } from "../rentprog/RentProg.ts"
import { BranchActor } from "./Branch.ts"

/** How many records are asked for at a time: events that have a branch share its quota. */
const mostAsked = 100

/** How long a record is left alone whose events could not be written to, all or some. */
const pause = "30 seconds"

/** Whether a branch has a record, or why it cannot say. */
type Answer = boolean | { readonly why: string }

/**
 * Gives the events of a record the branch that has it, or says in them why they have none still. Answers to how many events
 * that was written.
 */
const makeFind = Effect.gen(function* () {
  const events = yield* Events
  const history = yield* History
  const processes = yield* Processes
  const rentprog = yield* RentProg
  const actor = yield* BranchActor.client
  /** Those of company tokens: records are not had with a user's. */
  const branches = yield* Effect.filter(rentprog.branches, (branch) =>
    Effect.map(rentprog.standing(branch), ({ token }) => token !== "missing")
  )

  /** Which branches have said that they lack a record, while others could not answer. */
  const lacking = new Map<string, Set<Branch>>()

  const ask = (branch: Branch, record: EntityKey): Effect.Effect<Answer> =>
    actor(branch)
      .Has(record)
      .pipe(
        Effect.map((has): Answer => has),
        Effect.catch(({ message }) => Effect.succeed({ why: `${branch}: ${message}` }))
      )

  /** RentProg: a client may be read with any branch's token. Of those that answer, the first. */
  const anyFor = Effect.fnUntraced(function* (entityType: EntityKey["entityType"]) {
    if (entityType !== "client") return undefined
    const standings = yield* Effect.orElseSucceed(processes.standings, () => new Map())
    for (const branch of branches) {
      const standing = standings.get(branch)
      if (standing?.token === "ok" && standing.breaker === "closed" && !(yield* history.isPaused(branch)))
        return branch
    }
    return branches[0]
  })

  return Effect.fnUntraced(function* (found: Branchless) {
    const { attempts, entityId, entityType, named } = found
    const record = { entityType, entityId }
    const key = keyText(record)
    if (branches.length === 0) {
      const reason = unknownBranch("no branch can be asked: RENTPROG_TOKENS has no token")
      return yield* events.keepBranchless(found, reason, null)
    }
    const branch = branches.find((branch) => branch === named) ?? (yield* anyFor(entityType))
    if (branch !== undefined) return yield* events.giveBranch(record, branch)

    // What comes anew, or is touched, may know more than those said.
    const without = (attempts > 0 ? lacking.get(key) : undefined) ?? new Set()
    lacking.set(key, without)
    const silent: Array<string> = []
    for (const branch of branches.filter((branch) => !without.has(branch))) {
      const answer = yield* ask(branch, record)
      if (answer === true) {
        lacking.delete(key)
        return yield* events.giveBranch(record, branch)
      }
      if (answer === false) without.add(branch)
      else silent.push(answer.why)
    }
    if (silent.length === 0) {
      lacking.delete(key)
      const reason = unknownBranch(`asked ${branches.join(", ")}: none has ${entityType} ${entityId}`)
      yield* Effect.logWarning("events parked, no branch has their record")
      return yield* events.keepBranchless(found, reason, null)
    }
    const isLast = isSpent("rentprog_unavailable", attempts + 1)
    if (isLast) lacking.delete(key)
    const reason = unknownBranch(
      `not every branch could be asked for ${entityType} ${entityId}: ${silent.join("; ")}`
    )
    return yield* events.keepBranchless(found, reason, isLast ? null : yield* backoff(attempts + 1))
  })
})

/**
 * Finds the branches of events that have none, each time that it is told to `look`, until it is interrupted. No record waits
 * for another.
 */
export const findBranches = Effect.gen(function* () {
  const events = yield* Events
  const find = yield* makeFind
  const asking = yield* FiberMap.make<string, void, never>()
  const news = Latch.makeUnsafe()

  const findOne = (found: Branchless) =>
    find(found).pipe(
      // The rows are still due: asking again at once would ask RentProg again at once.
      Effect.flatMap((touched) => (touched === 0 ? Effect.sleep(pause) : Effect.void)),
      Effect.catchCause((cause) =>
        Effect.andThen(
          Effect.logError("the branch of a record could not be looked for, it is tried again", cause),
          Effect.sleep(pause)
        )
      ),
      Effect.annotateLogs({ record: keyText(found) })
    )

  let isAskedAgain = false
  const run = Effect.gen(function* () {
    // Once: settings change with a new start.
    if (!isAskedAgain) yield* events.askAgain
    isAskedAgain = true
    // What was told before it failed is forgotten.
    news.openUnsafe()
    while (true) {
      yield* news.await
      news.closeUnsafe()
      const busy = Array.from(asking, ([key]) => key)
      const found = busy.length < mostAsked ? yield* events.branchless(busy, mostAsked - busy.length) : []
      for (const one of found) {
        const fiber = yield* FiberMap.run(asking, keyText(one), findOne(one))
        fiber.addObserver(() => news.openUnsafe())
      }
    }
  })

  return { look: Effect.sync(() => news.openUnsafe()), run }
})
