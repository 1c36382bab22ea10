import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { AdminAccess } from "./Access.ts"
import { NotFound, Unavailable } from "./Problems.ts"
import { RowId } from "./Rows.ts"

export const MirroredType = Schema.Literals(["car", "client", "booking", "payment", "maintenance"])
export type MirroredType = typeof MirroredType.Type

/** A record as the mirror has it. */
export const Mirrored = Schema.Struct({
  branch: Schema.NullOr(Schema.String),
  fetched_at: Schema.NullOr(Schema.DateTimeUtcFromString),
  deleted_at: Schema.NullOr(Schema.DateTimeUtcFromString),
  updated_at: Schema.NullOr(Schema.DateTimeUtcFromString),
  /** The whole row, column by column. */
  columns: Schema.Record(Schema.String, Schema.Json)
}).annotate({ identifier: "Mirrored" })
export type Mirrored = typeof Mirrored.Type

/** Something that happened to a record: a row of `entity_timeline`. */
export const Happening = Schema.Struct({
  id: RowId,
  at: Schema.DateTimeUtcFromString,
  branch: Schema.NullOr(Schema.String),
  /** `event`, `history`, `sync` or `operator` */
  source: Schema.NullOr(Schema.String),
  /** The id of the row of `events` or `history`. */
  source_id: Schema.NullOr(Schema.String),
  operation: Schema.NullOr(Schema.String),
  /** `{field: [old, new]}` */
  changes: Schema.NullOr(Schema.Record(Schema.String, Schema.Json)),
  user_name: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Happening" })
export type Happening = typeof Happening.Type

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
