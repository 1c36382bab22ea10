/** What the tables hold, counted for whoever measures. */
import { PgClient } from "@effect/sql-pg"
import { Context, Duration, Effect, Layer, Schema } from "effect"
import type { DatabaseError } from "../domain/Reason.ts"
import { Table } from "../domain/Row.ts"
import { asDatabaseError } from "./Database.ts"
import { KnownBranches } from "./KnownBranches.ts"
import { sources } from "./Refusals.ts"
import { within } from "./within.ts"

/** Rows of a table that are not done and stand alike. */
const Undone = Schema.Struct({
  table: Table,
  /** As `KnownBranches` labels it. */
  branch: Schema.String,
  state: Schema.Literals(["pending", "waiting", "parked"]),
  /** The reason's code of parked rows, `unknown` where the table `reasons` lacks it; else empty. */
  reason: Schema.String,
  count: Schema.Int,
  /** How long ago the oldest of them arrived, in seconds. */
  oldest: Schema.Number,
  /** How long the one has been due that has been due longest, in seconds; 0 where none is. */
  due: Schema.Number
})
export type Undone = typeof Undone.Type

/** How old an answer may be. */
export const Freshness = Context.Reference("jarvis/database/Freshness", {
  defaultValue: () => Duration.seconds(2)
})

export class Measures extends Context.Service<
  Measures,
  {
    /** All rows that are not done. */
    readonly undone: Effect.Effect<ReadonlyArray<Undone>, DatabaseError>
    /** The branches that a person holds, as `KnownBranches` labels them. */
    readonly paused: Effect.Effect<ReadonlyArray<string>, DatabaseError>
  }
>()("jarvis/database/Measures") {
  static readonly layer: Layer.Layer<Measures, never, PgClient.PgClient> = Layer.effect(
    Measures,
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const known = yield* KnownBranches

      const undone = (table: Table) => sql`
        SELECT ${table}::text AS "table", undone.branch, undone.state,
          CASE WHEN undone.state = 'parked' THEN coalesce(reasons.code, 'unknown') ELSE '' END AS reason,
          count(*)::int AS count,
          greatest(extract(epoch FROM now() - min(undone.ts)), 0)::float8 AS oldest,
          greatest(extract(epoch FROM now() - min(undone.due_since)), 0)::float8 AS due
        FROM (
          SELECT CASE WHEN one.branch IS NULL OR one.branch = '' THEN ''
              WHEN one.branch = ANY (${[...known.all()]}::text[]) THEN one.branch ELSE 'other'
            END AS branch, one.ts, split_part(one.reason, ':', 1) AS code,
            CASE WHEN one.next_attempt_at <= now() AND held.at IS NULL THEN greatest(one.next_attempt_at, 'epoch') END AS due_since,
            row_state(one.processed, one.ok, one.reason, one.next_attempt_at) AS state
          FROM ${sql(table)} AS one
          LEFT JOIN row_refusals AS held ON held.source = ${sources[table]} AND held.source_id = one.id
          WHERE NOT one.processed
        ) AS undone LEFT JOIN reasons ON reasons.code = undone.code
        GROUP BY 2, 3, 4
      `

      return Measures.of({
        // Whoever reaches the port may ask, and as often as they like.
        undone: yield* Effect.suspend(() => sql`${undone("events")} UNION ALL ${undone("history")}`).pipe(
          asDatabaseError,
          within(limit),
          Effect.flatMap(decode(Undone)),
          Effect.cachedWithTTL(yield* Freshness)
        ),
        paused: sql`SELECT held.branch FROM paused_branches AS held ORDER BY held.branch`.pipe(
          asDatabaseError,
          within(limit),
          Effect.flatMap(decode(Schema.Struct({ branch: Schema.String }))),
          Effect.map((rows) => Array.from(new Set(rows.map(({ branch }) => known.label(branch)))))
        )
      })
    })
  )
}

/** Whoever scrapes waits 10 s, as a rule. */
const limit = Duration.seconds(5)

// PostgreSQL made these rows: one that does not decode is a defect.
const decode =
  <S extends Schema.Decoder<unknown>>(row: S) =>
  (rows: ReadonlyArray<unknown>) =>
    Effect.orDie(Schema.decodeUnknownEffect(Schema.Array(row))(rows))
