/** Results as a table: of Markdown, which reads well in a terminal too. */
import type { Array as Arr } from "effect"
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
  return ` = ${(median(ours) / best).toFixed(2)} ×`
}

const row = (figure: Figure): ReadonlyArray<string> => {
  const variants = Object.entries(figure.rounds).filter(([name]) => !contestants.some((one) => one === name))
  const met = isMet(figure)
  return [
    `${figure.what}, ${figure.unit}${variants.map(([name, values]) => `<br>${name}: ${cell(values)}`).join("")}`,
    ...contestants.map((name) => `${cell(figure.rounds[name])}${name === "Jarvis" ? ratio(figure) : ""}`),
    figure.goal === undefined ? "" : goalCell(figure, figure.goal),
    met === undefined ? "" : met ? "✓" : "✗"
  ]
}

const line = (cells: ReadonlyArray<string>) => `| ${cells.join(" | ")} |`

/** The table of some figures: median, and in brackets least and most. */
export const table = (figures: ReadonlyArray<Figure>): string =>
  [
    line(["", ...contestants, "goal", ""]),
    line(["---", ...contestants.map(() => "--:"), "---", "---"]),
    ...figures.map((figure) => line(row(figure)))
  ].join("\n")

const list = (of: Readonly<Record<string, string>>) =>
  Object.entries(of)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ")

/** All there is to say. */
export const report = ({ machine, parts, postgres, versions }: Results): string =>
  [
    `Machine: ${list(machine)}. Versions: ${list(versions)}. PostgreSQL: ${list(postgres)}.`,
    table(Object.values(parts).flatMap(({ figures }) => figures))
  ].join("\n\n")
