/** What a PromQL expression asks for: enough of the language for the expressions in deploy/. */

export interface Selector {
  readonly metric: string
  /** The labels that its matchers name. */
  readonly labels: ReadonlyArray<string>
}

const words = new Set(["group_left", "group_right", "bool", "offset", "and", "or", "unless", "inf", "nan"])

/** The selectors of an expression, and the labels that it groups by. */
export const read = (
  expression: string
): { readonly selectors: ReadonlyArray<Selector>; readonly grouped: ReadonlyArray<string> } => {
  const grouped: Array<string> = []
  const rest = expression
    .replaceAll(/"[^"]*"/g, '""')
    .replaceAll(/\[[^\]]*\]/g, "")
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g, (_, labels: string) => {
      grouped.push(...labels.split(",").map((label) => label.trim()))
      return ""
    })
  const selectors = Array.from(
    rest.matchAll(/([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\}|(?!\s*\(|[a-zA-Z0-9_:{]))/g),
    ([, metric = "", matchers = ""]) => ({
      metric,
      labels: Array.from(matchers.matchAll(/(\w+)\s*[=!]/g), ([, label = ""]) => label)
    })
  ).filter(({ metric }) => !words.has(metric))
  return { selectors, grouped }
}
