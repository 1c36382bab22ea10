/**
 * The mirror: the tables cars, clients and bookings.
 *
 * A record is written only over an older one, by `fetched_at`, so a late answer never undoes a newer one and every
 * write can be repeated. All calls of a few milliseconds that go to the same table share one statement.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, DateTime, Effect, Layer, Option, Request, RequestResolver, Schema } from "effect"
import { Branch } from "../domain/Branch.ts"
import type { EntityKey, EntityType, MirrorRecord } from "../domain/Entity.ts"
import type { DatabaseError } from "../domain/Reason.ts"
import { asDatabaseError } from "./Database.ts"
import { together } from "./together.ts"

/** What the mirror knows of a record it has. */
const Known = Schema.Struct({
  rentprog_id: Schema.String,
  branch: Schema.NullOr(Branch),
  deleted: Schema.Boolean
})
export type Known = typeof Known.Type

export class Mirror extends Context.Service<
  Mirror,
  {
    /** Writes a record over an older copy of it, or over none. */
    readonly write: (record: MirrorRecord) => Effect.Effect<void, DatabaseError>
    /**
     * Marks a record as deleted, `at` in milliseconds since 1970. One that the mirror lacks is written down as
     * deleted all the same, so that an answer which left RentProg before cannot bring it back.
     */
    readonly destroy: (key: EntityKey, branch: Branch, at: number) => Effect.Effect<void, DatabaseError>
    readonly known: (key: EntityKey) => Effect.Effect<Option.Option<Known>, DatabaseError>
  }
>()("jarvis/database/Mirror") {
  static readonly layer: Layer.Layer<Mirror, never, PgClient.PgClient> = Layer.effect(
    Mirror,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient

      /** What the operations log said of a field after the record was asked for stays. */
      const newer = (name: string) => sql`
        ${sql(name)} = CASE
          WHEN (mirror.field_times ->> ${name})::timestamptz > excluded.fetched_at THEN mirror.${sql(name)}
          ELSE excluded.${sql(name)}
        END
      `

      const write = (entityType: EntityType) => (records: ReadonlyArray<MirrorRecord>) => {
        const table = sql(tables[entityType])
        const columns = ["company_id", ...Object.keys(records[0]?.columns ?? {})]
        const names = sql.csv(columns.map((name) => sql`${sql(name)}`))
        const values = sql.csv(columns.map((name) => sql`record.${sql(name)}`))
        return sql`
          INSERT INTO ${table} AS mirror (rentprog_id, branch, data, fetched_at, ${names})
          SELECT DISTINCT ON (record.rentprog_id)
            record.rentprog_id,
            coalesce((SELECT branches.code FROM branches WHERE branches.company_id = record.company_id), record.branch),
            record.data, record.fetched_at, ${values}
          FROM jsonb_populate_recordset(NULL::${table}, ${sql.json(records.map(toRow))}) AS record
          -- One order for all writers: two of them cannot lock each other out.
          ORDER BY record.rentprog_id, record.fetched_at DESC
          ON CONFLICT (rentprog_id) DO UPDATE SET
            ${sql.csv(columns.map(newer))},
            data = excluded.data || coalesce((
              SELECT jsonb_object_agg(told.field, mirror.data -> told.field)
              FROM jsonb_each_text(mirror.field_times) AS told (field, at)
              WHERE told.at::timestamptz > excluded.fetched_at AND mirror.data ? told.field
            ), '{}'),
            fetched_at = excluded.fetched_at,
            -- A record of no company stays where it was seen first.
            branch = CASE
              WHEN excluded.company_id IS NULL THEN coalesce(mirror.branch, excluded.branch)
              WHEN (mirror.field_times ->> 'company_id')::timestamptz > excluded.fetched_at THEN mirror.branch
              ELSE excluded.branch
            END,
            deleted_at = NULL,
            updated_at = now()
          WHERE (mirror.fetched_at IS NULL OR mirror.fetched_at < excluded.fetched_at)
            -- RentProg's own copies lag: for a while they still have what was destroyed.
            AND (mirror.deleted_at IS NULL OR mirror.deleted_at + interval '10 minutes' < excluded.fetched_at)
        `
      }

      class Write extends Request.Class<MirrorRecord, void, DatabaseError> {}
      const writing = RequestResolver.makeGrouped<Write, EntityType>({
        key: ({ request }) => request.entityType,
        resolver: (entries, entityType) => together(entries, write(entityType))
      }).pipe(RequestResolver.setDelay("5 millis"), RequestResolver.withSpan("Mirror.write"))

      class Look extends Request.Class<EntityKey, Option.Option<Known>, DatabaseError> {}
      const looking = RequestResolver.makeGrouped<Look, EntityType>({
        key: ({ request }) => request.entityType,
        resolver: (entries, entityType) =>
          sql`
            SELECT mirror.rentprog_id, mirror.branch, mirror.deleted_at IS NOT NULL AS deleted
            FROM ${sql(tables[entityType])} AS mirror
            WHERE mirror.rentprog_id = ANY (
              ${entries.map(({ request }) => request.entityId)}
            )
          `.pipe(
            asDatabaseError,
            Effect.flatMap(decodeKnown),
            Effect.map((rows) => new Map(rows.map((row) => [row.rentprog_id, row]))),
            Effect.flatMap((known) =>
              Effect.forEach(entries, (entry) =>
                Request.succeed(entry, Option.fromNullishOr(known.get(entry.request.entityId)))
              )
            )
          )
      }).pipe(RequestResolver.setDelay("2 millis"), RequestResolver.withSpan("Mirror.known"))

      return Mirror.of({
        write: (record) => Effect.request(new Write(record), writing),
        known: (key) => Effect.request(new Look(key), looking),
        destroy: (key, branch, at) =>
          sql`
            INSERT INTO ${sql(tables[key.entityType])} AS mirror (rentprog_id, branch, fetched_at, deleted_at)
            SELECT ${key.entityId}, ${branch}, gone.at, gone.at
            FROM (SELECT to_timestamp(${at}::float8 / 1000) AS at) AS gone
            ON CONFLICT (rentprog_id) DO UPDATE SET
              fetched_at = excluded.fetched_at,
              deleted_at = coalesce(mirror.deleted_at, excluded.deleted_at),
              updated_at = now()
            WHERE mirror.fetched_at IS NULL OR mirror.fetched_at <= excluded.fetched_at
          `.pipe(asDatabaseError, Effect.asVoid, Effect.withSpan("Mirror.destroy"))
      })
    })
  )
}

const tables: { readonly [T in EntityType]: string } = { car: "cars", client: "clients", booking: "bookings" }

const toRow = ({ branch, columns, companyId, data, entityId, fetchedAt }: MirrorRecord) => ({
  ...columns,
  rentprog_id: entityId,
  branch,
  company_id: companyId,
  data,
  fetched_at: DateTime.formatIso(DateTime.makeUnsafe(fetchedAt))
})

const decodeKnown = (rows: ReadonlyArray<unknown>) =>
  Effect.orDie(Schema.decodeUnknownEffect(Schema.Array(Known))(rows))
