/** Functions and views that have the names of Jarvis's. */
import type { Routine } from "../catalog.ts"
import type { Comparison } from "./Comparison.ts"
import { type Finding, inSchema } from "./Finding.ts"
import { ident, within } from "./names.ts"

const kinds: { readonly [kind: string]: string } = {
  f: "function",
  p: "procedure",
  a: "aggregate",
  w: "window function"
}

/** `(description text) RETURNS jsonb` */
const said = ({ parameters, result, signature }: Routine): string => {
  const types = signature.replace(/^[^(]*\(|\)$/g, "").split(",")
  const named = types.map((type, n) => `${parameters[n] ?? ""} ${type}`.trim())
  return `(${named.join(", ")})${result === "" ? "" : ` RETURNS ${result}`}`
}

/** What a statement calls it: DROP ROUTINE drops any kind. */
const drop = (comparison: Comparison, { signature }: Routine): string => {
  const [, name = "", types = ""] = /^(.*?)(\(.*\))$/.exec(signature) ?? []
  return `DROP ROUTINE ${within(comparison, name)}${types}`
}

function* inspectRoutine(comparison: Comparison, must: Routine): Iterable<Finding> {
  const is = comparison.actual.routines.find(({ signature }) => signature === must.signature)
  if (is === undefined) {
    if (comparison.bringsFunctions) return
    return yield inSchema("fatal", `function ${must.signature}`, {
      is: "missing",
      must: said(must),
      todo: `DELETE FROM ${within(comparison, "jarvis_functions")}, and run jarvis migrate`
    })
  }
  if (comparison.isOurs) return
  const isReplaced =
    is.kind === must.kind && is.result === must.result && is.parameters.join() === must.parameters.join()
  yield inSchema(isReplaced ? "risk" : "fatal", `${kinds[is.kind] ?? "routine"} ${is.signature}`, {
    is: said(is),
    must: isReplaced ? "Jarvis's" : said(must),
    todo: isReplaced ? "see that nothing needs it: it is replaced" : drop(comparison, is)
  })
}

function* inspectView(comparison: Comparison, name: string): Iterable<Finding> {
  const is = comparison.actual.relations.find((relation) => relation.name === name)
  if (is?.kind !== "v" || comparison.isOurs) return
  yield inSchema("fatal", `view ${name}`, {
    is: "not Jarvis's",
    must: "Jarvis's",
    todo: `ALTER VIEW ${within(comparison, name)} RENAME TO ${ident(`${name}_old`)}`
  })
}

export function* inspectRoutines(comparison: Comparison): Iterable<Finding> {
  for (const must of comparison.expected.routines) yield* inspectRoutine(comparison, must)
  for (const { kind, name } of comparison.expected.relations) {
    if (kind === "v") yield* inspectView(comparison, name)
  }
}
