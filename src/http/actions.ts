import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Audit } from "../database/Audit.ts"
import { RowActions } from "../database/RowActions.ts"
import { Operator } from "./api/Access.ts"
import { Api } from "./api/Api.ts"
import { Conflict, NotFound } from "./api/Problems.ts"
import { unavailable } from "./unavailable.ts"

/** The audit. */
export const actions = HttpApiBuilder.group(
  Api,
  "actions",
  Effect.fnUntraced(function* (handlers) {
    const audit = yield* Audit
    const actions = yield* RowActions
    return handlers
      .handle("list", ({ query: { before } }) =>
        audit.list(before).pipe(
          Effect.map(({ next, rows }) => ({ actions: rows, next })),
          Effect.catchTag("Unanswered", unavailable)
        )
      )
      .handle("undo", ({ params: { id } }) =>
        Effect.flatMap(Operator, (who) => actions.undo(id, who)).pipe(
          Effect.catchTags({
            Unanswered: unavailable,
            NoSuchAction: ({ detail }) => Effect.fail(new NotFound({ detail })),
            NotUndoable: ({ detail }) => Effect.fail(new Conflict({ detail }))
          })
        )
      )
  })
)
