/** Unique keys: those of the company's that Jarvis's rows would break, and those that Jarvis cannot do without. */
import type { Index, Relation } from "../catalog.ts"
import { type Comparison, type Pair, pairs } from "./Comparison.ts"
import { type Finding, inSchema } from "./Finding.ts"
import { elsewhere, ident, within } from "./names.ts"

export const isOfSameColumns = (one: Index, other: Index): boolean =>
  one.columns.length === other.columns.length && one.columns.every((column) => other.columns.includes(column))

/** Whether an index does what Jarvis needs of its own: ON CONFLICT finds it by its columns. */
export const serves = (is: Index, must: Index): boolean =>
  is.unique && is.valid && is.whole && is.immediate && isOfSameColumns(is, must)

/** What such a default makes is another value each time. */
const isSelfMade = (given: string | null): boolean =>
  given !== null && /^(identity$|nextval\(|gen_random_uuid\(|(\w+\.)?uuid_generate_v)/.test(given)

/** Rows of these come from others as well, who may write what Jarvis leaves out. */
const isWrittenByOthers = ({ name }: Relation): boolean => name === "events" || name === "history"

/** Whether rows that differ in a key of Jarvis's, or in what only the company writes, always differ in this one. */
const isSafe = (key: Index, { is, must }: Pair): boolean => {
  const ofJarvis = must.indexes.some(
    (own) =>
      own.unique &&
      (own.primary || key.nulls_distinct) &&
      own.columns.every((column) => column !== null && key.columns.includes(column))
  )
  const theirs = is.columns.filter(
    ({ name }) => key.columns.includes(name) && !must.columns.some((column) => column.name === name)
  )
  const isOfCompany = theirs.length === key.columns.length || !isWrittenByOthers(is)
  return (
    ofJarvis ||
    theirs.some(
      ({ default: given, filled, not_null }) =>
        isSelfMade(given) || (isOfCompany && key.nulls_distinct && !filled && !not_null)
    )
  )
}

const drop = (comparison: Comparison, { name: table }: Relation, { constraint, name }: Index): string =>
  constraint
    ? `ALTER TABLE ${within(comparison, table)} DROP CONSTRAINT ${ident(name)}`
    : `DROP INDEX ${within(comparison, name)}`

function* inspectTheirs(comparison: Comparison, pair: Pair): Iterable<Finding> {
  for (const key of pair.is.indexes) {
    if (!key.unique || isSafe(key, pair)) continue
    const kind = key.constraint ? "constraint" : "index"
    yield inSchema(pair.isMirror ? "risk" : "fatal", `${kind} ${pair.is.name}.${key.name}`, {
      // `UNIQUE (branch, type, ext_id) WHERE …`
      is: `UNIQUE ${key.definition.replace(/^.*? USING \w+ /, "")}`,
      must: pair.isMirror ? "absent: rows that break it are refused" : "absent: Jarvis's rows break it",
      todo: drop(comparison, pair.is, key)
    })
  }
}

function* inspectOurs(comparison: Comparison, { is, isMirror, must }: Pair): Iterable<Finding> {
  for (const own of must.indexes) {
    if (!own.unique || (isMirror && own.primary) || comparison.brings.indexes.has(own.name)) continue
    // A column that is missing has been found already.
    if (!own.columns.every((name) => is.columns.some((column) => column.name === name))) continue
    if (is.indexes.some((key) => serves(key, own))) continue
    const columns = own.columns.map((column) => ident(column ?? "")).join(", ")
    const table = within(comparison, is.name)
    yield inSchema("fatal", `table ${is.name}`, {
      is: `without a unique key (${columns})`,
      must: "with one that is valid and not deferrable",
      todo: comparison.isOurs
        ? `CREATE UNIQUE INDEX CONCURRENTLY ${ident(own.name)} ON ${table} (${columns})`
        : `ALTER TABLE ${table} ADD UNIQUE (${columns}), or ${elsewhere}`
    })
  }
}

export function* inspectKeys(comparison: Comparison): Iterable<Finding> {
  for (const pair of pairs(comparison)) {
    yield* inspectTheirs(comparison, pair)
    yield* inspectOurs(comparison, pair)
  }
}
