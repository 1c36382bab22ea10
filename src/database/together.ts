import { Effect, Exit } from "effect"
import type { SqlError } from "effect/sql"
import { DatabaseError } from "../domain/Reason.ts"
import { apart } from "./apart.ts"
import { sayFault } from "./refusal.ts"

/** One request of a batch, and the way to answer it. */
interface Entry<A> {
  readonly request: A
  completeUnsafe(exit: Exit.Exit<void, DatabaseError>): void
}

/** Answers a batch of requests with one statement, or as few as it takes for one refused value to cost only its own row. */
export const together = <A>(
  entries: ReadonlyArray<Entry<A>>,
  statement: (requests: ReadonlyArray<A>) => Effect.Effect<unknown, SqlError.SqlError>
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { failed } = yield* apart(entries, (some) =>
      Effect.as(statement(some.map(({ request }) => request)), [])
    )
    const faults = new Map(failed)
    for (const entry of entries) {
      const fault = faults.get(entry)
      entry.completeUnsafe(
        fault === undefined ? Exit.void : Exit.fail(new DatabaseError({ detail: sayFault(fault) }))
      )
    }
  })
