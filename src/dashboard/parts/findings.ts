/** The one sentence that says how things stand, and whatever else is worth a look. */

import type { Backlog } from "../../domain/Backlog.ts"
import type { Component } from "../../domain/Component.ts"
import type { Process } from "../../domain/Process.ts"
import type { Table } from "../../domain/Row.ts"
import type { BranchState } from "../../http/api/Branches.ts"
import type { Overview } from "../../http/api/Overview.ts"
import { explain, reasonTitle } from "../i18n/explain.ts"
import type { Moment } from "../i18n/format.ts"
import { format, t } from "../i18n/index.ts"
import type { Live } from "../state/live.ts"
import { othersPresent, placing, processName } from "./processes.ts"
import type { Tone } from "./Sign.tsx"

export interface Finding {
  readonly tone: Tone
  readonly text: string
  readonly detail?: string | undefined
  /** What to do about it. */
  readonly remedy?: string | undefined
  /** Where to look. */
  readonly links?: ReadonlyArray<{ readonly href: string; readonly text: string }>
}

/** An age at which work that nobody looks at would have been done long since. */
const late = 15 * 60_000

/** Logs are read every 3 minutes. */
const longUnread = 30 * 60_000

/** Of what a part is, and of which branch: `log tbilisi`. */
const read = (name: string) => {
  const [, kind = "", branch = ""] = /^(branch|token|log|user token|backlog) (.*)$/.exec(name) ?? []
  const kinds: { readonly [kind: string]: (branch: string) => string } = t.branchParts
  return Object.hasOwn(t.parts, name) ? undefined : { kind, branch, say: kinds[kind] }
}

/** A part's name as people of the reader's language say it. */
export const partName = (name: string): string => {
  const parts: { readonly [name: string]: string } = t.parts
  const ofBranch = read(name)
  return ofBranch?.say?.(ofBranch.branch) ?? parts[name] ?? name
}

const remedyOf = (name: string): string => {
  const remedies: { readonly [name: string]: string } = t.remedies
  return remedies[name] ?? remedies[read(name)?.kind ?? ""] ?? t.remedies.other
}

/** Every part that is not up, of each process that is there. What `isTold` says is told of elsewhere, and better. */
const ofParts = (
  components: ReadonlyArray<Component>,
  processes: ReadonlyArray<Process> = [],
  isTold: (name: string) => boolean = () => false
): ReadonlyArray<Finding> => {
  const placeOf = placing(processes)
  const parts = [
    ...components
      .filter((component) => placeOf(component) === undefined)
      .map((component) => ({ ...component, title: partName(component.name) })),
    ...othersPresent(processes).flatMap((process) =>
      process.components.map((component) => ({
        ...component,
        title: t.processes.part(partName(component.name), processName(process))
      }))
    )
  ]
  const starting = parts.filter(({ state }) => state === "starting")
  return [
    ...parts
      .filter(({ name, state }) => state !== "up" && state !== "starting" && !isTold(name))
      .map(
        ({ detail, name, title }): Finding => ({
          tone: "bad",
          text: t.verdict.down(title),
          detail: detail ?? undefined,
          remedy: remedyOf(name)
        })
      ),
    ...(starting.length > 0
      ? [
          {
            tone: "warn" as const,
            text: t.verdict.starting,
            detail: t.verdict.startingDetail(starting.map(({ title }) => title).join(", "))
          }
        ]
      : [])
  ]
}

/** Within that time a process that is new, or takes over, has begun. */
const beginning = 15_000

/** That nobody works, and who has not ended and is not there. */
const ofProcesses = ({ at, processes }: Overview): ReadonlyArray<Finding> => {
  const present = processes.filter((process) => process.present)
  const isIdle =
    present.some(({ started_at }) => at.epochMilliseconds - started_at.epochMilliseconds > beginning) &&
    !present.some(({ listens }) => listens)
  const gone = new Set(
    processes.filter((process) => !process.present).map((process) => t.processes.named(processName(process)))
  )
  return [
    ...(isIdle ? [{ tone: "warn" as const, text: t.verdict.idle, detail: t.verdict.idleDetail }] : []),
    ...(gone.size > 0
      ? [
          {
            tone: "warn" as const,
            text: t.verdict.gone(Array.from(gone).join(", ")),
            remedy: t.verdict.goneRemedy
          }
        ]
      : [])
  ]
}

