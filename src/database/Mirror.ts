/**
 * The mirror: the tables cars, clients and bookings.
 *
 * A record is written only over an older one, by `fetched_at`, so a late answer never undoes a newer one and every
 * write can be repeated. Calls that come together, or while a statement is under way, share one of their table.
 */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Exit, Layer, Option, Request, RequestResolver, Schedule, Schema } from "effect"
import type { Statement } from "effect/sql"
import { Branch } from "../domain/Branch.ts"
import { type EntityKey, type EntityType, entityTypes, type MirrorRecord } from "../domain/Entity.ts"
import { DatabaseError } from "../domain/Reason.ts"
import { inTurn } from "../inTurn.ts"
import { applyWaiting } from "./applyWaiting.ts"
import { asDatabaseError } from "./Database.ts"
import { type Gone, goneRowOf, rowOf } from "./mirrorRows.ts"
import { Suppressed } from "./refusal.ts"
import { storable } from "./storable.ts"
import { together } from "./together.ts"

/** What the mirror knows of a record it has. */
const Known = Schema.Struct({
  rentprog_id: Schema.String,
  branch: Schema.NullOr(Branch),
  deleted: Schema.Boolean
})
export type Known = typeof Known.Type

/**
 * What became of what was to be written. `superseded`: what the mirror has is newer; `deleted_recently`: the record was deleted
 * less than ten minutes before it was asked for, and RentProg's own copies lag.
 */
export type Written = "written" | "superseded" | "deleted_recently"

