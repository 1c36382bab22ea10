import { Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { Entities } from "../database/Entities.ts"
import { Api } from "./api/Api.ts"
import { NotFound } from "./api/Problems.ts"
import { unavailable } from "./unavailable.ts"

/** The mirror's records. */
export const entities = HttpApiBuilder.group(
  Api,
  "entities",
  Effect.fnUntraced(function* (handlers) {
    const entities = yield* Entities
    return handlers.handle("one", ({ params: { id, type }, query: { before } }) =>
      Effect.gen(function* () {
        const record = yield* entities.record(type, id)
        const { next, rows } = yield* entities.timeline(type, id, before)
        if (record === null && rows.length === 0 && before === undefined) {
          return yield* new NotFound({
            detail: `The mirror has no ${type} ${id}, and nothing is told of one.`
          })
        }
        return { record, timeline: rows, next }
      }).pipe(Effect.catchTag("Unanswered", unavailable))
    )
  })
)
