/** Log entries and their record that are written down at the same moment. */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { EntityType } from "../domain/Entity.ts"
import { sayWhy } from "./Database.ts"
import { missing } from "./historyRows.ts"

/**
 * For records that were not there and are committed. An entry that was written down meanwhile did not see its record, whose
 * trigger did not see the entry; each sees the other now. An entry that comes later finds the record, or its notification
 * does. Where this fails, the sweep sees to it.
 */
export const applyWaiting =
  (sql: PgClient.PgClient) =>
  (entityType: EntityType, ids: ReadonlyArray<string>): Effect.Effect<void> =>
    sql`
      UPDATE history SET processed = false
      WHERE history.id IN (
        SELECT its.id
        FROM unnest(${ids}::text[]) AS arrived (id) CROSS JOIN LATERAL (
          SELECT waiting.id FROM history AS waiting
          WHERE waiting.reason = ${`${missing}${entityType} `}::text || arrived.id
            AND NOT waiting.processed AND waiting.reason LIKE 'entity\\_not\\_found%'
          FOR UPDATE SKIP LOCKED
        ) AS its
      )
    `.pipe(
      Effect.catch((error) =>
        Effect.logWarning(`what waits for new records is left to the sweep: ${sayWhy(error)}`)
      ),
      Effect.asVoid
    )
