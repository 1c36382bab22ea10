/**
 * What the files of sql/ make of an empty schema. PostgreSQL itself says it: they run on temporary tables, whose catalogs
 * are read, and which are then rolled back. So nothing has to say a second time what stands in sql/.
 */
import type { PgClient } from "@effect/sql-pg"
import { Data, Effect } from "effect"
import type { SqlError } from "effect/sql"
import { type Catalog, readCatalog } from "./catalog.ts"
import { asOneStatement, type SqlFiles } from "./sqlFiles.ts"

/** Takes everything back, and carries the answer out of the transaction. */
class Read extends Data.TaggedError("Read")<{ readonly catalog: Catalog }> {}

/** Needs the right to make temporary tables, which everybody has unless it was taken from them. */
export const readExpected = (
  sql: PgClient.PgClient,
  { bookkeeping, functions, migrations }: SqlFiles
): Effect.Effect<Catalog, SqlError.SqlError> =>
  Effect.gen(function* () {
    // With the schema first, its own types are named without it.
    yield* sql`SET LOCAL search_path = pg_temp`
    yield* sql`SET LOCAL client_min_messages = error`
    for (const file of [bookkeeping, ...migrations, ...functions.files]) {
      yield* sql.unsafe(asOneStatement("pg_temp", file))
    }
    return yield* new Read({ catalog: yield* readCatalog(sql, "pg_temp") })
  }).pipe(
    sql.withTransaction,
    Effect.catchTag("Read", ({ catalog }) => Effect.succeed(catalog))
  )
