/** What the parts of the benchmark have in common. */
import type { PgClient } from "@effect/sql-pg"
import { Clock, Context, Data, Duration, Effect, type Redacted, type Scope } from "effect"
import { makeBy, map, type NonEmptyArray, type NonEmptyReadonlyArray } from "effect/Array"
import type { SqlError } from "effect/sql"
import type { Figure } from "./Results.ts"

/** What ends a measurement that would not be true. */
export class BenchError extends Data.TaggedError("BenchError")<{ readonly message: string }> {}

/** How much is measured. */
export class Extent extends Context.Service<
  Extent,
  {
    /** How often each measurement is made; those that are compared take turns. */
    readonly rounds: number
    /** Shares of rows and of time: 1, or less for a try that proves nothing. */
    readonly share: number
  }
>()("bench/Extent") {}

/** The server that all contestants share. */
export class Server extends Context.Service<
  Server,
  {
    /** An empty database of its own, or a copy of another, until the scope closes. */
    readonly database: (
      template?: Redacted.Redacted
    ) => Effect.Effect<Redacted.Redacted, SqlError.SqlError, Scope.Scope>
    /** As a superuser or not, whoever the benchmark connects as. */
    readonly sql: PgClient.PgClient
  }
>()("bench/Server") {}

/** A group of figures that are measured together. */
export interface Part {
  readonly title: string
  /** Only with --all. */
  readonly isLong?: boolean
  readonly measure: Effect.Effect<
    ReadonlyArray<Figure>,
    BenchError | SqlError.SqlError,
    Extent | Server | Scope.Scope
  >
}

/** So many rows, or fewer in a short try. */
export const rows = (count: number) => Extent.useSync(({ share }) => Math.max(1, Math.ceil(count * share)))

/** What each round brings, round after round. */
export const inRounds = <A, E, R>(round: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { rounds } = yield* Extent
    const first = yield* round
    const all: NonEmptyArray<A> = [first]
    while (all.length < rounds) all.push(yield* round)
    return all
  })

/** The same key of each round. */
export const pick = <K extends string, A>(
  rounds: NonEmptyReadonlyArray<Readonly<Record<K, A>>>,
  key: K
): NonEmptyArray<A> => map(rounds, (round) => round[key])

/** How long an effect takes, in milliseconds. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timed(effect), ([took]) => Duration.toMillis(took))

/** Runs `one` again and again for so many milliseconds, on so many connections, and answers how often it ran in a second. */
export const perSecond = Effect.fnUntraced(function* <E, R>(
  connections: number,
  millis: number,
  one: (n: number) => Effect.Effect<unknown, E, R>,
  isOver: () => boolean = () => false
) {
  let made = 0
  const began = yield* Clock.currentTimeMillis
  const worker: Effect.Effect<void, E, R> = Effect.gen(function* () {
    while ((yield* Clock.currentTimeMillis) < began + millis && !isOver()) {
      made += 1
      yield* one(made)
    }
  })
  yield* Effect.all(
    makeBy(connections, () => worker),
    { concurrency: "unbounded", discard: true }
  )
  return (made * 1000) / ((yield* Clock.currentTimeMillis) - began)
})
