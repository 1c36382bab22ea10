/**
 * The records a simulated RentProg holds, and who may see them.
 */
import { Clock, Effect, Equal, Option, Schema } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { EntityType } from "../domain/Entity.ts"
import { branchOf } from "./Companies.ts"

/** A whole record: any fields beside its number. */
export interface SimulatedRecord extends Schema.JsonObject {
  readonly id: number
}

/** What a change changed: `{field: [old, new]}`, in the shape of an update's webhook. */
export type Changes = Readonly<Record<string, readonly [old: Schema.Json, new: Schema.Json]>>

/** A change was asked for of a record that does not exist. */
export class NoSuchRecord extends Schema.TaggedError<NoSuchRecord>()("NoSuchRecord", {
  entityType: Schema.String,
  id: Schema.Number
}) {}

interface Stored {
  readonly record: SimulatedRecord
  /** When it was created, in epoch milliseconds. */
  readonly since: number
}

/** A record belongs to the branch of its `company_id`; one without is seen by every branch. */
const isOf = (record: SimulatedRecord, branch: Branch): boolean => {
  const companyId = record["company_id"] ?? null
  return companyId === null || branchOf(companyId) === branch
}

/** An empty store. `lag` says, in milliseconds, how long the API does not see a new record yet. */
export const makeRecords = (lag: () => number) => {
  const stored: Readonly<Record<EntityType, Map<string, Stored>>> = {
    car: new Map(),
    client: new Map(),
    booking: new Map()
  }
  const fallbackOnly = new Set<string>()

  const put = (kind: EntityType, record: SimulatedRecord): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const key = String(record.id)
      stored[kind].set(key, { record, since: stored[kind].get(key)?.since ?? now })
    })

  const patch = Effect.fnUntraced(function* (kind: EntityType, id: number, fields: Schema.JsonObject) {
    const found = stored[kind].get(String(id))
    if (found === undefined) return yield* new NoSuchRecord({ entityType: kind, id })
    const changes: Changes = Object.fromEntries(
      Object.entries(fields)
        .map(([field, value]) => [field, [found.record[field] ?? null, value]] as const)
        .filter(([, [old, value]]) => !Equal.equals(old, value))
    )
    stored[kind].set(String(id), { ...found, record: { ...found.record, ...fields, id } })
    return changes
  })

  const destroy = (kind: EntityType, id: number): Effect.Effect<void> =>
    Effect.sync(() => {
      stored[kind].delete(String(id))
    })

  const answerOnlyAtFallback = (kind: EntityType, id: number): Effect.Effect<void> =>
    Effect.sync(() => {
      fallbackOnly.add(`${kind}:${id}`)
    })

  const all = (kind: EntityType): Effect.Effect<ReadonlyArray<SimulatedRecord>> =>
    Effect.sync(() => Array.from(stored[kind].values(), ({ record }) => record))

  /** What the API shows `branch` in a list. */
  const list = (kind: EntityType, branch: Branch): Effect.Effect<ReadonlyArray<SimulatedRecord>> =>
    Effect.map(Clock.currentTimeMillis, (now) =>
      Array.from(stored[kind].values())
        .filter(({ record, since }) => since + lag() <= now && isOf(record, branch))
        .map(({ record }) => record)
    )

  /** What the API shows `branch` at one of the two addresses of a record: a client, every branch. */
  const find = (
    kind: EntityType,
    id: string,
    branch: Branch,
    address: "main" | "fallback"
  ): Effect.Effect<Option.Option<SimulatedRecord>> =>
    Effect.map(Clock.currentTimeMillis, (now) =>
      Option.fromNullishOr(stored[kind].get(id)).pipe(
        Option.filter(
          ({ record, since }) => since + lag() <= now && (kind === "client" || isOf(record, branch))
        ),
        Option.filter(() => address === "fallback" || !fallbackOnly.has(`${kind}:${id}`)),
        Option.map(({ record }) => record)
      )
    )

  return { put, patch, destroy, answerOnlyAtFallback, all, list, find }
}

export type Records = ReturnType<typeof makeRecords>
