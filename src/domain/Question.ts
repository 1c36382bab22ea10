import { Schema } from "effect"
import { Branch } from "./Branch.ts"
import { EntityType, RentprogId } from "./Entity.ts"

/** What a person asks: whether RentProg has a record, as the branch's token sees it. */
export const Question = Schema.Struct({
  id: Schema.Int,
  branch: Branch,
  record: Schema.Struct({ entityType: EntityType, entityId: RentprogId })
})
export type Question = typeof Question.Type

export const Asked = Schema.Struct({
  /** Whether RentProg has the record; null where it could not be asked. */
  has: Schema.NullOr(Schema.Boolean),
  /** Why it could not be asked: a reason, that a person holds the branch, or that there was no answer in time. */
  reason: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Asked" })
export type Asked = typeof Asked.Type

/** How long whoever asks waits, in seconds. */
export const patience = 20

/** Nobody works for the branch at the moment, or its quota is used up. */
export const noAnswer: Asked = { has: null, reason: `there was no answer within ${patience} seconds` }
