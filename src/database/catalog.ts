/** What a schema holds, read from PostgreSQL's catalogs in one pass. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"

const Column = Schema.Struct({
  name: Schema.String,
  /** As `format_type` has it: `character varying(50)` */
  type: Schema.String,
  /** Of a domain the type that it is made of, else null. */
  domain_of: Schema.NullOr(Schema.String),
  not_null: Schema.Boolean,
  /** A default, an identity or an expression: whoever leaves the column out gets a value. */
  filled: Schema.Boolean,
  /** GENERATED ALWAYS, as an expression or as an identity: nobody can write it. */
  generated: Schema.Boolean,
  /** Its default or expression; `identity` of an identity. */
  default: Schema.NullOr(Schema.String),
  comment: Schema.NullOr(Schema.String)
})
export type Column = typeof Column.Type

const Index = Schema.Struct({
  name: Schema.String,
  definition: Schema.String,
  unique: Schema.Boolean,
  primary: Schema.Boolean,
  /** Of a PRIMARY KEY, UNIQUE or EXCLUDE constraint. */
  constraint: Schema.Boolean,
  valid: Schema.Boolean,
  /** Its key columns; of an expression null. */
  columns: Schema.Array(Schema.NullOr(Schema.String)),
  /** Whether it is about all rows. */
  whole: Schema.Boolean,
  /** Checked with each row, not at the end of a transaction. */
  immediate: Schema.Boolean,
  /** Whether two nulls are two values. */
  nulls_distinct: Schema.Boolean
})
export type Index = typeof Index.Type

const Relation = Schema.Struct({
  name: Schema.String,
  /** `pg_class.relkind`: r table, p partitioned, v view, m materialized view, f foreign table. */
  kind: Schema.String,
  /** A partition, or a table OF a type: its columns are another's. */
  bound: Schema.Boolean,
  /** UNLOGGED: a crash of the server empties it. */
  unlogged: Schema.Boolean,
  owner: Schema.String,
  /** Whether this user may do what owners may. */
  owned: Schema.Boolean,
  /** Whether this user may SELECT from it. */
  readable: Schema.Boolean,
  /** Row security keeps rows from this user. */
  secured: Schema.Boolean,
  columns: Schema.Array(Column),
  indexes: Schema.Array(Index),
  /** CHECK, FOREIGN KEY and EXCLUDE. */
  constraints: Schema.Array(
    Schema.Struct({ name: Schema.String, type: Schema.String, definition: Schema.String })
  ),
  triggers: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      definition: Schema.String,
      enabled: Schema.Boolean,
      /** A constraint trigger. */
      constraint: Schema.Boolean
    })
  ),
  /** `event`: INSERT, UPDATE or DELETE. */
  rules: Schema.Array(Schema.Struct({ name: Schema.String, event: Schema.String })),
  /** Of a view. */
  definition: Schema.NullOr(Schema.String)
})
export type Relation = typeof Relation.Type

const Routine = Schema.Struct({
  /** `apply_fields(regclass,text,timestamp with time zone,jsonb)` */
  signature: Schema.String,
  /** `pg_proc.prokind`: f function, p procedure, a aggregate, w window function. */
  kind: Schema.String,
  result: Schema.String,
  parameters: Schema.Array(Schema.String),
  owner: Schema.String,
  owned: Schema.Boolean,
  /** Its whole text, where PostgreSQL can say it. */
  definition: Schema.NullOr(Schema.String),
  comment: Schema.NullOr(Schema.String)
})
export type Routine = typeof Routine.Type

const Catalog = Schema.Struct({
  relations: Schema.Array(Relation),
  routines: Schema.Array(Routine),
  /** What else has a name that no table can have beside it. */
  others: Schema.Array(
    Schema.Struct({ name: Schema.String, kind: Schema.Literals(["sequence", "composite type", "type"]) })
  )
})
export type Catalog = typeof Catalog.Type

const decode = Schema.decodeUnknownEffect(Schema.Struct({ catalog: Catalog }))

/**
 * Reads the schema, or with `pg_temp` the session's temporary tables. Types and tables of the schema itself are named
 * without it, so that two schemas can be compared: the search path has to begin with it.
 */
