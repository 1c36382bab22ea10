/** What stands in a schema beside what Jarvis expects there. */
import type { Catalog, Relation } from "../catalog.ts"
import type { SchemaName } from "../SchemaName.ts"
import type { Bring } from "./bring.ts"

export interface Comparison {
  readonly schema: SchemaName
  readonly actual: Catalog
  readonly expected: Catalog
  /** What the pending migrations bring. */
  readonly brings: Bring
  /** Whether the functions and triggers of sql/functions are about to be put in place. */
  readonly bringsFunctions: boolean
  /** Whether Jarvis has run here before: what has its names is its own. */
  readonly isOurs: boolean
}

/** A table that is expected, and stands there. */
export interface Pair {
  readonly is: Relation
  readonly must: Relation
  /** A table of RentProg's records. The others are what Jarvis itself works with. */
  readonly isMirror: boolean
}

/** Whether a table has a column of this type. */
export const has = ({ columns }: Relation, name: string, type: string): boolean =>
  columns.some((column) => column.name === name && column.type === type)

/** Early databases have the books of another migrator, which become Jarvis's own with the first migration. */
const isEarlyBook = (relation: Relation): boolean =>
  relation.name === "jarvis_migrations" &&
  has(relation, "migration_id", "integer") &&
  !relation.columns.some(({ name }) => name === "id")

/** Whether this is the book of what has run, as some version has kept it, and no stranger of its name. */
export const isBook = (relation: Relation): boolean =>
  relation.name === "jarvis_functions"
    ? has(relation, "version", "integer") && has(relation, "checksum", "text")
    : relation.name === "jarvis_migrations" &&
      has(relation, "name", "text") &&
      (has(relation, "id", "integer") || isEarlyBook(relation))

/** The tables that are expected and stand there, as plain tables. */
export const pairs = ({ actual, expected }: Comparison): ReadonlyArray<Pair> =>
  expected.relations.flatMap((must) => {
    const is = actual.relations.find(({ name }) => name === must.name)
    if (is === undefined || is.kind !== "r" || is.bound || must.kind !== "r" || isEarlyBook(is)) return []
    return [{ is, must, isMirror: must.columns.some(({ name }) => name === "rentprog_id") }]
  })
