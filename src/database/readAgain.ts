import type { PgClient } from "@effect/sql-pg"
import type { Effect } from "effect"
import type { SqlError } from "effect/sql"
import { historyRows } from "./historyRows.ts"
import { touch } from "./touch.ts"

/** As `History.readAgain` says. */
export const readAgain = (sql: PgClient.PgClient): Effect.Effect<number, SqlError.SqlError> =>
  touch(sql, "history")(
    sql`
      NOT history.processed AND history.next_attempt_at = 'infinity' AND history.reason LIKE 'unparsed\\_description%'
      AND ${historyRows(sql).allowed}
      AND (
        parse_history_description(history.description) IS NOT NULL
        OR EXISTS (
          SELECT FROM ignored_sentences AS ignored WHERE left(history.description, 10000) ~ ignored.pattern
        )
      )
    `,
    sql`processed = false`
  )
