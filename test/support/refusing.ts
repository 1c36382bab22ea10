/** What a company may have on a table that lets no update of a row through. */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

/** Runs statements, one after the other. */
export const run = Effect.fnUntraced(function* (...statements: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  yield* Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
})

/** A trigger that does `body` before an update of those rows of which `condition` is true. */
export const refuse = (table: "events" | "history", condition: string, body = "RAISE 'no';") =>
  run(
    `CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
      AS $$ BEGIN IF ${condition} THEN ${body} END IF; RETURN NEW; END $$`,
    `CREATE OR REPLACE TRIGGER refuse BEFORE UPDATE ON ${table} FOR EACH ROW EXECUTE FUNCTION refuse()`
  )
export const refuseNoMore = run("DROP FUNCTION refuse() CASCADE")

interface Refusal {
  readonly source: string
  readonly id: number
  readonly attempts: number
  readonly why: string
  /** Seconds, from the attempt to the next one. */
  readonly wait: number
}

export const refusals = PgClient.PgClient.use(
  (sql) => sql<Refusal>`
    SELECT row_refusals.source, row_refusals.source_id::int AS id, row_refusals.attempts, row_refusals.why,
      extract(epoch FROM row_refusals.next_attempt_at - row_refusals.at)::int AS wait
    FROM row_refusals ORDER BY row_refusals.source, row_refusals.source_id
  `
)

/** Ends the wait of all rows that refused. */
export const endRefusals = run("UPDATE row_refusals SET next_attempt_at = now() - interval '1 second'")
