/** Putting the functions in place again, over whatever stands there. */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { migrated, schema } from "../support/TestDatabase.ts"
import { wholeSchema } from "./wholeSchema.ts"

export const whole = Effect.flatMap(schema, wholeSchema)

export const run = Effect.fnUntraced(function* (...statements: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  for (const statement of statements) yield* sql.unsafe(statement)
})

/** What stands here is unknown, so that all of it is put in place. */
export const again = Effect.andThen(run("DELETE FROM jarvis_functions"), migrated)

/** Who may do what with a function or view of ours, or with its columns. */
export const grants = Effect.fnUntraced(function* (name: string) {
  const sql = yield* PgClient.PgClient
  return yield* sql`
    SELECT object.column, granted.grantee::text, granted.privilege_type, granted.is_grantable
    FROM (
      SELECT NULL AS column, coalesce(proacl, acldefault('f', proowner)) AS acl FROM pg_proc
      WHERE pronamespace = current_schema()::regnamespace AND proname = ${name}
      UNION ALL
      SELECT NULL, coalesce(relacl, acldefault('r', relowner)) FROM pg_class WHERE oid = to_regclass(${name})
      UNION ALL
      SELECT attname, attacl FROM pg_attribute WHERE attrelid = to_regclass(${name})
    ) AS object, aclexplode(object.acl) AS granted
    ORDER BY 1, 2, 3
  `
})

export const types = "boolean, boolean, text, timestamptz"
export const parameters = "processed boolean, ok boolean, reason text, next_attempt_at timestamptz"
