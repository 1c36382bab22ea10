/** The findings as lines, for people. */
import type { Plan } from "../preflight.ts"
import { type Finding, type Level, levels } from "./Finding.ts"
import { isCurable } from "./instead.ts"
import { count } from "./names.ts"

/** A cell that is longer does not push the others of its column aside. */
const widest = [8, 56, 72, 48]

const cells = ({ is, level, must, object, todo }: Finding): ReadonlyArray<string> => [
  level,
  object,
  is,
  must,
  todo
]

/** In columns. */
const align = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = widest.map((most, n) =>
    Math.max(...rows.map((row) => row[n]?.length ?? 0).filter((length) => length <= most))
  )
  return rows.map((row) => row.map((cell, n) => cell.padEnd(widths[n] ?? 0)).join("  "))
}

/** A block for each level, the worst first. */
const blocks = (findings: ReadonlyArray<Finding>): ReadonlyArray<string> =>
  levels.flatMap((level) => {
    const found = findings.filter((finding) => finding.level === level).map(cells)
    return found.length === 0 ? [] : [...align([["", "what", "is", "must be", "what to do"], ...found]), ""]
  })

const number = (findings: ReadonlyArray<Finding>, level: Level): number =>
  findings.filter((finding) => finding.level === level).length

/** `2 fatal findings, 1 risk, 3 harmless ones` */
const numbers = (findings: ReadonlyArray<Finding>): string =>
  [
    count(number(findings, "fatal"), "fatal finding"),
    count(number(findings, "risk"), "risk"),
    count(number(findings, "harmless"), "harmless one")
  ].join(", ")

/** The last line: what works where this does not. */
const whatElse = ({ findings, instead, schema }: Plan): string => {
  if (instead !== null) {
    return `what works instead: JARVIS_SCHEMA=${instead} (schema ${schema} stays as it is)`
  }
  const advice = "what to do: the last column of the fatal lines says it"
  return isCurable(findings)
    ? `${advice}; or let a user who may create schemas run jarvis migrate with JARVIS_SCHEMA=jarvis`
    : advice
}

/** Everything that `jarvis migrate --dry-run` has to say. */
export const report = (plan: Plan): ReadonlyArray<string> => {
  const { findings, pending, schema, serverVersion } = plan
  const where = `schema ${schema}, PostgreSQL ${serverVersion}`
  const isFatal = number(findings, "fatal") > 0
  return [
    ...blocks(findings),
    pending.length === 0 ? "nothing is to be migrated" : `to be migrated: ${pending.join(", ")}`,
    `${where}: ${numbers(findings)}; nothing has been changed`,
    ...(isFatal ? [whatElse(plan)] : [])
  ]
}

/** Why it is not migrated: what is fatal, and what works instead. */
export const refusal = (plan: Plan): string => {
  const fatal = plan.findings.filter(({ level }) => level === "fatal")
  return [
    `Jarvis cannot work with this database (schema ${plan.schema}, PostgreSQL ${plan.serverVersion}); nothing has been changed`,
    "",
    ...blocks(fatal),
    whatElse(plan)
  ].join("\n")
}

/** The findings of a level, a line each. */
export const linesOf = ({ findings }: Plan, wanted: Level): ReadonlyArray<string> =>
  findings
    .filter(({ level }) => level === wanted)
    .map(({ is, must, object, todo }) => `${object} is ${is}; it must be ${must}; ${todo}`)

/** The risks, a line each. */
export const risks = (plan: Plan): ReadonlyArray<string> => linesOf(plan, "risk")
