/**
 * The log of the calls a simulated RentProg got.
 */
import { Clock, Effect } from "effect"
import type { Branch } from "../domain/Branch.ts"

/** One call as it came in, and how it was answered. */
export interface Call {
  /** When it came, in epoch milliseconds. */
  readonly at: number
  readonly method: string
  /** Below the base address and without the query: `/cars/59439`. */
  readonly path: string
  /** `page=1&limit=100`; empty where there is none. */
  readonly query: string
  /** Whose token it bore; undefined where that is nobody's. */
  readonly branch: Branch | undefined
  /** The HTTP status answered; 0 while there is no answer, and for good where none was given. */
  readonly status: number
}

/** An empty log. */
export const makeCalls = () => {
  let log: Array<Call> = []

  /** Notes a call, and answers what notes its status. */
  const note = (call: Omit<Call, "at" | "status">): Effect.Effect<(status: number) => Effect.Effect<void>> =>
    Effect.map(Clock.currentTimeMillis, (at) => {
      const noted = { ...call, at, status: 0 }
      log.push(noted)
      return (status) =>
        Effect.sync(() => {
          noted.status = status
        })
    })

  /** All calls since the log was last cleared, oldest first. */
  const all: Effect.Effect<ReadonlyArray<Call>> = Effect.sync(() => log.map((call) => ({ ...call })))

  const clear = Effect.sync(() => {
    log = []
  })

  return { note, all, clear }
}

export type Calls = ReturnType<typeof makeCalls>
