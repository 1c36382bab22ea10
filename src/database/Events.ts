/** The table `events`, as the actors see it: what is due, and how it went. */
import { PgClient } from "@effect/sql-pg"
import { Context, type Duration, Effect, type Exit, Layer, Request, RequestResolver } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { EntityKey } from "../domain/Entity.ts"
import type { Taken } from "../domain/Event.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { inTurn } from "../inTurn.ts"
import { type Branchless, branchlessEvents } from "./branchlessEvents.ts"
import { settleRest, type Tally } from "./crowdedEvents.ts"
import { asDatabaseError } from "./Database.ts"
import type { Ending, Outcome } from "./eventOutcomes.ts"
import { eventRows } from "./eventRows.ts"
import { KnownBranches } from "./KnownBranches.ts"
import { normaliseAgain } from "./normaliseEvents.ts"
import { type Refusing, refusing } from "./Refusals.ts"
import { type Settled, settleEvents } from "./settleEvents.ts"
import { branchesDue, take } from "./takeEvents.ts"

export class Events extends Context.Service<
  Events,
  {
    /** The branches to wake: those that have something due, and those that a person holds, who may have something in hand. */
    readonly branchesDue: Effect.Effect<ReadonlyArray<Branch>, DatabaseError>
    /**
     * What is next for a branch, by records: those that its oldest due events are about, each with all that waits for it,
     * due or not, because one fetch serves them all. Of a crowded record only the first few events of each type are
     * among them. `except` names records, as `keyText` spells them, that are being handled already. A paused branch has
     * none.
     */
    readonly take: (
      branch: Branch,
      except: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<Taken>, DatabaseError>
    /**
     * Writes an outcome down: in the row, and a failure among the attempts, a success in the timeline. Those that
     * come together, or while a statement is under way, share one. What is written is counted. A row that refuses the outcome is to say that it
     * failed, and one that refuses that as well stands in `row_refusals`.
     */
    readonly settle: (outcome: Outcome) => Effect.Effect<Settled, DatabaseError>
    /** The same of many, in one statement. */
    readonly settleAll: (
      outcomes: ReadonlyArray<Outcome>
    ) => Effect.Effect<ReadonlyArray<Exit.Exit<Settled, DatabaseError>>>
    /**
     * Settles the other events of a crowded record, as they were when it was taken, in pages: all of them where they are
     * done, else those that were due. What came or was touched later is not among them. A page can be repeated; one that
     * could not be written ends it.
     */
    readonly settleRest: (taken: Taken, ending: Ending) => Effect.Effect<Tally, DatabaseError>
    /**
     * The records of which events are due and nobody knows the branch, the longest due first, so many at most. `except`
     * names records, as `keyText` spells them, that are being asked for already.
     */
    readonly branchless: (
      except: ReadonlyArray<string>,
      most: number
    ) => Effect.Effect<ReadonlyArray<Branchless>, DatabaseError>
    /** Gives a branch to what waits for one about a record. Answers how many events that are. */
    readonly giveBranch: (record: EntityKey, branch: Branch) => Effect.Effect<number, DatabaseError>
    /** Says why its events have no branch still, and when to ask again; null parks them. Answers how many events that are. */
    readonly keepBranchless: (
      record: Branchless,
      reason: string,
      wait: Duration.Duration | null
    ) => Effect.Effect<number, DatabaseError>
    /**
     * Lets parked events be asked for whose branch not every branch has been asked for: an earlier version did not ask, or
     * no token was set. Answers how many there were.
     */
    readonly askAgain: Effect.Effect<number, DatabaseError>
    /**
     * Lets the trigger try again on rows that it could not normalise when they came, because a lock or a permission
     * stood in its way, or that came past it, and on those whose branch is known by now. Answers how many there were.
     */
    readonly normaliseAgain: Effect.Effect<number, DatabaseError>
    /** How many rows refuse to be updated, and why. */
    readonly refusing: Effect.Effect<Refusing, DatabaseError>
  }
>()("jarvis/database/Events") {
  static readonly layer: Layer.Layer<Events, never, PgClient.PgClient> = Layer.effect(
    Events,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const known = yield* KnownBranches
      const labelled = Effect.provideService(KnownBranches, known)
      const settleEach = settleEvents(sql)
      const settleOthers = settleRest(sql, settleEach)
      const takeNext = take(sql)
      const branchless = branchlessEvents(sql)

      class Settle extends Request.Class<Outcome, Settled, DatabaseError> {}
      const settling = RequestResolver.make<Settle>(
        Effect.fnUntraced(function* (entries) {
          const exits = yield* labelled(settleEach(entries.map(({ request }) => request)))
          for (const [n, exit] of exits.entries()) entries[n]?.completeUnsafe(exit)
        })
      ).pipe(inTurn("5 millis"), RequestResolver.withSpan("Events.settle"))

      return Events.of({
        branchesDue: asDatabaseError(branchesDue(sql)),
        take: (branch, except) => asDatabaseError(takeNext(branch, except)),
        settle: (outcome) => Effect.request(new Settle(outcome), settling),
        settleAll: (outcomes) => Effect.withSpan(labelled(settleEach(outcomes)), "Events.settle"),
        settleRest: (taken, ending) => labelled(settleOthers(taken, ending)),
        branchless: (except, most) => asDatabaseError(branchless.find(except, most)),
        giveBranch: (record, branch) => asDatabaseError(branchless.give(record, branch)),
        askAgain: asDatabaseError(branchless.askAgain),
        keepBranchless: (record, reason, wait) => asDatabaseError(branchless.keep(record, reason, wait)),
        normaliseAgain: asDatabaseError(normaliseAgain(sql)),
        // A parked row is tried where its branch becomes known.
        refusing: asDatabaseError(
          refusing(sql, "events", sql`(events.next_attempt_at < 'infinity' OR ${eventRows(sql).branchless})`)
        )
      })
    })
  )
}
