import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { KnownBranches } from "../database/KnownBranches.ts"
import { type NoSuchBranch, Pauses } from "../database/Pauses.ts"
import { Questions } from "../database/Questions.ts"
import { Operator } from "./api/Access.ts"
import { Api } from "./api/Api.ts"
import { NotFound } from "./api/Problems.ts"
import { Overviews } from "./Overviews.ts"
import { unavailable } from "./unavailable.ts"

const problems = {
  Unanswered: unavailable,
  NoSuchBranch: ({ detail }: NoSuchBranch) => Effect.fail(new NotFound({ detail }))
}

/** The branches. */
export const branches = HttpApiBuilder.group(
  Api,
  "branches",
  Effect.fnUntraced(function* (handlers) {
    const overviews = yield* Overviews
    const pauses = yield* Pauses
    const questions = yield* Questions
    const known = yield* KnownBranches
    return handlers
      .handle("list", () => Effect.catchTag(overviews.branches, "Unanswered", unavailable))
      .handle("pause", ({ params: { branch } }) =>
        Effect.flatMap(Operator, (who) => pauses.pause(branch, who)).pipe(Effect.catchTags(problems))
      )
      .handle("resume", ({ params: { branch } }) =>
        Effect.flatMap(Operator, (who) => pauses.resume(branch, who)).pipe(Effect.catchTags(problems))
      )
      .handle("ask", ({ params: { branch }, payload }) =>
        // Of a branch that somebody has made up no actor is begun.
        known.all().has(branch)
          ? questions
              .ask(branch, { entityType: payload.entity_type, entityId: payload.entity_id })
              .pipe(Effect.catchTag("Unanswered", unavailable))
          : Effect.fail(new NotFound({ detail: `There is no branch ${branch}.` }))
      )
  })
)
