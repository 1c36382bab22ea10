/** The names of Jarvis's tables and indexes, and what has them already. */
import type { Index, Relation } from "../catalog.ts"
import type { Comparison } from "./Comparison.ts"
import { type Finding, inSchema } from "./Finding.ts"
import { serves } from "./keys.ts"
import { ident, within } from "./names.ts"

/** Something that has a name: `kind` as ALTER … RENAME has it. */
interface Holder {
  readonly kind: string
  readonly is: string
  readonly index?: Index
  readonly table?: string
}

const relationKinds: { readonly [kind: string]: Holder } = {
  r: { kind: "table", is: "a table" },
  p: { kind: "table", is: "a partitioned table" },
  v: { kind: "view", is: "a view" },
  m: { kind: "materialized view", is: "a materialized view" },
  f: { kind: "foreign table", is: "a foreign table" }
}
const asHolder = ({ bound, kind }: Relation): Holder =>
  bound
    ? { kind: "table", is: "a partition, or a table of a type" }
    : (relationKinds[kind] ?? { kind: "table", is: "no plain table" })

/** What has a name; of a type only where the name is to be a table's, which has a type of its own. */
const holderOf = ({ actual }: Comparison, name: string, isTable: boolean): Holder | null => {
  for (const relation of actual.relations) {
    if (relation.name === name) return asHolder(relation)
    const index = relation.indexes.find((one) => one.name === name)
    if (index) return { kind: "index", is: `an index of ${relation.name}`, index, table: relation.name }
  }
  const other = actual.others.find((one) => one.name === name && (isTable || one.kind !== "type"))
  return other ? { kind: other.kind.replace("composite ", ""), is: `a ${other.kind}` } : null
}

const taken = (comparison: Comparison, name: string, { is, kind }: Holder, must: string): Finding =>
  inSchema("fatal", `${kind} ${name}`, {
    is,
    must,
    todo: `ALTER ${kind.toUpperCase()} ${within(comparison, name)} RENAME TO ${ident(`${name}_old`)}`
  })

function* inspectTable(comparison: Comparison, must: Relation): Iterable<Finding> {
  const is = comparison.actual.relations.find(({ name }) => name === must.name)
  if (is?.kind === must.kind && !is.bound) return
  const wanted = must.kind === "r" ? "a plain table" : "a view"
  const holder = is ? asHolder(is) : holderOf(comparison, must.name, true)
  if (holder !== null) return yield taken(comparison, must.name, holder, `${wanted} of Jarvis's`)
  if (must.kind !== "r" || comparison.brings.tables.has(must.name)) return
  yield inSchema("fatal", `table ${must.name}`, {
    is: "missing",
    must: "there",
    todo: "restore it from a backup"
  })
}

function* inspectIndex(comparison: Comparison, table: Relation, must: Index): Iterable<Finding> {
  const isBrought = comparison.brings.indexes.has(must.name)
  const holder = holderOf(comparison, must.name, false)
  if (holder === null) {
    // A unique one that is missing is a missing key.
    if (isBrought || must.unique) return
    return yield inSchema("risk", `index ${must.name}`, {
      is: "missing",
      must: "there: without it searches are slow",
      todo: must.definition
        .replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY")
        .replace(` ON ${table.name} `, ` ON ${within(comparison, table.name)} `)
    })
  }
  const { index } = holder
  if (index === undefined || holder.table !== table.name) {
    return yield taken(comparison, must.name, holder, `an index of ${table.name}`)
  }
  if (!index.valid) {
    return yield inSchema(isBrought ? "harmless" : "risk", `index ${must.name}`, {
      is: "invalid: its building was broken off",
      must: "valid",
      todo: isBrought
        ? "nothing: it is made anew"
        : `REINDEX INDEX CONCURRENTLY ${within(comparison, must.name)}`
    })
  }
  const isSame = must.unique ? serves(index, must) : index.definition === must.definition
  if (comparison.isOurs || isSame) return
  const is = `${index.definition}${index.immediate ? "" : " DEFERRABLE"}`
  yield taken(
    comparison,
    must.name,
    { ...holder, is },
    `Jarvis's: ${must.definition.replace(/^.*? USING /, "")}`
  )
}

export function* inspectNames(comparison: Comparison): Iterable<Finding> {
  for (const must of comparison.expected.relations) {
    yield* inspectTable(comparison, must)
    if (must.kind !== "r") continue
    for (const index of must.indexes) {
      // A primary key finds a name for itself.
      if (!index.primary) yield* inspectIndex(comparison, must, index)
    }
  }
}
