/** Results as a table: of Markdown, which reads well in a terminal too. */
import type { Array as Arr } from "effect"
import { dedupe, groupBy } from "effect/Array"
import { contestants, type Figure, type Goal, type Results } from "./Results.ts"
import { isMet, median, target } from "./statistics.ts"

/** Three significant digits, and whole thousands apart. */
export const shown = (value: number): string =>
  value.toLocaleString("en", value >= 100 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 })

const cell = (values: Arr.NonEmptyReadonlyArray<number> | undefined): string => {
  if (values === undefined) return "–"
  const [least, most] = [Math.min(...values), Math.max(...values)].map(shown)
  return values.length === 1 ? shown(median(values)) : `${shown(median(values))} (${least}–${most})`
}

const goalCell = (figure: Figure, goal: Goal): string => {
  const sign = goal.is === "at least" ? "≥" : "≤"
  const { times } = goal
  if (times === undefined) return `${sign} ${shown(goal.value)}`
  const of = times.length === 1 ? times[0] : `the better of ${times.join(" and ")}`
  return `${sign} ${goal.value} × ${of} = ${shown(target(figure, goal))}`
}

const ratio = (figure: Figure): string => {
  const ours = figure.rounds["Jarvis"]
  const of = figure.goal?.times
  if (ours === undefined || of === undefined) return ""
  const best = target(figure, { is: "at least", value: 1, times: of })
  return ` ${(median(ours) / best).toFixed(2)} ×`
}

const cells = (rounds: Figure["rounds"], suffix = "") =>
  contestants.map((name) => cell(rounds[`${name}${suffix}`]))

/** The variants that some contestants came in, as their names end: `: in batches`. */
export const variantsOf = ({ rounds }: Figure): ReadonlyArray<string> =>
  dedupe(Object.keys(rounds).flatMap((name) => (name.includes(": ") ? [name.slice(name.indexOf(": "))] : [])))

const rowsOf = (figure: Figure): ReadonlyArray<ReadonlyArray<string>> => {
  const met = isMet(figure)
  return [
    [
      `${figure.what}, ${figure.unit}`,
      ...cells(figure.rounds),
      figure.goal === undefined ? "" : goalCell(figure, figure.goal),
      met === undefined ? "" : `${met ? "✓" : "✗"}${ratio(figure)}`
    ],
    ...variantsOf(figure).map((suffix) => [`… ${suffix.slice(2)}`, ...cells(figure.rounds, suffix), "", ""])
  ]
}

/** The table of some figures: median, and in brackets least and most. */
export const table = (figures: ReadonlyArray<Figure>): string => {
  const lines = [["", ...contestants, "goal of Jarvis", ""], ...figures.flatMap(rowsOf)]
  const widths = ["", ...contestants, "", ""].map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0))
  )
  const padded = (line: ReadonlyArray<string>) =>
    `| ${line.map((text, column) => text.padEnd(widths[column] ?? 0)).join(" | ")} |`
  const [header = "", ...body] = lines.map(padded)
  const rule = padded(widths.map((width) => "-".repeat(Math.max(width, 1))))
  return [header, rule, ...body].join("\n")
}

const list = (of: Readonly<Record<string, string>>) =>
  Object.entries(of)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ")

/** Which parts are of which commit; of a try, that too. */
const sources = (parts: Results["parts"]) =>
  Object.entries(
    groupBy(
      Object.entries(parts),
      ([, { commit, share }]) => `${commit}${share === 1 ? "" : `, a share of ${share}`}`
    )
  )
    .map(([source, its]) => `${source} (${its.map(([name]) => name).join(", ")})`)
    .join("; ")

/** All there is to say. */
export const report = ({ machine, parts, postgres, versions }: Results): string =>
  [
    `Commit: ${sources(parts)}.`,
    `Machine: ${list(machine)}. Versions: ${list(versions)}. PostgreSQL: ${list(postgres)}.`,
    table(Object.values(parts).flatMap(({ figures }) => figures))
  ].join("\n\n")
