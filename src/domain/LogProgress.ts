/**
 * How much of a branch's operations log is written down.
 *
 * The log comes newest first, so a reading that fails leaves a stretch that is written down above one that is not. The
 * next reading skips such a stretch, and closes the gap below it.
 */
import { Schema } from "effect"

/** Of entries by RentProg's numbers, which it gives in the order in which entries appear. */
export const Stretch = Schema.Struct({
  /** The lowest number; 0 where nothing below is missing. */
  from: Schema.Int,
  /** The highest number. */
  to: Schema.Int,
  /** How many places of the log it takes, or fewer where entries appeared late. */
  entries: Schema.Int
})
export type Stretch = typeof Stretch.Type

export const LogProgress = Schema.Struct({
  /** From when on and until when the log is known without a gap, in milliseconds since 1970. */
  readFrom: Schema.Finite,
  readUntil: Schema.Finite,
  /** What is written down, newest first. The last one begins at 0 once a reading went all the way down. */
  stretches: Schema.Array(Stretch)
})
export type LogProgress = typeof LogProgress.Type

/** A reading on its way down: what it has under itself, and what is left below that. */
export interface Descent {
  /** What is written down from the newest entry on. Null before the first page. */
  readonly reached: Stretch | null
  readonly below: ReadonlyArray<Stretch>
}

/** What is written down, newest first: `LogProgress.stretches`. */
export const stretchesOf = ({ below, reached }: Descent): ReadonlyArray<Stretch> =>
  reached === null ? below : [reached, ...below]

/** Whether everything that there is has been written down. */
export const isWhole = ({ reached }: Descent): boolean => reached?.from === 0

/** After a page of entries has been written down, the last of which is at that place of the log. */
export const descend = ({ below, reached }: Descent, page: ReadonlyArray<number>, place: number): Descent => {
  if (page.length === 0) return { below, reached }
  const highest = Math.max(...page)
  const lowest = Math.min(...page)
  const [next] = below
  const before = reached ?? { from: Number.POSITIVE_INFINITY, to: highest, entries: 0 }
  // Those of the next stretch are counted by it.
  const fresh = new Set(page.filter((id) => id < before.from && id > (next?.to ?? -1)))
  const entries = before.entries + fresh.size
  const on = {
    ...before,
    from: Math.min(before.from, lowest),
    entries: lowest <= before.from ? Math.min(entries, place) : entries
  }
  // A whole page is read of what is known: an entry may have appeared late, with a lower number.
  return below.reduce<Descent>(
    ({ reached: above, below: left }, stretch) =>
      above !== null && highest <= stretch.to
        ? {
            reached: {
              from: Math.min(above.from, stretch.from),
              to: Math.max(above.to, stretch.to),
              entries: above.entries + stretch.entries
            },
            below: left.slice(1)
          }
        : { reached: above, below: left },
    { reached: on, below }
  )
}

/** Nothing below what was reached is missing. */
export const touchGround = ({ below, reached }: Descent): Descent => {
  const top = reached ?? below[0]
  return { reached: top === undefined ? null : { ...top, from: 0 }, below: [] }
}

/**
 * The page to read after `page`, all of which have `size` entries. Entries that appear meanwhile push the others down, never up, so
 * the page that ends where the known ones end holds no unknown one below them.
 */
export const pageAfter = ({ reached }: Descent, page: number, size: number): number =>
  Math.max(page + 1, Math.floor((reached?.entries ?? 0) / size))
