/** Who may do what with functions and views: what has to be made anew keeps its grants. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { SchemaName } from "./SchemaName.ts"

const Grant = Schema.Struct({
  /** `ROUTINE public.event_type(text)`, `TABLE public.a_view` */
  object: Schema.String,
  privilege: Schema.String,
  /** The view and the column, where it is about a single one. */
  column: Schema.NullOr(Schema.Struct({ of: Schema.String, name: Schema.String })),
  /** As SQL names it. */
  grantee: Schema.String,
  /** The grantee may grant it in turn. */
  grantable: Schema.Boolean
})
type Grant = typeof Grant.Type
const decodeGrants = Schema.decodeUnknownEffect(Schema.Array(Grant))

/** What is granted on these objects, but for what is this user's own. */
export const readGrants = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  schema: SchemaName,
  objects: ReadonlyArray<string>
) {
  const rows = yield* sql`
    WITH place AS (SELECT to_regnamespace(quote_ident(${schema})) AS oid), object AS (
      SELECT 'pg_proc'::regclass AS class, p.oid, coalesce(p.proacl, acldefault('f', p.proowner)) AS acl
      FROM pg_proc AS p, place WHERE p.pronamespace = place.oid
      UNION ALL
      SELECT 'pg_class'::regclass, c.oid, coalesce(c.relacl, acldefault('r', c.relowner))
      FROM pg_class AS c, place WHERE c.relnamespace = place.oid AND c.relkind = 'v'
    ), part AS (
      SELECT object.*, NULL::jsonb AS column FROM object
      UNION ALL
      SELECT object.class, object.oid, a.attacl, jsonb_build_object('of', c.relname, 'name', a.attname)
      FROM object
      JOIN pg_class AS c ON object.class = 'pg_class'::regclass AND c.oid = object.oid
      JOIN pg_attribute AS a ON a.attrelid = c.oid
    ), named AS (
      SELECT part.*, CASE part.class WHEN 'pg_class'::regclass THEN 'TABLE ' ELSE 'ROUTINE ' END || known.identity AS name
      FROM part CROSS JOIN LATERAL pg_identify_object(part.class, part.oid, 0) AS known
    )
    SELECT named.name AS object, granted.privilege_type AS privilege, named.column,
      CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END AS grantee,
      granted.is_grantable AS grantable
    FROM named CROSS JOIN LATERAL aclexplode(named.acl) AS granted
    WHERE named.name = ANY (${objects}) AND granted.grantee <> current_user::regrole
  `
  return yield* Effect.orDie(decodeGrants(rows))
})

const what = ({ column, object, privilege }: Grant): string =>
  `${privilege}${column === null ? "" : ` ("${column.name.replaceAll('"', '""')}")`} ON ${object}`

const isIn = (grants: ReadonlyArray<Grant>) => (grant: Grant) =>
  grants.some(
    (one) => what(one) === what(grant) && one.grantee === grant.grantee && one.grantable === grant.grantable
  )

/** The statements that make of these grants those. Objects that were made anew have what the database's defaults give. */
export const regrant = (from: ReadonlyArray<Grant>, to: ReadonlyArray<Grant>): ReadonlyArray<string> => [
  ...from.filter((grant) => !isIn(to)(grant)).map((grant) => `REVOKE ${what(grant)} FROM ${grant.grantee}`),
  ...to
    .filter((grant) => !isIn(from)(grant))
    .map((grant) => `GRANT ${what(grant)} TO ${grant.grantee}${grant.grantable ? " WITH GRANT OPTION" : ""}`)
]
