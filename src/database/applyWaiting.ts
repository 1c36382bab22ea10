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
    Effect.gen(function* () {
      const waiting = yield* sql<{ readonly id: string }>`
        SELECT waiting.id::text
        FROM unnest(${ids}::text[]) AS arrived (id)
        JOIN history AS waiting ON waiting.reason = ${`${missing}${entityType} `}::text || arrived.id
        WHERE NOT waiting.processed AND waiting.reason LIKE 'entity\\_not\\_found%'
      `
      // Even an update of no row would wait for its turn at the table.
      if (waiting.length === 0) return
      yield* sql`
        UPDATE history SET processed = false
        WHERE history.id IN (
          SELECT its.id FROM history AS its
          WHERE its.id = ANY (${waiting.map(({ id }) => id)}::bigint[]) AND NOT its.processed
          FOR UPDATE SKIP LOCKED
        )
      `
    }).pipe(
      Effect.catch((error) =>
        Effect.logWarning(`what waits for new records is left to the sweep: ${sayWhy(error)}`)
      )
    )
