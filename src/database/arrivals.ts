/** Rows that wait to be written, and whoever brought them. */
import { Deferred, type Exit } from "effect"
import type { DatabaseError } from "../domain/Reason.ts"

/** What somebody brought at once. */
export interface Post<A> {
  readonly rows: ReadonlyArray<A>
  /** As `sizeOf` has it. */
  readonly size: number
  /** When it came, in milliseconds since 1970. */
  readonly since: number
  /** How many rows were taken, and how many are committed. */
  taken: number
  committed: number
  /** Known once all are committed, or whoever brought them was told to come again: no more of it is taken then. */
  readonly outcome: Deferred.Deferred<void, DatabaseError>
  isOver: boolean
}

/** A row that was taken. */
export interface Arrival<A> {
  readonly row: A
  readonly size: number
  readonly post: Post<A>
}

/** What a row counts besides its text. */
export const rowSize = 1024

/** How much of each post a batch takes before any other row. */
const little = 8 * rowSize

/** Posts in the order in which they came. Sizes are in characters; `textOf` answers what makes a row large. */
export const arrivals = <A>(textOf: (row: A) => string) => {
  const posts = new Set<Post<A>>()
  let waiting = 0
  const sizeOf = (row: A) => textOf(row).length + rowSize

  /** Rows that have room together, one in any case; of each post no more than its share. */
  const take = (room: number, share: number): ReadonlyArray<Arrival<A>> => {
    const taken: Array<Arrival<A>> = []
    let left = room
    for (const post of posts) {
      const before = left
      for (let row = post.rows[post.taken]; row !== undefined; row = post.rows[post.taken]) {
        const size = sizeOf(row)
        if (before - left + size > share) break
        if (size > left && taken.length > 0) return taken
        taken.push({ row, size, post })
        post.taken += 1
        left -= size
      }
      if (post.taken === post.rows.length) posts.delete(post)
    }
    return taken
  }

  const end = (post: Post<A>, exit: Exit.Exit<void, DatabaseError>) => {
    if (post.isOver) return
    post.isOver = true
    posts.delete(post)
    waiting -= post.size
    Deferred.doneUnsafe(post.outcome, exit)
  }

  return {
    /** How much waits. Until it is over, a post counts with all that it brought. */
    waiting: () => waiting,

    /** Puts a post behind all others. */
    add: (rows: ReadonlyArray<A>, since: number): Post<A> => {
      const post: Post<A> = {
        rows,
        size: rows.reduce((sum, row) => sum + sizeOf(row), 0),
        since,
        taken: 0,
        committed: 0,
        outcome: Deferred.makeUnsafe(),
        isOver: false
      }
      posts.add(post)
      waiting += post.size
      return post
    },

    /**
     * The next rows to write, of about this size. Half of the room is for a little of everybody's, so that who brings
     * little does not wait for who brings much; the rest goes to those who came first, so that one after the other is done.
     */
    next: (room: number): ReadonlyArray<Arrival<A>> => {
      const first = take(room / 2, little)
      return [
        ...first,
        ...take(room - first.reduce((sum, { size }) => sum + size, 0), Number.POSITIVE_INFINITY)
      ]
    },

    /** Tells whoever brought it how it went. */
    end,

    /** The same to all who came by then and wait for a row to be taken. */
    endThoseBy: (time: number, exit: Exit.Exit<void, DatabaseError>) => {
      for (const post of posts) if (post.since <= time) end(post, exit)
    }
  }
}
