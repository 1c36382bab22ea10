import { Effect, type Exit } from "effect"
import type { SqlError } from "effect/sql"
import type { DatabaseError } from "../domain/Reason.ts"
import { asDatabaseError } from "./Database.ts"

/** One request of a batch, and the way to answer it. */
interface Entry<A> {
  readonly request: A
  completeUnsafe(exit: Exit.Exit<void, DatabaseError>): void
}

/**
 * Answers a batch of requests with one statement. Where that fails, each request gets a statement of its own, so that
 * one value which PostgreSQL refuses costs only the row it belongs to.
 */
export const together = <A>(
  entries: ReadonlyArray<Entry<A>>,
  statement: (requests: ReadonlyArray<A>) => Effect.Effect<unknown, SqlError.SqlError>
): Effect.Effect<void> =>
  statement(entries.map(({ request }) => request)).pipe(
    asDatabaseError,
    Effect.asVoid,
    Effect.exit,
    Effect.flatMap((exit) =>
      exit._tag === "Success" || entries.length === 1
        ? Effect.sync(() => {
            for (const entry of entries) entry.completeUnsafe(exit)
          })
        : Effect.forEach(entries, (entry) => together([entry], statement), { discard: true })
    )
  )
