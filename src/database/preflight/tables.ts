/** Tables that keep rows, but not as Jarvis's must be kept, and rules of the company's about their rows. */
import type { Relation } from "../catalog.ts"
import { type Comparison, pairs } from "./Comparison.ts"
import { type Finding, inSchema } from "./Finding.ts"
import { ident, within } from "./names.ts"

function* inspectStorage(comparison: Comparison, { name, secured, unlogged }: Relation): Iterable<Finding> {
  const object = `table ${name}`
  const alter = `ALTER TABLE ${within(comparison, name)}`
  if (secured) {
    yield inSchema("fatal", object, {
      is: "under row security, which hides rows from this user",
      must: "open to this user",
      todo: `${alter} DISABLE ROW LEVEL SECURITY`
    })
  }
  if (unlogged) {
    yield inSchema("risk", object, {
      is: "UNLOGGED: a crash of the server empties it",
      must: "LOGGED",
      todo: `${alter} SET LOGGED`
    })
  }
}

/** While rows are adopted, a constraint of Jarvis's own proves that it is done. */
const isOfAdoption = ({ isOurs }: Comparison, table: Relation, name: string): boolean =>
  isOurs && name === `${table.name}_adopted`

function* inspectConstraints(comparison: Comparison, is: Relation, must: Relation): Iterable<Finding> {
  for (const { definition, name } of is.constraints) {
    if (isOfAdoption(comparison, is, name)) continue
    if (must.constraints.some((own) => own.name === name && own.definition === definition)) continue
    yield inSchema("risk", `constraint ${is.name}.${name}`, {
      is: definition,
      must: "absent, or true of all rows",
      todo: `see that it refuses no row, or ALTER TABLE ${within(comparison, is.name)} DROP CONSTRAINT ${ident(name)}`
    })
  }
}

function* inspectRules(comparison: Comparison, is: Relation): Iterable<Finding> {
  for (const { event, name } of is.rules) {
    // PostgreSQL refuses INSERT … ON CONFLICT where a table has rules for one or the other.
    yield inSchema(event === "DELETE" ? "risk" : "fatal", `rule ${is.name}.${name}`, {
      is: `a rule ON ${event}`,
      must: event === "DELETE" ? "one that leaves Jarvis's rows alone" : "absent: ON CONFLICT fails with it",
      todo: `DROP RULE ${ident(name)} ON ${within(comparison, is.name)}`
    })
  }
}

export function* inspectTables(comparison: Comparison): Iterable<Finding> {
  for (const { is, must } of pairs(comparison)) {
    yield* inspectStorage(comparison, is)
    yield* inspectConstraints(comparison, is, must)
    yield* inspectRules(comparison, is)
  }
}
