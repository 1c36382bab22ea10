/** What the demo shows: a picture of the state, redrawn in place on a terminal, and the summary at its end. */
import { countOf, type Standing } from "./Ledger.ts"

export interface View {
  /** Of the dashboard. */
  readonly address: string
  readonly received: number
  readonly rows: ReadonlyArray<Standing>
  readonly history: ReadonlyArray<Standing>
  readonly calls: number
  readonly mirrored: { readonly cars: number; readonly clients: number; readonly bookings: number }
  /** The last events, newest first. */
  readonly latest: ReadonlyArray<{
    readonly branch: string | null
    readonly type: string | null
    readonly ext_id: string | null
    readonly processed: boolean
    readonly reason: string | null
  }>
  readonly seconds: number
}

const cell = (text: string | number, width: number): string => String(text).slice(0, width).padEnd(width)
const right = (text: string | number, width: number): string => String(text).padStart(width)

const total = (rows: ReadonlyArray<Standing>): number => rows.reduce((sum, { count }) => sum + count, 0)

const byBranch = (rows: ReadonlyArray<Standing>): ReadonlyArray<string> =>
  [...new Set(rows.map(({ branch }) => branch))].map((branch) => {
    const own = rows.filter((row) => row.branch === branch)
    const counts = (["processed", "pending", "waiting", "parked"] as const).map((state) =>
      right(countOf(own, state), 11)
    )
    return `  ${cell(branch, 16)}${counts.join("")}`
  })

const whyNot = (rows: ReadonlyArray<Standing>): ReadonlyArray<string> =>
  rows
    .filter(({ state }) => state === "waiting" || state === "parked")
    .map(
      ({ branch, count, reason, state }) =>
        `  ${right(count, 5)} ${cell(state, 8)} ${reason ?? ""} (${branch})`
    )

/** Some twenty lines for a terminal of 80 columns. */
export const draw = ({
  address,
  calls,
  history,
  latest,
  mirrored,
  received,
  rows,
  seconds
}: View): string => {
  const undone = whyNot([...rows, ...history])
  return [
    `Jarvis demo · ${seconds} s · ${received} webhooks received · ${calls} calls to RentProg`,
    `Dashboard: ${address}`,
    "",
    `  ${cell("branch", 16)}${["processed", "pending", "waiting", "parked"].map((h) => right(h, 11)).join("")}`,
    ...byBranch(rows),
    "",
    `  mirror: ${mirrored.cars} cars, ${mirrored.clients} clients, ${mirrored.bookings} bookings`,
    `  log:    ${total(history)} entries, ${countOf(history, "processed")} applied, ${countOf(history, "waiting")} wait, ${countOf(history, "parked")} parked`,
    "",
    "  latest events",
    ...latest.map(
      ({ branch, ext_id, processed, reason, type }) =>
        `  ${processed ? "✓" : reason === null ? "…" : "✗"} ${cell(branch ?? "–", 15)} ${cell(type ?? "–", 16)} ${cell(ext_id ?? "–", 8)} ${(reason ?? "").slice(0, 34)}`
    ),
    "",
    "  what is not done, and why",
    ...(undone.length > 0 ? undone : ["  nothing"])
  ].join("\n")
}

/** The same in one line, for where there is no terminal. */
export const line = ({ calls, history, received, rows, seconds }: View): string =>
  `${right(seconds, 4)} s  received ${received}  processed ${countOf(rows, "processed")}  pending ${countOf(rows, "pending")}  waiting ${countOf(rows, "waiting")}  parked ${countOf(rows, "parked")}  log ${countOf(history, "processed")}/${total(history)}  calls ${calls}`

export interface Summary extends View {
  readonly latency: { readonly median: number; readonly p99: number }
  readonly compared: number
  /** What is not as it should be; empty where all is well. */
  readonly wrong: ReadonlyArray<string>
}

const parked = (rows: ReadonlyArray<Standing>): ReadonlyArray<string> =>
  rows
    .filter(({ state }) => state === "parked")
    .map(({ branch, count, reason }) => `    ${right(count, 6)}  ${reason ?? ""} (${branch})`)

export const summarise = (summary: Summary): string => {
  const { calls, compared, history, latency, received, rows, seconds, wrong } = summary
  return [
    "",
    "Summary",
    `  received    ${right(received, 6)}  webhooks`,
    `  processed   ${right(countOf(rows, "processed"), 6)}  events, those queued for what the log lacked included`,
    `  parked      ${right(countOf(rows, "parked"), 6)}`,
    ...parked(rows),
    `  log         ${right(total(history), 6)}  entries of the operations log`,
    `  applied     ${right(countOf(history, "processed"), 6)}`,
    `  parked      ${right(countOf(history, "parked"), 6)}`,
    ...parked(history),
    `  API calls   ${right(calls, 6)}  (${((100 * calls) / Math.max(received, 1)).toFixed(0)} for each 100 webhooks)`,
    `  latency     ${right(latency.median, 6)}  ms median, ${latency.p99} ms 99th percentile, from INSERT to processed`,
    `  time        ${right(seconds, 6)}  s`,
    `  mirror      ${right(compared, 6)}  records compared with RentProg's own`,
    wrong.length === 0 ? "✅ nothing was lost and the mirror is right" : "❌ not as it should be:",
    ...wrong.slice(0, 20).map((text) => `    ${text}`)
  ].join("\n")
}
