import { Schema } from "effect"

/**
 * The code of a branch, as it stands in `events.branch` and in the keys of `RENTPROG_TOKENS`: `tbilisi`.
 *
 * The branch is the unit of work because RentProg's quota is: one token, one quota, one actor.
 */
export const Branch = Schema.NonEmptyString.pipe(Schema.brand("Branch"))
export type Branch = typeof Branch.Type

/** Why a branch that a person holds is not asked. */
export const whyPaused = "the branch is paused"
