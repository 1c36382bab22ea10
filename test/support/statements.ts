import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"

/** How many statements of a kind go to `table`, from all sessions, while `effect` runs. */
export const countStatements = Effect.fnUntraced(function* <A, E, R>(
  kind: "INSERT" | "UPDATE",
  table: string,
  effect: Effect.Effect<A, E, R>
) {
  const sql = yield* PgClient.PgClient
  yield* sql`CREATE TABLE counted_statements (at timestamptz)`
  yield* sql`CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT
    AS $$ BEGIN INSERT INTO counted_statements VALUES (now()); RETURN NULL; END $$`
  yield* sql`CREATE TRIGGER count_statement AFTER ${sql.literal(kind)} ON ${sql(table)}
    FOR EACH STATEMENT EXECUTE FUNCTION count_statement()`
  yield* effect
  const [count] = yield* sql<{
    readonly count: number
  }>`SELECT count(*)::int AS count FROM counted_statements`
  yield* sql`DROP FUNCTION count_statement() CASCADE`
  yield* sql`DROP TABLE counted_statements`
  return count?.count ?? 0
})
