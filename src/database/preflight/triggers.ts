/** Triggers: the company's own, those that have Jarvis's names, and Jarvis's. */
import type { Relation } from "../catalog.ts"
import { type Comparison, type Pair, pairs } from "./Comparison.ts"
import { type Finding, inSchema } from "./Finding.ts"
import { ident, within } from "./names.ts"

type Trigger = Relation["triggers"][number]

/** `BEFORE INSERT FOR EACH ROW EXECUTE FUNCTION …` */
const said = ({ name: table }: Relation, { constraint, definition, name }: Trigger): string =>
  `${constraint ? "CONSTRAINT TRIGGER " : ""}${definition
    .replace(/^CREATE (CONSTRAINT )?TRIGGER /, "")
    .replace(`${ident(name)} `, "")
    .replace(` ON ${ident(table)} `, " ")}`

function* inspectTheirs({ is, must }: Pair): Iterable<Finding> {
  for (const trigger of is.triggers) {
    if (!trigger.enabled || must.triggers.some(({ name }) => name === trigger.name)) continue
    yield inSchema("risk", `trigger ${is.name}.${trigger.name}`, {
      is: said(is, trigger),
      must: "one that changes and refuses no row of Jarvis's",
      todo: "read what its function does"
    })
  }
}

/** What puts all functions and triggers in place again. */
export const again = (comparison: Pick<Comparison, "schema">): string =>
  `DELETE FROM ${within(comparison, "jarvis_functions")}, and run jarvis migrate`

/** What has a disabled trigger fire again. */
export const enable = (comparison: Pick<Comparison, "schema">, table: string, trigger: string): string =>
  `ALTER TABLE ${within(comparison, table)} ENABLE TRIGGER ${ident(trigger)}`

function* inspectOurs(comparison: Comparison, { is }: Pair, must: Trigger): Iterable<Finding> {
  const object = `trigger ${is.name}.${must.name}`
  const trigger = is.triggers.find(({ name }) => name === must.name)
  const drop = `DROP TRIGGER ${ident(must.name)} ON ${within(comparison, is.name)}`
  if (trigger === undefined) {
    if (comparison.bringsFunctions) return
    return yield inSchema("fatal", object, { is: "missing", must: said(is, must), todo: again(comparison) })
  }
  if (trigger.constraint) {
    return yield inSchema("fatal", object, {
      is: said(is, trigger),
      must: "a trigger that can be replaced",
      todo: drop
    })
  }
  if (comparison.bringsFunctions) {
    if (comparison.isOurs || trigger.definition === must.definition) return
    return yield inSchema("risk", object, {
      is: said(is, trigger),
      must: "Jarvis's",
      todo: "see that nothing needs it: it is replaced"
    })
  }
  if (trigger.definition !== must.definition) {
    yield inSchema("fatal", object, { is: said(is, trigger), must: said(is, must), todo: again(comparison) })
  } else if (!trigger.enabled) {
    yield inSchema("risk", object, {
      is: "disabled: rows come in and are not seen to",
      must: "enabled",
      todo: enable(comparison, is.name, must.name)
    })
  }
}

export function* inspectTriggers(comparison: Comparison): Iterable<Finding> {
  for (const pair of pairs(comparison)) {
    yield* inspectTheirs(pair)
    for (const must of pair.must.triggers) yield* inspectOurs(comparison, pair, must)
  }
}
