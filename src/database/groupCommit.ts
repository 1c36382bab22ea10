/**
 * Group commit: rows that come while a statement is under way share the next one. A burst costs few transactions, and a
 * row that comes alone waits for nobody.
 */
import { Deferred, Duration, Effect, Queue, Schedule } from "effect"
import type { SqlError } from "effect/sql"
import { DatabaseError } from "../domain/Reason.ts"
import { asDatabaseError, isOfTheValue } from "./Database.ts"
import { within } from "./within.ts"

/** Writes rows in one statement. A row that it has written before it leaves alone. */
export type Write<A> = (rows: ReadonlyArray<A>) => Effect.Effect<unknown, SqlError.SqlError>

/** How many rows may wait: beyond, whoever brings one is told to come again. */
const mostWaiting = 5000

const mostTogether = 200

/** While one statement is under way, another may begin. */
const writers = 2

/** How long a database that went away is given to come back, before whoever waits is told to come again. */
const tryAgain = Schedule.max([Schedule.spaced("100 millis"), Schedule.during("3 seconds")])

/** How long a statement may take with all that: a server that is frozen must not hold the writers for good. */
const limit = Duration.seconds(6)

/** How long whoever brings a row waits for everything. */
const patience = "8 seconds"

/** What a row was not written for. */
type Failure = SqlError.SqlError | DatabaseError
const isRefused = (error: Failure): boolean => error._tag === "SqlError" && isOfTheValue(error)

/**
 * The way to write a row down: it succeeds when the row is committed. Where PostgreSQL refuses a value, each row of the
 * statement gets one of its own, and the refused one is written as `otherwise` makes it. The writers end with the scope.
 */
export const groupCommit = Effect.fnUntraced(function* <A>(write: Write<A>, otherwise: (row: A) => A) {
  const waiting = yield* Queue.dropping<Waiting<A>>(mostWaiting)

  const commit = (rows: ReadonlyArray<A>) =>
    write(rows).pipe(
      Effect.asVoid,
      Effect.retry({ schedule: tryAgain, while: (error) => !isOfTheValue(error) }),
      within(limit)
    )
  const alone = (row: A) => Effect.catchIf(commit([row]), isRefused, () => commit([otherwise(row)]))

  const tell = (batch: ReadonlyArray<Waiting<A>>, outcome: Effect.Effect<void, Failure>) =>
    Effect.map(
      Effect.exit(Effect.catchTag(outcome, "SqlError", (error) => asDatabaseError(Effect.fail(error)))),
      (exit) => {
        for (const { committed } of batch) Deferred.doneUnsafe(committed, exit)
      }
    )

  const writer = Effect.gen(function* () {
    const batch = (yield* Queue.takeBetween(waiting, 1, mostTogether)).filter(({ given }) => !given.up)
    if (batch.length === 0) return
    yield* commit(batch.map(({ row }) => row)).pipe(
      Effect.matchEffect({
        onSuccess: () => tell(batch, Effect.void),
        onFailure: (error) =>
          isRefused(error)
            ? Effect.forEach(batch, (one) => tell([one], alone(one.row)), { discard: true })
            : tell(batch, Effect.fail(error))
      }),
      Effect.catchDefect((defect) => tell(batch, Effect.die(defect)))
    )
  }).pipe(Effect.forever)
  for (let n = 0; n < writers; n += 1) yield* Effect.forkScoped(writer)

  return Effect.fnUntraced(function* (row: A) {
    const committed = yield* Deferred.make<void, DatabaseError>()
    const given = { up: false }
    if (!(yield* Queue.offer(waiting, { row, committed, given }))) {
      return yield* new DatabaseError({ detail: `${mostWaiting} rows wait to be written already` })
    }
    return yield* Deferred.await(committed).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => {
          given.up = true
          return Effect.fail(new DatabaseError({ detail: "the row was not committed in time" }))
        }
      })
    )
  })
})

interface Waiting<A> {
  readonly row: A
  readonly committed: Deferred.Deferred<void, DatabaseError>
  /** Whoever brought it was told to come again: it is not written unless that has begun. */
  readonly given: { up: boolean }
}
