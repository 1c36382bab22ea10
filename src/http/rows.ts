import { Effect, Option } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { RowActions } from "../database/RowActions.ts"
import { Rows } from "../database/Rows.ts"
import { Operator } from "./api/Access.ts"
import { Api } from "./api/Api.ts"
import { NotFound } from "./api/Problems.ts"
import { unavailable } from "./unavailable.ts"

/** The tables `events` and `history`. */
export const rows = HttpApiBuilder.group(
  Api,
  "rows",
  Effect.fnUntraced(function* (handlers) {
    const rows = yield* Rows
    const actions = yield* RowActions
    return handlers
      .handle("list", ({ params: { table }, query: { before, limit, ...filter } }) =>
        Effect.catchTag(rows.list(table, filter, { before, limit }), "Unanswered", unavailable)
      )
      .handle("one", ({ params: { id, table } }) =>
        Effect.flatMap(
          Effect.catchTag(rows.one(table, id), "Unanswered", unavailable),
          Option.match({
            onNone: () => Effect.fail(new NotFound({ detail: `There is no row ${id} in ${table}.` })),
            onSome: Effect.succeed
          })
        )
      )
      .handle("retry", ({ params: { table }, payload: { dry_run: dryRun, filter, ids } }) =>
        Effect.flatMap(Operator, (who) => actions.retry({ table, ids, filter, dryRun }, who)).pipe(
          Effect.catchTag("Unanswered", unavailable)
        )
      )
      .handle("discard", ({ params: { table }, payload: { dry_run: dryRun, filter, ids, reason } }) =>
        Effect.flatMap(Operator, (who) => actions.discard({ table, ids, filter, dryRun }, reason, who)).pipe(
          Effect.catchTag("Unanswered", unavailable)
        )
      )
  })
)
