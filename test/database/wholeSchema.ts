/** All that a schema consists of, so that two of them can be compared. */
import { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import { readCatalog } from "../../src/database/catalog.ts"
import type { SchemaName } from "../../src/database/SchemaName.ts"

const byName = <A extends { readonly name: string }>(all: ReadonlyArray<A>) =>
  [...all].sort((one, other) => (one.name < other.name ? -1 : 1))

/**
 * What stands in a schema: a catalog, and what a catalog does not tell. The order of a table's columns is left out: it
 * says only which of them came later. So are the names of NOT NULL constraints, which only new servers have.
 */
export const wholeSchema = Effect.fnUntraced(function* (schema: SchemaName) {
  const sql = yield* PgClient.PgClient
  const { relations, routines } = yield* readCatalog(sql, schema)
  const place = sql`to_regnamespace(quote_ident(${schema}))`
  const [more] = yield* sql`
    WITH object AS (
      SELECT 'pg_class'::regclass AS class, pg_class.oid, coalesce(pg_class.relacl, acldefault('r', pg_class.relowner)) AS acl
      FROM pg_class WHERE pg_class.relnamespace = ${place}
      UNION ALL
      SELECT 'pg_proc'::regclass, pg_proc.oid, coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))
      FROM pg_proc WHERE pg_proc.pronamespace = ${place}
      UNION ALL
      SELECT 'pg_constraint'::regclass, pg_constraint.oid, NULL
      FROM pg_constraint WHERE pg_constraint.connamespace = ${place}
      UNION ALL
      SELECT 'pg_trigger'::regclass, pg_trigger.oid, NULL
      FROM pg_trigger JOIN pg_class ON pg_class.oid = pg_trigger.tgrelid
      WHERE pg_class.relnamespace = ${place}
    ), said AS (
      SELECT format(
        'sequence %s of %s %s: %s', seqrelid::regclass, pg_depend.refobjid::regclass, pg_attribute.attname,
        to_jsonb(pg_sequence.*) - 'seqrelid'
      ) AS it
      FROM pg_sequence
      LEFT JOIN pg_depend ON pg_depend.objid = seqrelid AND pg_depend.refobjsubid > 0
      LEFT JOIN pg_attribute ON pg_attribute.attrelid = pg_depend.refobjid AND pg_attribute.attnum = pg_depend.refobjsubid
      UNION ALL
      SELECT format('identity of %s.%s: %s', attrelid::regclass, attname, attidentity)
      FROM pg_attribute JOIN object ON object.oid = attrelid AND object.class = 'pg_class'::regclass
      WHERE attidentity <> ''
      UNION ALL
      SELECT format('constraint %s of %s: %s', conname, conrelid::regclass, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE connamespace = ${place} AND contype <> 'n'
      UNION ALL
      SELECT format('comment on %s: %s', pg_describe_object(classoid, objoid, objsubid), description)
      FROM pg_description JOIN object ON object.class = classoid AND object.oid = objoid
      UNION ALL
      SELECT format(
        '%s on %s to %s%s', granted.privilege_type, pg_describe_object(object.class, object.oid, 0),
        CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END,
        CASE WHEN granted.is_grantable THEN ' and on' END
      )
      FROM object, aclexplode(object.acl) AS granted
      UNION ALL
      SELECT format('storage of %s: %s %s %s %s', relname, relpersistence, relreplident, relrowsecurity, reloptions)
      FROM pg_class WHERE relnamespace = ${place}
    )
    SELECT array_agg(said.it ORDER BY said.it COLLATE "C") AS all FROM said
  `
  return {
    relations: byName(relations).map((relation) => ({ ...relation, columns: byName(relation.columns) })),
    routines: routines
      .map((routine) => ({ ...routine, name: routine.signature }))
      .sort((one, other) => (one.signature < other.signature ? -1 : 1)),
    more: more?.["all"]
  }
})
