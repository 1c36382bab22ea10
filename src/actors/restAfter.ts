import { Clock, Effect } from "effect"

/** How long a rest is at most, and how long the end of what was taken is waited for, in milliseconds. */
const longest = 200

/** How long ago the last `Wake` may be where others are writing rows, in milliseconds. */
const recent = 250

/**
 * Leaves the machine to those who write rows while a backlog is drained: waits until what was taken is handled, and then for
 * most of the time. Where nobody writes to any branch, it does neither. `began`: when it was taken; `wokenAt`: when a `Wake` came last.
 */
export const restAfter = Effect.fnUntraced(function* <A>(
  handled: Effect.Effect<A>,
  { began, wokenAt }: { readonly began: number; readonly wokenAt: number }
) {
  if (began - wokenAt >= recent) return
  yield* Effect.timeoutOption(handled, longest)
  const took = (yield* Clock.currentTimeMillis) - began
  yield* Effect.sleep(Math.min(4 * took, longest))
})
