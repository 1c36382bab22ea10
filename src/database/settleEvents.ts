/** Settles events, also those whose rows refuse it. */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Exit } from "effect"
import { backoff, DatabaseError, isSpent, reasonText } from "../domain/Reason.ts"
import { apart } from "./apart.ts"
import { countEvents } from "./countEvents.ts"
import { asDatabaseError } from "./Database.ts"
import { type Outcome, writeOutcomes } from "./eventOutcomes.ts"
import { type Refusal, refuse } from "./Refusals.ts"
import { type Fault, isPassing, Suppressed, sayFault, sayRefusal } from "./refusal.ts"

/**
 * What the row says by now. `refused`: it refuses to be updated at all; `touched`: somebody has touched it since it was taken,
 * and it begins anew; `locked`: somebody holds it, and it stays as it is.
 */
export type Settled = Outcome | "refused" | "touched" | "locked"

/** An outcome, and what is to stand in the row: another one, where the row has refused the first. */
interface Attempt {
  readonly asked: Outcome
  readonly written: Outcome
}

interface Refused extends Attempt {
  readonly fault: Fault
}

/** The row may take that it failed, where it does not take that it is done. */
const asFailure = Effect.fnUntraced(function* ({ asked, fault }: Refused): Effect.fn.Return<Attempt> {
  const attempts = asked.event.attempts + 1
  const reason = reasonText(new DatabaseError({ detail: sayFault(fault) }))
  const retryIn = isSpent("database_error", attempts) ? null : (asked.retryIn ?? (yield* backoff(attempts)))
  return { asked, written: { ...asked, processed: false, reason, retryIn } }
})

const asRefusal = ({ asked: { event, took }, fault }: Refused): Refusal => ({
  id: event.id,
  since: DateTime.formatIso(DateTime.addDuration(DateTime.makeUnsafe(event.taken_at), took)),
  why: sayRefusal(fault)
})

const asFailed = (fault: Fault) => Exit.fail(new DatabaseError({ detail: sayFault(fault) }))

/** As `Events.settle` says, of many at once. */
export const settleEvents = (sql: PgClient.PgClient) => {
  const attempt = Effect.fnUntraced(function* (attempts: ReadonlyArray<Attempt>) {
    const { done, failed } = yield* apart(attempts, (some) =>
      writeOutcomes(
        sql,
        some.map(({ written }) => written)
      )
    )
    const became = new Map(done.map(({ became, id }) => [id, became]))
    const those = (what: "suppressed" | "locked" | "touched") =>
      attempts.filter(({ asked }) => became.get(asked.event.id) === what)
    return {
      passing: failed.filter(([, fault]) => isPassing(fault)),
      refused: [
        ...failed.flatMap(([one, fault]) => (isPassing(fault) ? [] : [{ ...one, fault }])),
        ...those("suppressed").map((one) => ({ ...one, fault: new Suppressed() }))
      ],
      locked: those("locked"),
      touched: those("touched")
    }
  })

  return Effect.fnUntraced(function* (
    outcomes: ReadonlyArray<Outcome>
  ): Effect.fn.Return<ReadonlyArray<Exit.Exit<Settled, DatabaseError>>> {
    const first = yield* attempt(outcomes.map((outcome) => ({ asked: outcome, written: outcome })))
    const instead = yield* Effect.forEach(first.refused, asFailure)
    const second = yield* attempt(instead)
    const recorded = yield* Effect.exit(asDatabaseError(refuse(sql, "events", second.refused.map(asRefusal))))
    yield* Effect.forEach(
      second.refused,
      ({ written: { event, reason } }) => countEvents({ ...event, reason, count: 1, seconds: [] }),
      { discard: true }
    )

    const exits = new Map<Outcome, Exit.Exit<Settled, DatabaseError>>()
    for (const { asked, written } of instead) exits.set(asked, Exit.succeed(written))
    for (const { asked } of second.refused) {
      exits.set(
        asked,
        Exit.map(recorded, () => "refused")
      )
    }
    for (const { locked, passing, touched } of [first, second]) {
      for (const { asked } of locked) exits.set(asked, Exit.succeed("locked"))
      for (const { asked } of touched) exits.set(asked, Exit.succeed("touched"))
      for (const [{ asked }, fault] of passing) exits.set(asked, asFailed(fault))
    }
    return outcomes.map((outcome) => exits.get(outcome) ?? Exit.succeed(outcome))
  })
}
