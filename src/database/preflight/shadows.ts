/** Tables of the same names in other schemas, which whoever writes `events` may meet instead of Jarvis's. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { Catalog } from "../catalog.ts"
import type { SchemaName } from "../SchemaName.ts"
import { anywhere, type Finding } from "./Finding.ts"
import { ident, list } from "./names.ts"
import type { ServerState } from "./server.ts"

const Path = Schema.Array(Schema.Struct({ schema: Schema.String, tables: Schema.Array(Schema.String) }))
const decode = Schema.decodeUnknownEffect(Path)

/**
 * The schemas that the user's own sessions look through, in their order, and which of these names each has. Jarvis's sessions
 * look at its schema alone; so what is configured is asked for, the nearest first.
 */
const readPath = Effect.fnUntraced(function* (sql: PgClient.PgClient, names: ReadonlyArray<string>) {
  yield* sql`
    SELECT set_config('search_path', coalesce((
      SELECT substr(setting.text, length('search_path=') + 1)
      FROM pg_db_role_setting AS configured, unnest(configured.setconfig) AS setting (text), pg_database
      WHERE pg_database.datname = current_database() AND setting.text LIKE 'search_path=%'
        AND configured.setdatabase IN (0, pg_database.oid)
        AND configured.setrole IN (0, (SELECT pg_roles.oid FROM pg_roles WHERE pg_roles.rolname = session_user))
      ORDER BY configured.setrole <> 0 AND configured.setdatabase <> 0 DESC, configured.setrole <> 0 DESC,
        configured.setdatabase <> 0 DESC
      LIMIT 1
    ), '"$user", public'), true)
  `
  const rows = yield* sql`
    SELECT path.schema::text AS schema, to_jsonb(ARRAY(
      SELECT pg_class.relname FROM pg_class
      WHERE pg_class.relnamespace = to_regnamespace(quote_ident(path.schema))
        AND pg_class.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_class.relname = ANY (${names})
      ORDER BY pg_class.relname
    )) AS tables
    FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (schema, n)
    ORDER BY path.n
  `
  return yield* Effect.orDie(decode(rows))
})

/** A schema at a time: it is a risk where it comes before Jarvis's. */
export const inspectShadows = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  server: ServerState,
  schema: SchemaName,
  expected: Catalog
) {
  const names = expected.relations.map(({ name }) => name)
  const path = yield* sql.withTransaction(readPath(sql, names))
  const own = path.findIndex((one) => one.schema === schema)
  return path.flatMap(({ schema: other, tables }, n): ReadonlyArray<Finding> => {
    if (other === schema || tables.length === 0) return []
    const role = ident(server.role)
    const owned = `the search path of role ${role}`
    const is = `with tables of the same names: ${list(tables)}`
    const todo = `write ${ident(schema)}.${tables[0]}, or ALTER ROLE ${role} SET search_path = ${ident(schema)}`
    return [
      n < own
        ? anywhere("risk", `schema ${ident(other)}`, { is, must: `after ${ident(schema)} on ${owned}`, todo })
        : anywhere("harmless", `schema ${ident(other)}`, {
            is,
            must: own < 0 ? `known: ${ident(schema)} is not on ${owned}` : "no other",
            todo: own < 0 ? todo : "nothing"
          })
    ]
  })
})
