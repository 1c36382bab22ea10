import { Effect } from "effect"
import type { Unanswered } from "../database/Unanswered.ts"
import { Unavailable } from "./api/Problems.ts"

/** What a person can do about it. What PostgreSQL said is for the log: it may quote a row. */
const advice: { readonly [W in Unanswered["why"]]: string } = {
  away: "The database does not answer, and nothing has been changed. Try again in some seconds.",
  locked: "Somebody else holds these rows at the moment. Nothing has been changed: try again.",
  "too slow":
    "The search takes too long. Narrow it: a state, a branch, a type or a time leaves less to look through than a text alone.",
  refused: "The database refused, and nothing has been changed. The log of the service says why."
}

/** Says it, and writes to the log what PostgreSQL said. */
export const say = (error: Unanswered): Effect.Effect<string> =>
  Effect.as(
    Effect.logWarning(`the database gave no answer: ${error.detail}`).pipe(
      Effect.annotateLogs({ why: error.why })
    ),
    advice[error.why]
  )

/** What a request is answered then. */
export const unavailable = (error: Unanswered) =>
  Effect.flatMap(say(error), (detail) => Effect.fail(new Unavailable({ detail, why: error.why })))
