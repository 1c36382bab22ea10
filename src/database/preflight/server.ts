/** What the server, the database and this user are, whatever the schema holds. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { SchemaName } from "../SchemaName.ts"
import { anywhere, type Finding } from "./Finding.ts"
import { ident } from "./names.ts"

const ServerState = Schema.Struct({
  /** `18.4` */
  version: Schema.String,
  /** `180004` */
  version_number: Schema.Int,
  encoding: Schema.String,
  standby: Schema.Boolean,
  read_only: Schema.Boolean,
  role: Schema.String,
  database: Schema.String,
  database_owner: Schema.String,
  may_create_schemas: Schema.Boolean,
  may_make_temporary_tables: Schema.Boolean,
  /** Null where there is no such schema. */
  schema: Schema.NullOr(
    Schema.Struct({ owner: Schema.String, may_create: Schema.Boolean, may_use: Schema.Boolean })
  )
})
export type ServerState = typeof ServerState.Type
const decode = Schema.decodeUnknownEffect(ServerState)

/** Reads what the preflight has to know before all else. Works on old servers, too, and on those that only read. */
export const readServer = Effect.fnUntraced(function* (sql: PgClient.PgClient, schema: SchemaName) {
  const [row] = yield* sql`
    SELECT split_part(current_setting('server_version'), ' ', 1) AS version,
      current_setting('server_version_num')::int AS version_number,
      current_setting('server_encoding') AS encoding,
      pg_is_in_recovery() AS standby,
      current_setting('transaction_read_only') = 'on' AS read_only,
      current_user::text AS role,
      current_database()::text AS database,
      pg_get_userbyid(pg_database.datdba)::text AS database_owner,
      has_database_privilege(pg_database.oid, 'CREATE') AS may_create_schemas,
      has_database_privilege(pg_database.oid, 'TEMP') AS may_make_temporary_tables,
      (
        SELECT json_build_object(
          'owner', pg_get_userbyid(CASE pg_namespace.nspowner::regrole::text
            WHEN 'pg_database_owner' THEN pg_database.datdba ELSE pg_namespace.nspowner
          END),
          'may_create', has_schema_privilege(pg_namespace.oid, 'CREATE'),
          'may_use', has_schema_privilege(pg_namespace.oid, 'USAGE')
        )
        FROM pg_namespace WHERE pg_namespace.nspname = ${schema}
      ) AS schema
    FROM pg_database WHERE pg_database.datname = current_database()
  `
  return yield* Effect.orDie(decode(row))
})

/** The oldest PostgreSQL that Jarvis runs on. */
const oldest = 15

/** Whether its catalogs may lack what is asked of them. */
export const isTooOld = ({ version_number }: ServerState): boolean => version_number < oldest * 10_000

/** What no schema cures. */
export function* inspectServer(server: ServerState): Iterable<Finding> {
  if (isTooOld(server)) {
    yield anywhere("fatal", "server", {
      is: `PostgreSQL ${server.version}`,
      must: `PostgreSQL ${oldest} or later`,
      todo: "upgrade the server"
    })
  }
  const database = `database ${ident(server.database)}`
  if (server.encoding !== "UTF8") {
    yield anywhere("fatal", database, {
      is: `encoded in ${server.encoding}`,
      must: "encoded in UTF8: RentProg writes Russian and Georgian",
      todo: `CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and set DATABASE_URL to it`
    })
  }
  if (server.standby) {
    yield anywhere("fatal", "server", {
      is: "a standby",
      must: "the primary: Jarvis writes",
      todo: "set DATABASE_URL to the primary"
    })
  } else if (server.read_only) {
    yield anywhere("fatal", database, {
      is: "read-only for this user",
      must: "one that can be written",
      todo: `find who set default_transaction_read_only, and set it to off`
    })
  }
}

/** Whether sql/ can be run on temporary tables, to see what it makes. */
export const canCompare = ({
  encoding,
  may_make_temporary_tables,
  read_only,
  standby
}: ServerState): boolean => encoding === "UTF8" && may_make_temporary_tables && !read_only && !standby

/** Without temporary tables nothing is compared; only whoever has nothing to migrate can do without that. */
export function* inspectTemporary(server: ServerState, isUpToDate: boolean): Iterable<Finding> {
  if (server.may_make_temporary_tables) return
  yield anywhere(isUpToDate ? "harmless" : "fatal", `role ${ident(server.role)}`, {
    is: isUpToDate
      ? "without the right to make temporary tables: nothing was compared"
      : "without the right to make temporary tables",
    must: "able to make them: that is how Jarvis sees what it expects",
    todo: `GRANT TEMPORARY ON DATABASE ${ident(server.database)} TO ${ident(server.role)}, as ${ident(server.database_owner)}`
  })
}
