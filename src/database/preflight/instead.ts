/** Where Jarvis could live when the tables of a schema do not fit it. */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { SchemaName } from "../SchemaName.ts"
import type { Finding } from "./Finding.ts"
import type { ServerState } from "./server.ts"

/** Whether a schema of Jarvis's own would cure all that is fatal. */
export const isCurable = (findings: ReadonlyArray<Finding>): boolean => {
  const fatal = findings.filter(({ level }) => level === "fatal")
  return fatal.length > 0 && fatal.every(({ cured }) => cured)
}

/** The schema that Jarvis lives in already, else one that is free; null where this user can make none. */
export const findSchema = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  { may_create_schemas }: ServerState,
  schema: SchemaName
) {
  const schemas = yield* sql<{ readonly name: string; readonly ours: boolean }>`
    SELECT pg_namespace.nspname AS name, pg_namespace.nspname <> ${schema} AND EXISTS (
        SELECT FROM pg_class
        WHERE pg_class.relnamespace = pg_namespace.oid AND pg_class.relname = 'jarvis_functions'
          AND pg_class.relkind = 'r' AND pg_has_role(pg_class.relowner, 'USAGE')
      ) AS ours
    FROM pg_namespace ORDER BY 1
  `
  const ours = schemas.find((one) => one.ours)
  if (ours !== undefined) return SchemaName.make(ours.name)
  if (!may_create_schemas) return null
  const free = ["jarvis", ...Array.from(schemas, (_, n) => `jarvis_${n + 2}`)]
  return SchemaName.make(free.find((name) => !schemas.some((one) => one.name === name)) ?? "jarvis")
})
