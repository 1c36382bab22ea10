/**
 * Group commit: rows that come while a statement is under way share the next one. A burst costs few transactions, and a
 * row that comes alone waits for nobody. However much comes, a statement takes no more than the server does in a moment.
 */
import { Clock, Deferred, Duration, Effect, Exit, Latch, Result, Schedule } from "effect"
import type { SqlError } from "effect/sql"
import { DatabaseError } from "../domain/Reason.ts"
import { type Arrival, arrivals, rowSize } from "./arrivals.ts"
import { databaseError, isOfTheValue } from "./Database.ts"
import { isOfTheConnection } from "./refusal.ts"
import { within } from "./within.ts"

interface GroupCommit<A> {
  /** Writes rows in one statement. A row that it has written before it leaves alone. */
  readonly write: (rows: ReadonlyArray<A>) => Effect.Effect<unknown, SqlError.SqlError>
  /** What becomes of a row that PostgreSQL refuses. */
  readonly otherwise: (row: A) => A
  /** What makes a row large. */
  readonly textOf: (row: A) => string
  /** How many statements may be under way at once. */
  readonly writers: number
}

/** How much may wait, in characters: beyond, whoever brings more is told to come again. */
const mostWaiting = 64 * 1024 * 1024

/** How much a statement may bring: at first, and where the server is quick. */
const firstRoom = 256 * 1024
const mostRoom = 1024 * 1024

/** Where a statement that had no room left took no longer, the next may bring twice as much. */
const quick = Duration.seconds(1)

/** How long a database that went away is given to come back, before whoever waits is told to come again. */
const tryAgain = Schedule.max([Schedule.spaced("100 millis"), Schedule.during("3 seconds")])

/** How long a statement may take with all that. One that takes longer brought too much, or the server is frozen. */
const limit = Duration.seconds(6)

/** How long whoever brings rows waits for everything. */
const patience = "25 seconds"

/** The same while the database is away. */
const patienceWhileAway = Duration.toMillis("8 seconds")

/** What rows were not written for. */
type Failure = SqlError.SqlError | DatabaseError
const isRefused = (error: Failure): boolean => error._tag === "SqlError" && isOfTheValue(error)
const tookTooLong = (error: Failure): boolean =>
  error._tag === "DatabaseError" || error.reason._tag === "StatementTimeoutError"

/**
 * The way to write rows down: it succeeds when all of them are committed. What is committed stays, however the others fare.
 * Where PostgreSQL refuses a value, smaller and smaller parts get a statement of their own, and the refused row is written as
 * `otherwise` makes it; where a statement takes too long, its halves get one each. The writers end with the scope.
 */
export const groupCommit = Effect.fnUntraced(function* <A>({
  otherwise,
  textOf,
  write,
  writers
}: GroupCommit<A>) {
  const { add, end, endThoseBy, next, waiting } = arrivals(textOf)
  const someWait = yield* Latch.make(false)
  let room = firstRoom

  const commit = (rows: ReadonlyArray<A>) =>
    write(rows).pipe(
      Effect.retry({ schedule: tryAgain, while: (error) => !isRefused(error) && !tookTooLong(error) }),
      within(limit)
    )

  const tell = (batch: ReadonlyArray<Arrival<A>>, exit: Exit.Exit<void, DatabaseError>) => {
    for (const { post } of batch) {
      if (Exit.isSuccess(exit)) post.committed += 1
      if (Exit.isFailure(exit) || post.committed === post.rows.length) end(post, exit)
    }
  }

  const fail = Effect.fnUntraced(function* (batch: ReadonlyArray<Arrival<A>>, error: Failure) {
    const exit = Exit.fail(error._tag === "SqlError" ? databaseError(error) : error)
    tell(batch, exit)
    if (error._tag === "SqlError" && isOfTheConnection(error)) {
      endThoseBy((yield* Clock.currentTimeMillis) - patienceWhileAway, exit)
    }
  })

  /** Writes those that somebody still waits for. */
  const settle = (taken: ReadonlyArray<Arrival<A>>): Effect.Effect<void> =>
    Effect.gen(function* () {
      const batch = taken.filter(({ post }) => !post.isOver)
      if (batch.length === 0) return
      const half = Math.ceil(batch.length / 2)
      const inHalves = Effect.forEach([batch.slice(0, half), batch.slice(half)], settle, { discard: true })
      const size = batch.reduce((sum, row) => sum + row.size, 0)
      // Less has taken too long since these were taken.
      if (batch.length > 1 && size >= 2 * room) return yield* inHalves
      const result = yield* Effect.result(Effect.timed(commit(batch.map(({ row }) => row))))
      if (Result.isSuccess(result)) {
        const [took] = result.success
        if (Duration.isLessThanOrEqualTo(took, quick) && size > room / 2) room = Math.min(room * 2, mostRoom)
        return tell(batch, Exit.void)
      }
      const error = result.failure
      if (tookTooLong(error)) room = Math.max(size / 2, rowSize)
      if (batch.length > 1 && (isRefused(error) || tookTooLong(error))) return yield* inHalves
      if (!isRefused(error)) return yield* fail(batch, error)
      yield* Effect.matchEffect(commit(batch.map(({ row }) => otherwise(row))), {
        onSuccess: () => Effect.sync(() => tell(batch, Exit.void)),
        onFailure: (error) => fail(batch, error)
      })
    })

  const writer = Effect.gen(function* () {
    const batch = next(room)
    if (batch.length === 0) {
      someWait.closeUnsafe()
      return yield* someWait.await
    }
    yield* Effect.catchDefect(settle(batch), (defect) => Effect.sync(() => tell(batch, Exit.die(defect))))
  }).pipe(Effect.forever)
  for (let n = 0; n < writers; n += 1) yield* Effect.forkScoped(writer)

  return Effect.fnUntraced(function* (rows: ReadonlyArray<A>) {
    if (rows.length === 0) return
    if (waiting() > mostWaiting) {
      return yield* new DatabaseError({
        detail: `more than ${mostWaiting} characters wait to be written already`
      })
    }
    const post = add(rows, yield* Clock.currentTimeMillis)
    someWait.openUnsafe()
    return yield* Deferred.await(post.outcome).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => {
          const late = new DatabaseError({ detail: "the rows were not committed in time" })
          end(post, Exit.fail(late))
          return Effect.fail(late)
        }
      })
    )
  })
})
