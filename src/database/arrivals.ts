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
  /** What was not taken yet, as `sizeOf` has it. */
  left: number
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

/** Posts of which no more is left than this count as equally little. */
const little = 8 * rowSize

/** Posts in the order in which they came. Sizes are in characters; `textOf` answers what makes a row large. */
export const arrivals = <A>(textOf: (row: A) => string) => {
  const posts = new Set<Post<A>>()
  let waiting = 0
  const sizeOf = (row: A) => textOf(row).length + rowSize

  /** Takes rows that have room, from one post after the other, and answers how much room is left. */
  const take = (taken: Array<Arrival<A>>, from: Iterable<Post<A>>, room: number): number => {
    let left = room
    for (const post of from) {
      for (let row = post.rows[post.taken]; row !== undefined; row = post.rows[post.taken]) {
        const size = sizeOf(row)
        if (size > left) return left
        taken.push({ row, size, post })
        post.taken += 1
        post.left -= size
        left -= size
      }
      posts.delete(post)
    }
    return left
  }

  /** Those of which the least is left come first; of equals, those who came first. */
  const leastFirst = () => {
    const much = ({ left }: Post<A>) => Math.ceil(left / little)
    return [...posts].sort((one, other) => much(one) - much(other))
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
      const size = rows.reduce((sum, row) => sum + sizeOf(row), 0)
      const post: Post<A> = {
        ...{ rows, size, since, left: size, taken: 0, committed: 0, isOver: false },
        outcome: Deferred.makeUnsafe()
      }
      posts.add(post)
      waiting += post.size
      return post
    },

    /**
     * The next rows to write, of about this size. Half of the room is for those of whom little is left, so that who brings
     * little does not wait for all who bring much; the rest goes to those who came first, so that much is done in its turn.
     */
    next: (room: number): ReadonlyArray<Arrival<A>> => {
      const taken: Array<Arrival<A>> = []
      const left = take(taken, leastFirst(), room / 2)
      take(taken, posts, room / 2 + left)
      // One that has no room at all goes alone.
      const [first] = posts
      const row = first?.rows[first.taken]
      if (taken.length === 0 && row !== undefined) take(taken, posts, sizeOf(row))
      return taken
    },

    /** Tells whoever brought it how it went. */
    end,

    /** The same to all who came by then and wait for a row to be taken. */
    endThoseBy: (time: number, exit: Exit.Exit<void, DatabaseError>) => {
      for (const post of posts) if (post.since <= time) end(post, exit)
    }
  }
}