/** The row could not be written this time. */
export class PassedOver extends Schema.TaggedError<PassedOver>()("PassedOver", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

/** How long a statement is waited for at most that is under way: one that waits for a lock takes longer. */
const mostWait = "5 millis"

/** How often a record that somebody holds is tried until its events wait for it. */
const patience = Schedule.spaced("500 millis").pipe(Schedule.upTo({ times: 4 }))

export class Mirror extends Context.Service<
  Mirror,
  {
    /**
     * Writes a record over an older copy of it, or over none. One that somebody holds fails after two seconds, in which no
     * other record waits for it.
     */
    readonly write: (record: MirrorRecord) => Effect.Effect<Written, DatabaseError>
    /**
     * Marks a record as deleted, `at` in milliseconds since 1970. One that the mirror lacks is written down as
     * deleted all the same, so that an answer which left RentProg before cannot bring it back.
     */
    readonly destroy: (key: EntityKey, branch: Branch, at: number) => Effect.Effect<Written, DatabaseError>
    /** The same of many, in one statement for each table; a record that somebody holds is not tried again. */
    readonly destroyAll: (
      gone: ReadonlyArray<Gone>
    ) => Effect.Effect<ReadonlyArray<Exit.Exit<Written, DatabaseError | PassedOver>>>
    readonly known: (key: EntityKey) => Effect.Effect<Option.Option<Known>, DatabaseError>
  }
>()("jarvis/database/Mirror") {
  static readonly layer: Layer.Layer<Mirror, never, PgClient.PgClient> = Layer.effect(
    Mirror,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const apply = applyWaiting(sql)

      /** What the operations log said of a field after the record was asked for stays. */
      const newer = (name: string) => sql`
        ${sql(name)} = CASE
          WHEN (mirror.field_times ->> ${name})::timestamptz > excluded.fetched_at THEN mirror.${sql(name)}
          ELSE excluded.${sql(name)}
        END
      `

      /** Writes what the rows say, by the rest of an INSERT, and answers of each what became of it. */
      const put = (entityType: EntityType, rows: ReadonlyArray<object>, insert: Statement.Fragment) => {
        const table = sql(tables[entityType])
        return sql<{ readonly became: keyof typeof passed }>`
          WITH given AS (
            SELECT ${sql.json(storable(rows))}::jsonb AS records
          ), asked AS (
            SELECT one.n, one.said ->> 'rentprog_id' AS rentprog_id, (one.said ->> 'fetched_at')::timestamptz AS fetched_at
            FROM given CROSS JOIN jsonb_array_elements(given.records) WITH ORDINALITY AS one (said, n)
          ), known AS (
            -- Found one by one: however large the table is, and whatever PostgreSQL thinks of it, none looks through all of it.
            SELECT one.rentprog_id
            FROM (SELECT DISTINCT asked.rentprog_id FROM asked) AS one CROSS JOIN LATERAL (
              SELECT FROM ${table} AS mirror WHERE mirror.rentprog_id = one.rentprog_id OFFSET 0
            ) AS its
          ), held AS (
            SELECT its.* FROM known CROSS JOIN LATERAL (
              SELECT mirror.rentprog_id, mirror.fetched_at, mirror.deleted_at FROM ${table} AS mirror
              WHERE mirror.rentprog_id = known.rentprog_id
              FOR NO KEY UPDATE SKIP LOCKED
            ) AS its
          ), newest AS (
            SELECT DISTINCT ON (record.rentprog_id) record.*
            FROM given CROSS JOIN jsonb_populate_recordset(NULL::${table}, given.records) AS record
            WHERE record.rentprog_id IN (SELECT held.rentprog_id FROM held)
              OR record.rentprog_id NOT IN (SELECT known.rentprog_id FROM known)
            -- One order for all writers: two of them cannot lock each other out.
            ORDER BY record.rentprog_id, record.fetched_at DESC
          ), written AS (
            INSERT INTO ${table} AS mirror ${insert}
            RETURNING mirror.rentprog_id, mirror.fetched_at
          )
          SELECT CASE
            WHEN written.fetched_at = asked.fetched_at THEN
              CASE WHEN asked.rentprog_id IN (SELECT known.rentprog_id FROM known) THEN 'written' ELSE 'arrived' END
            WHEN written.rentprog_id IS NOT NULL       THEN 'superseded'
            WHEN held.rentprog_id IS NULL THEN
              -- As the table was before the statement.
              CASE WHEN asked.rentprog_id IN (SELECT known.rentprog_id FROM known) THEN 'locked' ELSE 'lost' END
            -- The very same has been written before.
            WHEN held.fetched_at = asked.fetched_at AND held.deleted_at IS NULL THEN 'written'
            WHEN held.fetched_at >= asked.fetched_at                            THEN 'superseded'
            WHEN held.deleted_at + interval '10 minutes' >= asked.fetched_at    THEN 'deleted_recently'
            ELSE 'lost'
          END AS became
          -- Full, though all of them were asked for: a full join is never a loop in a loop, whatever the planner expects.
          FROM asked
          FULL JOIN held    ON held.rentprog_id    = asked.rentprog_id
          FULL JOIN written ON written.rentprog_id = asked.rentprog_id
          ORDER BY asked.n
        `
      }

      const write = (entityType: EntityType) => (records: ReadonlyArray<MirrorRecord>) => {
        const columns = ["company_id", ...Object.keys(records[0]?.columns ?? {})]
        const names = sql.csv(columns.map((name) => sql`${sql(name)}`))
        const values = sql.csv(columns.map((name) => sql`record.${sql(name)}`))
        return put(
          entityType,
          records.map(rowOf),
          sql`
            (rentprog_id, branch, data, fetched_at, ${names})
            SELECT record.rentprog_id,
              coalesce((SELECT branches.code FROM branches WHERE branches.company_id = record.company_id), record.branch),
              record.data, record.fetched_at, ${values}
            FROM newest AS record
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
        ).pipe(
          Effect.tap((rows) => {
            const arrived = records.filter((_, n) => rows[n]?.became === "arrived")
            if (arrived.length === 0) return Effect.void
            return apply(
              entityType,
              arrived.map(({ entityId }) => entityId)
            )
          }),
          Effect.map(exits)
        )
      }

      class Write extends Request.Class<MirrorRecord, Written, DatabaseError | PassedOver> {}
      const writing = RequestResolver.makeGrouped<Write, EntityType>({
        key: ({ request }) => request.entityType,
        resolver: (entries, entityType) => together(entries, write(entityType))
      }).pipe(inTurn(mostWait), RequestResolver.withSpan("Mirror.write"))

      const destroy = (entityType: EntityType) => (gone: ReadonlyArray<Gone>) =>
        put(
          entityType,
          gone.map(goneRowOf),
          sql`
            (rentprog_id, branch, fetched_at, deleted_at)
            SELECT record.rentprog_id, record.branch, record.fetched_at, record.fetched_at FROM newest AS record
            ON CONFLICT (rentprog_id) DO UPDATE SET
              fetched_at = excluded.fetched_at,
              deleted_at = coalesce(mirror.deleted_at, excluded.deleted_at),
              updated_at = now()
            WHERE mirror.fetched_at IS NULL OR mirror.fetched_at <= excluded.fetched_at
          `
        ).pipe(Effect.map(exits))

      class Destroy extends Request.Class<Gone, Written, DatabaseError | PassedOver> {}
      const destroying = RequestResolver.makeGrouped<Destroy, EntityType>({
        key: ({ request }) => request.entityType,
        resolver: (entries, entityType) => together(entries, destroy(entityType))
      }).pipe(inTurn(mostWait), RequestResolver.withSpan("Mirror.destroy"))

      /** Nobody else waits meanwhile. */
      const patiently = <R>(request: Effect.Effect<Written, DatabaseError | PassedOver, R>) =>
        request.pipe(
          Effect.retry({ schedule: patience, while: ({ _tag }) => _tag === "PassedOver" }),
          Effect.catchTag("PassedOver", ({ detail }) => Effect.fail(new DatabaseError({ detail })))
        )

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
      }).pipe(inTurn(mostWait), RequestResolver.withSpan("Mirror.known"))

      return Mirror.of({
        write: (record) => patiently(Effect.request(new Write(record), writing)),
        known: (key) => Effect.request(new Look(key), looking),
        destroyAll: (gone) =>
          Effect.gen(function* () {
            const exits = new Map<Gone, Exit.Exit<Written, DatabaseError | PassedOver>>()
            const entries = gone.map((request) => ({
              request,
              completeUnsafe: (exit: Exit.Exit<Written, DatabaseError | PassedOver>) => {
                exits.set(request, exit)
              }
            }))
            yield* Effect.forEach(
              entityTypes,
              (type) => {
                const some = entries.filter(({ request }) => request.entityType === type)
                return together(some, destroy(type))
              },
              { concurrency: "unbounded", discard: true }
            )
            return gone.map((one) => exits.get(one) ?? passed.lost)
          }).pipe(Effect.withSpan("Mirror.destroy")),
        destroy: (key, branch, at) =>
          patiently(Effect.request(new Destroy({ ...key, branch, at }), destroying))
      })
    })
  )
}

const passed = {
  /** Written where none was known. */
  arrived: Exit.succeed<Written>("written"),
  written: Exit.succeed<Written>("written"),
  superseded: Exit.succeed<Written>("superseded"),
  deleted_recently: Exit.succeed<Written>("deleted_recently"),
  locked: Exit.fail(new PassedOver({ detail: "the record's row is locked" })),
  lost: Exit.fail(new PassedOver({ detail: new Suppressed().message }))
}

const exits = (rows: ReadonlyArray<{ readonly became: keyof typeof passed }>) =>
  rows.map(({ became }) => passed[became])

const tables: { readonly [T in EntityType]: string } = { car: "cars", client: "clients", booking: "bookings" }

const decodeKnown = (rows: ReadonlyArray<unknown>) =>
  Effect.orDie(Schema.decodeUnknownEffect(Schema.Array(Known))(rows))
