/** The mirror's records and their timelines, as a person looks at them. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer } from "effect"
import { Happening, Mirrored, type MirroredType } from "../domain/Mirrored.ts"
import type { RowId } from "../domain/Row.ts"
import { decodeRows } from "./decode.ts"
import { type Page, toPage } from "./Page.ts"
import { time } from "./rowQuery.ts"
import { isShowable, shown } from "./shown.ts"
import { storableText } from "./storable.ts"
import { asUnanswered, type Unanswered } from "./Unanswered.ts"

const pageSize = 50

/** The most bytes of changes that are shown of a happening: a page has many. */
const largestChanges = 32 * 1024

const tables: { readonly [T in MirroredType]: string } = {
  car: "cars",
  client: "clients",
  booking: "bookings",
  payment: "payments",
  maintenance: "maintenance"
}

const decodeMirrored = decodeRows(Mirrored)
const decodeHappenings = decodeRows(Happening)

export class Entities extends Context.Service<
  Entities,
  {
    /** A record as the mirror has it; null where it lacks it. */
    readonly record: (type: MirroredType, id: string) => Effect.Effect<Mirrored | null, Unanswered>
    /** What happened to a record, the newest first, 50 at a time. */
    readonly timeline: (
      type: MirroredType,
      id: string,
      before?: RowId
    ) => Effect.Effect<Page<Happening>, Unanswered>
  }
>()("jarvis/database/Entities") {
  static readonly layer: Layer.Layer<Entities, never, PgClient.PgClient> = Layer.effect(
    Entities,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      return Entities.of({
        record: (type, id) =>
          sql`
            SELECT to_jsonb(found.*) AS row
            FROM (
              SELECT mirror.branch, ${time(sql, "mirror", "fetched_at")}, ${time(sql, "mirror", "deleted_at")},
                ${time(sql, "mirror", "updated_at")}, shown.columns, shown.cut
              FROM ${sql(tables[type])} AS mirror, ${shown(sql, "mirror")} WHERE mirror.rentprog_id = ${storableText(id)}
            ) AS found
          `.pipe(
            asUnanswered,
            Effect.flatMap(decodeMirrored),
            Effect.map(([record]) => record ?? null),
            Effect.withSpan("Entities.record")
          ),

        timeline: (type, id, before) =>
          sql`
            SELECT to_jsonb(told.*) AS row
            FROM (
              SELECT one.id::text, least(greatest(one.at, 'epoch'), '9999-12-31') AS at, one.branch, one.source,
                one.source_id, one.operation, one.user_name,
                CASE WHEN jsonb_typeof(one.changes) = 'object' AND looked.fits THEN one.changes END AS changes,
                CASE WHEN looked.fits THEN '[]'::jsonb ELSE '["changes"]' END AS cut
              FROM (
                SELECT happened.* FROM entity_timeline AS happened
                WHERE happened.entity_type = ${type} AND happened.entity_id = ${storableText(id)}
                  AND ${
                    before === undefined
                      ? sql`true`
                      : sql`
                          (happened.at, happened.id) <
                            (SELECT last.at, last.id FROM entity_timeline AS last WHERE last.id = ${before}::bigint)
                        `
                  }
                ORDER BY happened.at DESC, happened.id DESC
                LIMIT ${pageSize + 1}
              ) AS one
              CROSS JOIN LATERAL (
                SELECT coalesce(${sql.literal(isShowable("one.changes", largestChanges))}, true) AS fits OFFSET 0
              ) AS looked
            ) AS told
            ORDER BY told.at DESC, told.id::bigint DESC
          `.pipe(
            asUnanswered,
            Effect.flatMap(decodeHappenings),
            Effect.map((found) => toPage(found, pageSize)),
            Effect.withSpan("Entities.timeline")
          )
      })
    })
  )
}
