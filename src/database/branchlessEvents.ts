/** Events whose branch nobody knows: the service asks RentProg whose the record is. */
import type { PgClient } from "@effect/sql-pg"
import { Duration, Effect, Schema } from "effect"
import type { SqlError } from "effect/sql"
import type { Branch } from "../domain/Branch.ts"
import { type EntityKey, EntityType, RentprogId } from "../domain/Entity.ts"
import { longestReason } from "../domain/Reason.ts"
import { storableReason } from "./eventOutcomes.ts"
import { eventRows } from "./eventRows.ts"
import { touch } from "./touch.ts"

/** A record of which events are due and nobody knows the branch. */
const Branchless = Schema.Struct({
  entityType: EntityType,
  entityId: RentprogId,
  /** What the address of a webhook names as the branch. */
  named: Schema.NullOr(Schema.String),
  /** How often RentProg has been asked while not every branch could answer. */
  attempts: Schema.Int,
  /** By the clock of the database, ISO 8601: for what comes or is touched later, RentProg is asked anew. */
  foundAt: Schema.String
})
export type Branchless = typeof Branchless.Type
const decode = Schema.decodeUnknownEffect(Schema.Array(Branchless))

/** As `Events.branchless`, `giveBranch` and `keepBranchless` say. */
export const branchlessEvents = (sql: PgClient.PgClient) => {
  const { allowed, branchless, due, waiting } = eventRows(sql)
  const touchEvents = touch(sql, "events")
  const isAbout = ({ entityId, entityType }: EntityKey) => sql`
    ${branchless} AND ${waiting} AND events.ext_id = ${entityId} AND split_part(events.type, '_', 1) = ${entityType}
  `

  return {
    find: (
      except: ReadonlyArray<string>,
      most: number
    ): Effect.Effect<ReadonlyArray<Branchless>, SqlError.SqlError> =>
      Effect.flatMap(
        sql`
          SELECT split_part(events.type, '_', 1) AS "entityType", events.ext_id AS "entityId",
            min(id_text(events.metadata -> 'branch')) AS named,
            coalesce(max(events.attempts), 0)::int AS attempts,
            to_jsonb(now()) #>> '{}' AS "foundAt"
          FROM events
          WHERE ${branchless} AND ${due} AND ${allowed}
            AND split_part(events.type, '_', 1) || ':' || events.ext_id <> ALL (${except}::text[])
          GROUP BY 1, 2
          ORDER BY min(events.next_attempt_at)
          LIMIT ${most}
        `,
        (rows) => Effect.orDie(decode(rows))
      ),

    askAgain: touchEvents(
      sql`
        ${branchless} AND ${allowed} AND events.next_attempt_at = 'infinity'
        AND events.reason NOT LIKE 'unknown\\_branch: asked %'
      `,
      sql`processed = false`
    ),

    give: (record: EntityKey, branch: Branch) => touchEvents(isAbout(record), sql`branch = ${branch}`),

    keep: ({ foundAt, ...record }: Branchless, reason: string, wait: Duration.Duration | null) =>
      touchEvents(
        sql`${isAbout(record)} AND events.next_attempt_at <= ${foundAt}::timestamptz`,
        sql`
          reason = left(
            ${storableReason(reason)}::text || coalesce(
              '; company_id ' || left(coalesce(id_text(events.payload -> 'company_id'), events.company_id::text), 100)
              || ' is not in the table branches', ''
            ), ${longestReason}::int
          ),
          attempts = coalesce(events.attempts, 0) + 1, revision = coalesce(events.revision, 0) + 1,
          next_attempt_at = CASE
            WHEN ${wait === null} THEN 'infinity'
            ELSE now() + ${wait === null ? 0 : Duration.toMillis(wait)}::float8 * interval '1 millisecond'
          END
        `
      )
  }
}
