/** What PostgreSQL says of a table whose rows are, or are to be, forwarded. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import { Seen } from "./forwardable.ts"
import type { SchemaName } from "./SchemaName.ts"

/** It says which Jarvis the trigger is of: two may forward the same table. */
export const triggerOf = (schema: SchemaName) => `forward_to_${schema}`

/** A trigger's arguments, as pg_trigger has them. */
export const argsOf = (sql: PgClient.PgClient, source: string, target: string) =>
  sql.literal(
    `convert_to(${source}, getdatabaseencoding()) || decode('00', 'hex') || convert_to(${target}, getdatabaseencoding()) || decode('00', 'hex')`
  )

const decodeSeen = Schema.decodeUnknownEffect(Schema.Tuple([Seen]))

/** All that has to be known of a table. PostgreSQL finds it as it would in a statement. */
export const look = Effect.fnUntraced(function* (sql: PgClient.PgClient, schema: SchemaName, name: string) {
  const rows = yield* sql`
    WITH found AS (
      SELECT pg_class.*, format('%I.%I', pg_namespace.nspname, pg_class.relname) AS source
      FROM pg_class JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
      WHERE pg_class.oid = to_regclass(${name})
    ), function AS (
      SELECT pg_proc.oid, pg_proc.proowner FROM pg_proc
      WHERE pg_proc.proname = 'forward_row' AND pg_proc.pronamespace = to_regnamespace(quote_ident(${schema}))
    ), trigger AS (
      SELECT pg_trigger.tgenabled, pg_trigger.tgargs, found.source FROM pg_trigger JOIN found ON found.oid = pg_trigger.tgrelid
      WHERE pg_trigger.tgname = ${triggerOf(schema)}
    )
    SELECT EXISTS (SELECT FROM function) AS "isMigrated",
      current_user::text AS "user",
      found.source,
      found.relkind::text AS kind,
      coalesce(found.relispartition, false) AS "isPartition",
      coalesce(found.relkind = 'r' AND EXISTS (
        SELECT FROM pg_inherits WHERE pg_inherits.inhparent = found.oid
      ), false) AS "isInherited",
      coalesce(found.relname IN ('events', 'history') AND EXISTS (
        SELECT FROM pg_class WHERE pg_class.relname = 'jarvis_migrations' AND pg_class.relnamespace = found.relnamespace
      ), false) AS "isJarvis",
      (
        SELECT coalesce(jsonb_object_agg(pg_attribute.attname, format_type(pg_attribute.atttypid, NULL)), '{}')
        FROM pg_attribute
        WHERE pg_attribute.attrelid = found.oid AND pg_attribute.attnum > 0 AND NOT pg_attribute.attisdropped
      ) AS columns,
      pg_get_userbyid(found.relowner)::text AS owner,
      coalesce(pg_has_role(found.relowner, 'USAGE'), false) AS "isOwned",
      coalesce(has_table_privilege(found.oid, 'TRIGGER'), false) AS "mayTrigger",
      coalesce(has_table_privilege(found.oid, 'SELECT'), false) AS "mayRead",
      coalesce(row_security_active(found.oid), false) AS "isSecured",
      (
        SELECT pg_get_userbyid(function.proowner)::text FROM function
        WHERE NOT has_function_privilege(function.oid, 'EXECUTE')
      ) AS "onlyBy",
      EXISTS (SELECT FROM trigger) AS "hasTrigger",
      (
        SELECT target.name FROM trigger, (VALUES ('events'), ('history')) AS target (name)
        WHERE trigger.tgenabled IN ('O', 'A') AND trigger.tgargs = ${argsOf(sql, "trigger.source", "target.name")}
      ) AS "firesFor",
      EXISTS (
        SELECT FROM pg_index
        JOIN pg_attribute ON pg_attribute.attrelid = pg_index.indrelid AND pg_attribute.attnum = pg_index.indkey[0]
        WHERE pg_index.indrelid = found.oid AND pg_index.indisunique AND pg_index.indisvalid AND pg_index.indnkeyatts = 1
          AND pg_index.indpred IS NULL AND pg_attribute.attname = 'id'
      ) AS "hasKey"
    FROM (SELECT) AS always LEFT JOIN found ON true
  `
  const [seen] = yield* Effect.orDie(decodeSeen(rows))
  return seen
})