export const readCatalog = Effect.fnUntraced(function* (sql: PgClient.PgClient, place: string) {
  const namespace =
    place === "pg_temp" ? sql`pg_my_temp_schema()` : sql`to_regnamespace(quote_ident(${place}))`
  const [row] = yield* sql`
    WITH place AS (SELECT ${namespace}::oid AS oid), relation AS (
      SELECT pg_class.* FROM pg_class, place
      WHERE pg_class.relnamespace = place.oid AND pg_class.relkind IN ('r', 'p', 'v', 'm', 'f')
    ), columns AS (
      SELECT relation.oid AS of, jsonb_agg(jsonb_build_object(
        'name', a.attname,
        'type', format_type(a.atttypid, a.atttypmod),
        'domain_of', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END,
        'not_null', a.attnotnull,
        'filled', a.atthasdef OR a.attidentity <> '',
        'generated', a.attgenerated <> '' OR a.attidentity = 'a',
        'default', CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END,
        'comment', col_description(relation.oid, a.attnum)
      ) ORDER BY a.attnum) AS list
      FROM relation
      JOIN pg_attribute AS a ON a.attrelid = relation.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_type AS t ON t.oid = a.atttypid
      LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      GROUP BY relation.oid
    ), indexes AS (
      SELECT i.indrelid AS of, jsonb_agg(jsonb_build_object(
        'name', named.relname,
        'definition', pg_get_indexdef(i.indexrelid, 0, true),
        'unique', i.indisunique,
        'primary', i.indisprimary,
        'constraint', EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')),
        'valid', i.indisvalid,
        'whole', i.indpred IS NULL,
        'immediate', i.indimmediate,
        'nulls_distinct', NOT i.indnullsnotdistinct,
        'columns', (
          SELECT jsonb_agg(a.attname ORDER BY key.n)
          FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS key (attnum, n)
          LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = key.attnum AND key.attnum > 0
          WHERE key.n <= i.indnkeyatts
        )
      ) ORDER BY named.relname) AS list
      FROM relation JOIN pg_index AS i ON i.indrelid = relation.oid JOIN pg_class AS named ON named.oid = i.indexrelid
      GROUP BY i.indrelid
    ), constraints AS (
      SELECT c.conrelid AS of, jsonb_agg(jsonb_build_object(
        'name', c.conname, 'type', c.contype, 'definition', pg_get_constraintdef(c.oid, true)
      ) ORDER BY c.conname) AS list
      FROM relation JOIN pg_constraint AS c ON c.conrelid = relation.oid AND c.contype IN ('c', 'f', 'x')
      GROUP BY c.conrelid
    ), triggers AS (
      SELECT t.tgrelid AS of, jsonb_agg(jsonb_build_object(
        'name', t.tgname,
        'definition', replace(pg_get_triggerdef(t.oid, true), 'FUNCTION pg_temp.', 'FUNCTION '),
        'enabled', t.tgenabled IN ('O', 'A'),
        'constraint', t.tgconstraint <> 0
      ) ORDER BY t.tgname) AS list
      FROM relation JOIN pg_trigger AS t ON t.tgrelid = relation.oid AND NOT t.tgisinternal
      GROUP BY t.tgrelid
    ), rules AS (
      SELECT r.ev_class AS of, jsonb_agg(jsonb_build_object(
        'name', r.rulename,
        'event', CASE r.ev_type WHEN '2' THEN 'UPDATE' WHEN '3' THEN 'INSERT' ELSE 'DELETE' END
      ) ORDER BY r.rulename) AS list
      FROM relation JOIN pg_rewrite AS r ON r.ev_class = relation.oid AND r.rulename <> '_RETURN'
      GROUP BY r.ev_class
    )
    SELECT jsonb_build_object(
      'relations', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
          'name', relation.relname,
          'kind', relation.relkind,
          'bound', relation.relispartition OR relation.reloftype <> 0,
          'unlogged', relation.relpersistence = 'u',
          'owner', pg_get_userbyid(relation.relowner),
          'owned', pg_has_role(relation.relowner, 'USAGE'),
          'readable', has_schema_privilege(relation.relnamespace, 'USAGE') AND has_table_privilege(relation.oid, 'SELECT'),
          'secured', row_security_active(relation.oid),
          'columns', coalesce(columns.list, '[]'),
          'indexes', coalesce(indexes.list, '[]'),
          'constraints', coalesce(constraints.list, '[]'),
          'triggers', coalesce(triggers.list, '[]'),
          'rules', coalesce(rules.list, '[]'),
          'definition', CASE WHEN relation.relkind IN ('v', 'm') THEN pg_get_viewdef(relation.oid, true) END
        ) ORDER BY relation.relname), '[]')
        FROM relation
        LEFT JOIN columns ON columns.of = relation.oid
        LEFT JOIN indexes ON indexes.of = relation.oid
        LEFT JOIN constraints ON constraints.of = relation.oid
        LEFT JOIN triggers ON triggers.of = relation.oid
        LEFT JOIN rules ON rules.of = relation.oid
      ),
      'routines', (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
          'signature', format('%s(%s)', p.proname, replace(oidvectortypes(p.proargtypes), ', ', ',')),
          'kind', p.prokind,
          'result', coalesce(pg_get_function_result(p.oid), ''),
          'parameters', to_jsonb(coalesce(p.proargnames, '{}')),
          'owner', pg_get_userbyid(p.proowner),
          'owned', pg_has_role(p.proowner, 'USAGE'),
          'definition', CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) END,
          'comment', obj_description(p.oid, 'pg_proc')
        ) ORDER BY p.proname), '[]')
        FROM pg_proc AS p, place WHERE p.pronamespace = place.oid
      ),
      'others', (
        SELECT coalesce(jsonb_agg(jsonb_build_object('name', other.name, 'kind', other.kind) ORDER BY other.name), '[]')
        FROM place, LATERAL (
          SELECT c.relname AS name, CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'composite type' END AS kind
          FROM pg_class AS c WHERE c.relnamespace = place.oid AND c.relkind IN ('S', 'c')
          UNION ALL
          -- No row types, which go with their tables, and no arrays, which make way.
          SELECT t.typname, 'type' FROM pg_type AS t
          WHERE t.typnamespace = place.oid AND t.typrelid = 0 AND t.typcategory <> 'A'
        ) AS other
      )
    ) AS catalog
  `
  return (yield* Effect.orDie(decode(row))).catalog
})
