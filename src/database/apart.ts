import { Effect, Result } from "effect"
import { chunksOf } from "effect/Array"
import { type Fault, isOfTheConnection } from "./refusal.ts"

/** How it went for each of many. */
export interface Apart<A, B> {
  /** What the statements answered. */
  readonly done: ReadonlyArray<B>
  /** Those that no statement took, and why. */
  readonly failed: ReadonlyArray<readonly [item: A, fault: Fault]>
}

/**
 * Writes many in one statement. Where that fails, smaller and smaller parts get a statement each, so that whatever
 * PostgreSQL refuses costs only the row it belongs to. A connection that is lost is no row's fault: nothing is repeated.
 *
 * Within a transaction each statement has to be one of its own, or else the first that fails spoils the others.
 */
export const apart = Effect.fnUntraced(function* <A, B, R>(
  items: ReadonlyArray<A>,
  statement: (items: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, Fault, R>
): Effect.fn.Return<Apart<A, B>, never, R> {
  if (items.length === 0) return { done: [], failed: [] }
  const result = yield* Effect.result(statement(items))
  if (Result.isSuccess(result)) return { done: result.success, failed: [] }
  if (items.length === 1 || isOfTheConnection(result.failure)) {
    return { done: [], failed: items.map((item) => [item, result.failure] as const) }
  }
  const parts = yield* Effect.forEach(chunksOf(items, Math.ceil(items.length / 10)), (part) =>
    apart(part, statement)
  )
  return { done: parts.flatMap(({ done }) => done), failed: parts.flatMap(({ failed }) => failed) }
})
