/** Settles events, also those whose rows refuse it. */
import type { PgClient } from "@effect/sql-pg"
import { DateTime, Effect, Exit } from "effect"
import { backoff, DatabaseError, isSpent, reasonText } from "../domain/Reason.ts"
import { apart } from "./apart.ts"
import { countEvents } from "./countEvents.ts"
import { asDatabaseError } from "./Database.ts"
import { type Outcome, unchanged, writeOutcomes } from "./eventOutcomes.ts"
import { type Refusal, refuse } from "./Refusals.ts"
import { type Fault, isPassing, Suppressed, sayFault, sayRefusal } from "./refusal.ts"

/** What the row says by now, or null where it refuses to be updated at all. */
export type Settled = Outcome | null

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
  return { asked, written: { ...asked, reason, retryIn } }
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
    const outcomes = (some: ReadonlyArray<Attempt>) => some.map(({ written }) => written)
    const { done, failed } = yield* apart(attempts, (some) => writeOutcomes(sql, outcomes(some)))
    const answered = new Set([...done.map(({ id }) => id), ...failed.map(([{ asked }]) => asked.event.id)])
    const silent = attempts.filter(({ asked }) => !answered.has(asked.event.id))
    const left =
      silent.length === 0 ? [] : yield* Effect.orElseSucceed(unchanged(sql, outcomes(silent)), () => [])
    const stays = new Set(left.map(({ id }) => id))
    return {
      passing: failed.filter(([, fault]) => isPassing(fault)),
      refused: [
        ...failed.flatMap(([one, fault]) => (isPassing(fault) ? [] : [{ ...one, fault }])),
        ...silent.flatMap((one) =>
          stays.has(one.asked.event.id) ? [{ ...one, fault: new Suppressed() }] : []
        )
      ]
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
    for (const { asked } of second.refused)
      exits.set(
        asked,
        Exit.map(recorded, () => null)
      )
    for (const [{ asked }, fault] of [...first.passing, ...second.passing]) exits.set(asked, asFailed(fault))
    return outcomes.map((outcome) => exits.get(outcome) ?? Exit.succeed(outcome))
  })
}
