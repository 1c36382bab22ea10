/** The functions, triggers and views of sql/functions/, put in place as a whole. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { Catalog, Relation, Routine } from "./catalog.ts"
import type { SchemaName } from "./SchemaName.ts"
import { asOneStatement, type Functions } from "./sqlFiles.ts"

/** Something of the company's stands on one of ours that has to be made anew. */
export class Dependent extends Schema.TaggedError<Dependent>()("Dependent", { message: Schema.String }) {}

/** CREATE OR REPLACE cannot give a function another result, other names of parameters, or another kind. */
const isAnother = (one: Routine, other: Routine): boolean =>
  one.signature === other.signature &&
  (one.kind !== other.kind ||
    one.result !== other.result ||
    one.parameters.join() !== other.parameters.join())

/** CREATE OR REPLACE can only add columns at the end of a view. */
const hasOtherColumns = (one: Relation, other: Relation): boolean =>
  one.name === other.name &&
  one.columns.some(({ name, type }, n) => other.columns[n]?.name !== name || other.columns[n]?.type !== type)

const viewsOf = ({ relations }: Catalog) => relations.filter(({ kind }) => kind === "v")

const Outdated = Schema.Struct({
  /** `FUNCTION`, `VIEW` */
  kind: Schema.String,
  /** As SQL names it. */
  identity: Schema.String,
  ours: Schema.Boolean,
  /** The statements that give it back the grants that it has. */
  grants: Schema.Array(Schema.String)
})
const decodeOutdated = Schema.decodeUnknownEffect(Schema.Array(Outdated))

/** What has to be dropped before the files can make it anew, and all that stands on that: the topmost first. */
const findOutdated = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  schema: SchemaName,
  actual: Catalog,
  expected: Catalog
) {
  const routines = actual.routines
    .filter((one) => expected.routines.some((other) => isAnother(one, other)))
    .map(({ signature }) => signature)
  const views = viewsOf(actual)
    .filter((one) => viewsOf(expected).some((other) => hasOtherColumns(one, other)))
    .map(({ name }) => name)
  if (routines.length + views.length === 0) return []

  const rows = yield* sql`
    WITH RECURSIVE place AS (SELECT to_regnamespace(quote_ident(${schema})) AS oid), named AS (
      SELECT 'pg_proc'::regclass AS class, p.oid,
        format('%s(%s)', p.proname, replace(oidvectortypes(p.proargtypes), ', ', ',')) AS name, p.proacl AS acl, p.proowner AS owner
      FROM pg_proc AS p, place WHERE p.pronamespace = place.oid
      UNION ALL
      SELECT 'pg_class'::regclass, c.oid, c.relname, c.relacl, c.relowner
      FROM pg_class AS c, place WHERE c.relnamespace = place.oid AND c.relkind = 'v'
    ), standing (class, oid, height) AS (
      SELECT named.class, named.oid, 0 FROM named
      WHERE named.class = 'pg_proc'::regclass AND named.name = ANY (${routines})
        OR named.class = 'pg_class'::regclass AND named.name = ANY (${views})
      UNION
      -- A view stands on what its rule says.
      SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END, coalesce(r.ev_class, d.objid), height + 1
      FROM standing
      JOIN pg_depend AS d ON d.refclassid = standing.class AND d.refobjid = standing.oid AND d.deptype = 'n'
      LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
      WHERE height < 20
    ), found AS (
      SELECT standing.class, standing.oid, max(standing.height) AS height FROM standing GROUP BY 1, 2
    )
    SELECT upper(object.type) AS kind, object.identity,
      coalesce(named.name = ANY (${[
        ...expected.routines.map(({ signature }) => signature),
        ...viewsOf(expected).map(({ name }) => name)
      ]}), false) AS ours,
      to_jsonb(ARRAY(
        SELECT 'REVOKE ALL ON ' || upper(object.type) || ' ' || object.identity || ' FROM PUBLIC'
        WHERE named.acl IS NOT NULL
        UNION ALL
        SELECT format(
          'GRANT %s ON %s %s TO %s%s', granted.privilege_type,
          CASE named.class WHEN 'pg_class'::regclass THEN 'TABLE' ELSE upper(object.type) END, object.identity,
          CASE granted.grantee WHEN 0 THEN 'PUBLIC' ELSE granted.grantee::regrole::text END,
          CASE WHEN granted.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
        )
        FROM aclexplode(named.acl) AS granted WHERE granted.grantee <> named.owner
      )) AS grants
    FROM found
    CROSS JOIN LATERAL pg_identify_object(found.class, found.oid, 0) AS object
    LEFT JOIN named ON named.class = found.class AND named.oid = found.oid
    ORDER BY found.height DESC
  `
  return yield* Effect.orDie(decodeOutdated(rows))
})

/**
 * Brings the functions to their current text, within a transaction. What CREATE OR REPLACE cannot change is dropped and made
 * anew with its grants. Nothing of the company's is ever dropped with it.
 */
export const replaceFunctions = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  schema: SchemaName,
  { files }: Functions,
  actual: Catalog,
  expected: Catalog
) {
  const outdated = yield* findOutdated(sql, schema, actual, expected)
  const theirs = outdated.filter(({ ours }) => !ours)
  if (theirs.length > 0) {
    const made = outdated.filter(({ ours }) => ours).map(({ identity }) => identity)
    return yield* new Dependent({
      message:
        `${theirs.map(({ identity, kind }) => `${kind.toLowerCase()} ${identity}`).join(", ")} ` +
        `depends on ${made.join(", ")}, which this version of Jarvis has to make anew; ` +
        "drop yours, run jarvis migrate again, and then create yours again"
    })
  }
  yield* Effect.forEach(outdated, ({ identity, kind }) => sql.unsafe(`DROP ${kind} ${identity}`), {
    discard: true
  })
  yield* Effect.forEach(files, (file) => sql.unsafe(asOneStatement(schema, file)), { discard: true })
  yield* Effect.forEach(
    outdated.flatMap(({ grants }) => grants),
    (grant) => sql.unsafe(grant),
    { discard: true }
  )
})
