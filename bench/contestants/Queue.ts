/** What every contestant can do. */
import type { Effect, Scope } from "effect"
import type { SqlError } from "effect/sql"
import type { BenchError } from "../Part.ts"
import type { Program } from "../Program.ts"

type Fallible = BenchError | SqlError.SqlError

export interface Queue {
  /** Empties the tables. */
  readonly clear: Effect.Effect<unknown, Fallible>
  /** Inserts the n-th row by itself, on whichever connection is free. */
  readonly insert: (n: number) => Effect.Effect<unknown, Fallible>
  /** Inserts the rows 1 to `count` at once. */
  readonly fill: (count: number) => Effect.Effect<unknown, Fallible>
}

/** One that does what it is told of. */
export interface Worked extends Queue {
  /** Brings the planner's statistics up to date. */
  readonly analyze: Effect.Effect<unknown, Fallible>
  /** Starts what works, in a process of its own, and waits until it does. */
  readonly work: Effect.Effect<Program, Fallible, Scope.Scope>
  /** Whether anything is left to do. */
  readonly isBusy: Effect.Effect<boolean, Fallible>
  /** When the first record was written, in milliseconds since 1970. */
  readonly firstRecord: Effect.Effect<number, Fallible>
}
