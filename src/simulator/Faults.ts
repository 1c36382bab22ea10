/**
 * What can go wrong with an API on demand: each fault, which calls it befalls, and how often.
 */
import { Data, type Duration, Effect, Random } from "effect"

/**
 * What befalls a call instead of its answer:
 *
 * - `Status`: this HTTP status, with a small JSON body
 * - `Hang`: no answer, ever; the connection stays open
 * - `Drop`: the connection is broken before the answer
 * - `BrokenJson`: status 200 and half a JSON text
 * - `Slow`: the true answer, after `delay`
 */
export type Fault = Data.TaggedEnum<{
  readonly Status: { readonly status: number }
  readonly Hang: object
  readonly Drop: object
  readonly BrokenJson: object
  readonly Slow: { readonly delay: Duration.Input }
}>
export const Fault = Data.taggedEnum<Fault>()

/** Which calls a fault befalls: those that all given conditions fit; without any, every call. */
export interface Where {
  /** What the path begins with, below the base address: `/cars`, `/get_token`. */
  readonly path?: string
  /** The record asked for, at either of its addresses. */
  readonly id?: number | string
  /** Only the next so many calls that fit. */
  readonly times?: number
  /** The share of calls that fit, from 0 to 1. */
  readonly share?: number
}

interface Standing {
  readonly fault: Fault
  readonly where: Where
  left: number
}

const fits = ({ left, where }: Standing, path: string): boolean =>
  left > 0 &&
  (where.path === undefined || path.startsWith(where.path)) &&
  (where.id === undefined || path.endsWith(`/${where.id}`))

/** No faults yet. Where several fit a call, the one switched on first befalls it. */
export const makeFaults = () => {
  let standing: ReadonlyArray<Standing> = []

  /** Switches a fault on, and answers what switches it off. */
  const add = (fault: Fault, where: Where = {}): Effect.Effect<Effect.Effect<void>> =>
    Effect.sync(() => {
      const added = { fault, where, left: where.times ?? Number.POSITIVE_INFINITY }
      standing = [...standing, added]
      return Effect.sync(() => {
        standing = standing.filter((other) => other !== added)
      })
    })

  const clear = Effect.sync(() => {
    standing = []
  })

  /** The fault that befalls a call to `path`, if one does; it counts as having happened. */
  const next = (path: string): Effect.Effect<Fault | undefined> =>
    Effect.map(Random.next, (random) => {
      const found = standing.find((one) => fits(one, path) && random < (one.where.share ?? 1))
      if (found !== undefined) found.left -= 1
      return found?.fault
    })

  return { add, clear, next }
}

export type Faults = ReturnType<typeof makeFaults>