/** A branch whose token RentProg does not take, and one that falls behind. */
const ofBranch = (
  { behind, branch, log, oldest, paused, rentprog, token }: BranchState,
  now: number
): ReadonlyArray<Finding> => {
  const age = behind && format.duration(now - behind.since.epochMilliseconds)
  return [
    ...(token === null
      ? []
      : [
          {
            tone: "bad" as const,
            text: t.verdict.token[token](branch),
            remedy: t.branchRemedies.token[token]
          }
        ]),
    ...(rentprog !== null && rentprog.breaker !== "closed"
      ? [{ tone: "warn" as const, text: t.verdict.breaker(branch), remedy: t.branchRemedies.behind.breaker }]
      : []),
    ...(behind === null || age === null || behind.why === "paused"
      ? []
      : [
          {
            tone: "warn" as const,
            text: t.verdict.behind(branch, age),
            remedy: t.branchRemedies.behind[behind.why]
          }
        ]),
    ...(paused === null
      ? []
      : [
          {
            // Nothing of it is tried until somebody lets it go on.
            tone: behind !== null || ageOf(oldest, now) > late ? ("warn" as const) : ("idle" as const),
            text: t.verdict.paused(branch, paused.by),
            remedy: t.branchRemedies.behind.paused
          }
        ]),
    // A company may read the log of none.
    ...(log === "missing" || (rentprog?.token === "ok" && rentprog.user_token === null)
      ? [
          {
            tone: log === "missing" ? ("warn" as const) : ("idle" as const),
            text: t.verdict.noLog(branch),
            remedy: t.branchRemedies.noLog
          }
        ]
      : [])
  ]
}

/** A log that was read, and that nobody has read to its end for long: of one that cannot be read, its part tells. */
const ofLogs = ({ branches, components, logs }: Overview, now: number): ReadonlyArray<Finding> =>
  logs.flatMap(({ branch, read_until }) => {
    const age = ageOf(read_until, now)
    const isTold =
      components.some(({ name, state }) => name === `log ${branch}` && state !== "up") ||
      branches.some((other) => other.branch === branch && other.paused !== null)
    return age <= longUnread || isTold
      ? []
      : [
          {
            tone: "warn",
            text: t.verdict.unread(branch, format.duration(age)),
            remedy: t.branchRemedies.unread
          }
        ]
  })

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

/** Rows that fail again and again, and for so long that nothing usual explains it. */
const ofFailures = (table: Table, { reasons }: Backlog, now: number): ReadonlyArray<Finding> => {
  const [most, ...others] = reasons.filter(
    // An entry may wait for its record for days.
    ({ oldest, reason, state }) =>
      state === "waiting" && reason !== "entity_not_found" && ageOf(oldest, now) > late
  )
  if (most === undefined) return []
  const age = Math.max(...[most, ...others].map(({ oldest }) => ageOf(oldest, now)))
  return [
    {
      tone: "warn",
      text: t.verdict.failing[table](format.duration(age)),
      detail: reasonTitle(most.reason),
      remedy: explain(most.reason)?.todo,
      links: [{ href: `/${table}?state=waiting`, text: t.tables[table] }]
    }
  ]
}

const order: { readonly [T in Tone]: number } = { bad: 0, warn: 1, idle: 2, good: 3 }

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
    const others = away.components.filter(({ name }) => name !== "database")
    return [{ tone: "bad", text: t.verdict.away, detail: t.verdict.awayDetail }, ...ofParts(others)]
  }
  if (connection === "connecting" || overview === undefined)
    return [{ tone: "idle", text: t.verdict.wait, detail: t.verdict.waitDetail }]
  const now = overview.at.epochMilliseconds
  const told = overview.branches.flatMap(({ behind, branch, log, token }) => [
    ...(token === null ? [] : [`token ${branch}`]),
    ...(log === null ? [] : [`log ${branch}`]),
    ...(behind === null ? [] : [`backlog ${branch}`])
  ])
  const waiting = overview.events.waiting + overview.history.waiting
  const [first, ...rest] = [
    ...ofParts(overview.components, overview.processes, (name) => told.includes(name)),
    ...ofProcesses(overview),
    ...overview.branches.flatMap((branch) => ofBranch(branch, now)),
    ...ofLogs(overview, now),
    ...ofBacklogs(overview),
    ...ofAge(overview, now),
    ...ofFailures("events", overview.events, now),
    ...ofFailures("history", overview.history, now)
  ].toSorted((one, other) => order[one.tone] - order[other.tone])
  const well: Finding = {
    tone: "good",
    text: t.verdict.well,
    detail: waiting > 0 ? t.verdict.waiting(waiting) : t.verdict.wellDetail
  }
  return first === undefined ? [well] : first.tone === "idle" ? [well, first, ...rest] : [first, ...rest]
}
