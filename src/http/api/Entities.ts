import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Happening, Mirrored, MirroredType } from "../../domain/Mirrored.ts"
import { RowId } from "../../domain/Row.ts"
import { AdminAccess } from "./Access.ts"
import { NotFound, Unavailable } from "./Problems.ts"

export { Happening, Mirrored, MirroredType }

/** The mirror's records. */
export class Entities extends HttpApiGroup.make("entities")
  .add(
    HttpApiEndpoint.get("one", "/:type/:id", {
      params: { type: MirroredType, id: Schema.NonEmptyString },
      query: {
        /** Happenings that come after this one in the list: older, or as old with a smaller id. */
        before: Schema.optionalKey(RowId)
      },
      success: Schema.Struct({
        /** Null where the mirror lacks it. */
        record: Schema.NullOr(Mirrored),
        /** The newest first. */
        timeline: Schema.Array(Happening),
        /** The `before` of the next page; null where there is none. */
        next: Schema.NullOr(RowId)
      }),
      error: [NotFound, Unavailable]
    }).annotate(OpenApi.Summary, "A record and what happened to it")
  )
  .middleware(AdminAccess)
  .prefix("/api/entities") {}
