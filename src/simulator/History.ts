/**
 * The operations log of a simulated RentProg: what people did in it, a sentence each.
 */
import { Clock, DateTime, Effect, Option } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { Said } from "./Said.ts"

/** An entry as the API lists it. */
export interface HistoryItem {
  readonly id: number
  readonly operation_type: string | null
  readonly description: string
  /** What the entry is about; RentProg leaves both out at times. */
  readonly entity_type: string | null
  readonly entity_id: number | string | null
  readonly user_name: string | null
  /** ISO 8601. */
  readonly created_at: string
}

/** An entry together with what the API does not send. */
export interface LoggedItem extends HistoryItem {
  readonly branch: Branch
  /** Whether nobody can make sense of it. */
  readonly garbage: boolean
  /** What the sentence says, where that is known. */
  readonly says?: Said
}

/** An entry to write: what is not given is null, and `created_at` is now. */
export type LogEntry = Pick<LoggedItem, "description" | "says"> &
  Partial<Omit<LoggedItem, "id" | "branch" | "description" | "says">>

/** Which entries a list holds: from the first instant on and before the other, in epoch milliseconds. */
export interface Window {
  readonly from: number
  readonly to: number
}

/** Entry numbers begin here, as large as RentProg's are. */
const firstId = 7_100_001

/** When an entry was made; a time that does not read is in no window. */
const madeAt = ({ created_at }: HistoryItem): number =>
  Option.match(DateTime.make(created_at), {
    onNone: () => Number.POSITIVE_INFINITY,
    onSome: DateTime.toEpochMillis
  })

/** An empty log. */
export const makeHistory = () => {
  const entries: Array<{ readonly at: number; readonly item: LoggedItem }> = []

  const log = (branch: Branch, entry: LogEntry): Effect.Effect<LoggedItem> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const item: LoggedItem = {
        operation_type: null,
        entity_type: null,
        entity_id: null,
        user_name: null,
        created_at: DateTime.formatIso(DateTime.makeUnsafe(now)),
        garbage: false,
        ...entry,
        id: firstId + entries.length,
        branch
      }
      entries.push({ at: madeAt(item), item })
      return item
    })

  const sorted = () => entries.toSorted((one, other) => one.at - other.at || one.item.id - other.item.id)

  /** The entries of every branch, oldest first. */
  const all: Effect.Effect<ReadonlyArray<LoggedItem>> = Effect.sync(() => sorted().map(({ item }) => item))

  /** What the API shows `branch` of a window, or of all time, oldest first. */
  const list = (branch: Branch, window?: Window): Effect.Effect<ReadonlyArray<HistoryItem>> =>
    Effect.sync(() =>
      sorted()
        .filter(({ item }) => item.branch === branch)
        .filter(({ at }) => window === undefined || (window.from <= at && at < window.to))
        .map(({ item: { branch: _, garbage: __, says: ___, ...item } }) => item)
    )

  return { log, all, list }
}

export type History = ReturnType<typeof makeHistory>
