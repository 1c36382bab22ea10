/** The one sentence that says how things stand, and whatever else is worth a look. */

import type { Backlog } from "../../domain/Backlog.ts"
import type { Component } from "../../domain/Component.ts"
import type { Moment } from "../i18n/format.ts"
import { format, t } from "../i18n/index.ts"
import type { Live } from "../state/live.ts"
import type { Tone } from "./Sign.tsx"

export interface Finding {
  readonly tone: Tone
  readonly text: string
  readonly detail?: string | undefined
  /** Where to look. */
  readonly links?: ReadonlyArray<{ readonly href: string; readonly text: string }>
}

/** An age at which work that nobody looks at would have been done long since. */
const late = 15 * 60_000

/** A part's name as people of the reader's language say it. */
export const partName = (name: string): string => {
  const parts: { readonly [name: string]: string } = t.parts
  return name.startsWith("branch ") ? t.overview.branchPart(name.slice(7)) : (parts[name] ?? name)
}

const ofParts = (components: ReadonlyArray<Component>): ReadonlyArray<Finding> => [
  ...components
    .filter(({ state }) => state === "down")
    .map(
      ({ detail, name }): Finding => ({
        tone: "bad",
        text: t.verdict.down(partName(name)),
        detail: detail ?? undefined
      })
    ),
  ...(components.some(({ state }) => state === "starting")
    ? [{ tone: "warn" as const, text: t.verdict.starting, detail: t.verdict.startingDetail }]
    : [])
]

const ofBacklogs = (backlogs: {
  readonly events: Backlog
  readonly history: Backlog
}): ReadonlyArray<Finding> => {
  const count = backlogs.events.parked + backlogs.history.parked
  const links = (["events", "history"] as const)
    .filter((table) => backlogs[table].parked > 0)
    .map((table) => ({
      href: `/${table}?state=parked`,
      text: `${t.tables[table]} ${format.number(backlogs[table].parked)}`
    }))
  return count > 0 ? [{ tone: "warn", text: t.verdict.parked(count), links }] : []
}

const ageOf = (oldest: Moment | null, now: number): number =>
  oldest === null ? 0 : now - oldest.epochMilliseconds

/** Rows that nobody has tried. That one waits long for another attempt is nothing unusual. */
const ofAge = (
  backlogs: {
    readonly events: Backlog
    readonly history: Backlog
  },
  now: number
): ReadonlyArray<Finding> => {
  const ages = (["events", "history"] as const)
    .map((table) => ({ table, age: ageOf(backlogs[table].oldest_pending, now) }))
    .filter(({ age }) => age > late)
  return ages.length === 0
    ? []
    : [
        {
          tone: "warn",
          text: t.verdict.late(format.duration(Math.max(...ages.map(({ age }) => age)))),
          links: ages.map(({ table }) => ({ href: `/${table}?state=pending`, text: t.tables[table] }))
        }
      ]
}

/** What is worth saying, the gravest first; the first is the verdict. Never empty. */
export const findings = ({
  away,
  connection,
  overview,
  problem
}: Live): readonly [Finding, ...ReadonlyArray<Finding>] => {
  if (connection === "lost") {
    return problem?.kind === "unavailable"
      ? [{ tone: "bad", text: t.verdict.away, detail: t.verdict.awayDetail }]
      : [{ tone: "bad", text: t.verdict.lost, detail: t.verdict.lostDetail }]
  }
  if (connection === "away" && away !== undefined) {
    return [{ tone: "bad", text: t.verdict.away, detail: t.verdict.awayDetail }]
  }
  if (connection === "connecting" || overview === undefined)
    return [{ tone: "idle", text: t.verdict.wait, detail: t.verdict.waitDetail }]
  const now = overview.at.epochMilliseconds
  const branches = overview.branches.flatMap(
    ({ branch, oldest, paused, rentprog }): ReadonlyArray<Finding> => [
      ...(rentprog?.breaker === "open" ? [{ tone: "warn" as const, text: t.verdict.breaker(branch) }] : []),
      ...(paused === null
        ? []
        : [
            {
              // Nothing of it is tried until somebody lets it go on.
              tone: ageOf(oldest, now) > late ? ("warn" as const) : ("idle" as const),
              text: t.verdict.paused(branch, paused.by)
            }
          ])
    ]
  )
  const waiting = overview.events.waiting + overview.history.waiting
  const [first, ...rest] = [
    ...ofParts(overview.components),
    ...ofBacklogs(overview),
    ...ofAge(overview, now),
    ...branches.filter(({ tone }) => tone !== "idle"),
    ...branches.filter(({ tone }) => tone === "idle")
  ]
  const well: Finding = {
    tone: "good",
    text: t.verdict.well,
    detail: waiting > 0 ? t.verdict.waiting(waiting) : t.verdict.wellDetail
  }
  return first === undefined ? [well] : first.tone === "idle" ? [well, first, ...rest] : [first, ...rest]
}
