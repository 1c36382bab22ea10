/** The functions, triggers and views of sql/functions/, put in place as a whole. */
import type { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import type { Catalog, Relation, Routine } from "./catalog.ts"
import { readGrants, regrant } from "./grants.ts"
import type { SchemaName } from "./SchemaName.ts"
import { asOneStatement, type Functions } from "./sqlFiles.ts"

/** Something of the company's stands on one of ours that has to be made anew. */
export class Dependent extends Schema.TaggedError<Dependent>()("Dependent", { message: Schema.String }) {}

/** Names, modes, types and defaults of the parameters: what stands behind the name in the first line of a definition. */
const parametersOf = ({ definition }: Routine): string | undefined =>
  definition?.split("\n")[0]?.replace(/^[^(]*/, "")

/**
 * CREATE OR REPLACE cannot give a function another result or other parameters. A procedure has no result, and an aggregate
 * no definition.
 */
const isAnother = (one: Routine, other: Routine): boolean =>
  one.signature === other.signature &&
  (one.result !== other.result || parametersOf(one) !== parametersOf(other))

/** CREATE OR REPLACE can only add columns at the end of a view. */
const hasOtherColumns = (one: Relation, other: Relation): boolean =>
  one.name === other.name &&
  one.columns.some(({ name, type }, n) => other.columns[n]?.name !== name || other.columns[n]?.type !== type)

const viewsOf = ({ relations }: Catalog) => relations.filter(({ kind }) => kind === "v")

const Outdated = Schema.Struct({
  /** `function public.event_type(text)`, `index public.an_index` */
  title: Schema.String,
  /** Of a function or view of ours: `ROUTINE public.event_type(text)`, `TABLE public.a_view`. */
  object: Schema.NullOr(Schema.String)
})
const decodeOutdated = Schema.decodeUnknownEffect(Schema.Array(Outdated))

/** What CREATE OR REPLACE cannot change, and all that stands on that: the topmost first. */
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
        format('%s(%s)', p.proname, replace(oidvectortypes(p.proargtypes), ', ', ',')) AS name
      FROM pg_proc AS p, place WHERE p.pronamespace = place.oid
      UNION ALL
      SELECT 'pg_class'::regclass, c.oid, c.relname
      FROM pg_class AS c, place WHERE c.relnamespace = place.oid AND c.relkind = 'v'
    ), standing (class, oid, height) AS (
      SELECT named.class, named.oid, 0 FROM named
      WHERE named.class = 'pg_proc'::regclass AND named.name = ANY (${routines})
        OR named.class = 'pg_class'::regclass AND named.name = ANY (${views})
      UNION
      -- A view stands on what its rule says; on its type may stand others.
      SELECT CASE WHEN r.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END, coalesce(r.ev_class, d.objid), height + 1
      FROM standing
      JOIN pg_depend AS d ON d.refclassid = standing.class AND d.refobjid = standing.oid
        AND (d.deptype = 'n' OR d.classid = 'pg_type'::regclass)
      LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
      -- To PostgreSQL 15 a view stands on itself, too.
      WHERE height < 20 AND coalesce(r.ev_class, d.objid) <> standing.oid
    ), found AS (
      SELECT standing.class, standing.oid, max(standing.height) AS height FROM standing
      WHERE standing.class <> 'pg_type'::regclass
      GROUP BY 1, 2
    )
    SELECT object.type || ' ' || replace(object.identity, 'pg_catalog.', '') AS title,
      CASE WHEN named.name = ANY (${[
        ...expected.routines.map(({ signature }) => signature),
        ...viewsOf(expected).map(({ name }) => name)
      ]}) THEN CASE named.class WHEN 'pg_class'::regclass THEN 'TABLE ' ELSE 'ROUTINE ' END || object.identity END AS object
    FROM found
    CROSS JOIN LATERAL pg_identify_object(found.class, found.oid, 0) AS object
    LEFT JOIN named ON named.class = found.class AND named.oid = found.oid
    ORDER BY found.height DESC
  `
  return yield* Effect.orDie(decodeOutdated(rows))
})

/**
 * What has to be dropped before the files can make it anew, the topmost first. Fails where something of the company's stands
 * on any of it.
 */
export const findOwnOutdated = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  schema: SchemaName,
  actual: Catalog,
  expected: Catalog
) {
  const outdated = yield* findOutdated(sql, schema, actual, expected)
  const theirs = outdated.filter(({ object }) => object === null)
  if (theirs.length > 0) {
    const ours = outdated.filter(({ object }) => object !== null)
    return yield* new Dependent({
      message:
        `${theirs.map(({ title }) => title).join(", ")} depends on ${ours.map(({ title }) => title).join(", ")}, ` +
        "which this version of Jarvis has to make anew; drop yours, run jarvis migrate again, and then create yours again"
    })
  }
  return outdated.flatMap(({ object }) => (object === null ? [] : [object]))
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
  const run = (statements: ReadonlyArray<string>) =>
    Effect.forEach(statements, (statement) => sql.unsafe(statement), { discard: true })
  const texts = files.map((file) => asOneStatement(schema, file))

  const objects = yield* findOwnOutdated(sql, schema, actual, expected)
  if (objects.length === 0) return yield* run(texts)

  const granted = yield* readGrants(sql, schema, objects)
  yield* run(objects.map((object) => `DROP ${object.replace(/^TABLE/, "VIEW")}`))
  yield* run(texts)
  const stillThere = viewsOf(expected).flatMap((view) =>
    view.columns.map(({ name }) => `${view.name}.${name}`)
  )
  yield* run(
    regrant(
      yield* readGrants(sql, schema, objects),
      granted.filter(({ column }) => column === null || stillThere.includes(`${column.of}.${column.name}`))
    )
  )
  // What the files themselves take away counts for more than what was granted.
  yield* run(texts)
})
