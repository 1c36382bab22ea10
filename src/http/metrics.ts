/**
 * `/metrics`, as Prometheus reads it: what is counted where it happens, and what is looked up for each scrape. The latter
 * is made anew each time, so that a series whose branch or reason is gone goes as well.
 *
 * Of several processes one at a time tells of the tables, and each branch is told of where it is worked for: Prometheus may
 * sum over processes.
 */
import { Effect, Metric } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { Health } from "../actors/Health.ts"
import { Presence } from "../actors/presence.ts"
import { forgetLog } from "../actors/readLog.ts"
import { KnownBranches } from "../database/KnownBranches.ts"
import { Measures } from "../database/Measures.ts"
import { Processes } from "../database/Processes.ts"
import { Branch } from "../domain/Branch.ts"
import type { Table } from "../domain/Row.ts"
import type { Standing } from "../domain/Standing.ts"
import { RentProg } from "../rentprog/RentProg.ts"

const gauge = (name: string, description: string) => Metric.gauge(name, { description })

const set = (metric: Metric.Gauge<number>, labels: Readonly<Record<string, string>>, value: number) =>
  Metric.update(Metric.withAttributes(metric, labels), value)

const backlogOf = (table: Table, rows: string) => ({
  pending: gauge(`jarvis_${table}_pending`, `${rows} that nobody has tried yet, by branch`),
  waiting: gauge(`jarvis_${table}_waiting`, `${rows} that failed and are tried again, by branch`),
  parked: gauge(`jarvis_${table}_parked`, `${rows} that a person has to look at, by branch and reason`),
  oldest: gauge(
    `jarvis_${table}_oldest_pending_seconds`,
    `Age of the oldest of the ${rows.toLowerCase()} that nobody has tried yet, by branch`
  )
})
const backlogs = {
  events: backlogOf("events", "Events"),
  history: backlogOf("history", "Entries of the operations log")
}
const paused = gauge("jarvis_branch_paused", "1 for each branch that a person holds")
const behind = gauge(
  "jarvis_branch_behind_seconds",
  "How long the oldest due event has been due, by branch; 0 where none is"
)
const refused = gauge(
  "jarvis_branch_refused",
  "1 for each branch whose company token RentProg refuses or that has events and no token, else 0"
)
const quotaLeft = gauge("jarvis_rentprog_quota_left", "Reads of RentProg that may go out now, by branch")
const breakerOpen = gauge(
  "jarvis_rentprog_breaker_open",
  "1 from when RentProg failed a branch too often until a call succeeds again, else 0"
)
const up = gauge(
  "jarvis_up",
  "1 for each part of this process that works, 0 for one that does not or not yet"
)
const listens = gauge(
  "jarvis_listens",
  "1 for the one process that hears of new events, and tells of backlogs and of branches paused, behind and refused; else 0"
)

const none: ReadonlyArray<Branch> = []
const nothing: ReadonlyMap<Branch, Standing> = new Map()

/** The rows that are not done. Branches that have none say so. Answers the branches that have events among them. */
const backlog = Effect.gen(function* () {
  const measures = yield* Measures
  const { branches } = yield* RentProg
  const undone = yield* measures.undone
  for (const { oldest, pending, waiting } of Object.values(backlogs)) {
    for (const metric of [pending, waiting, oldest]) {
      for (const branch of branches) yield* set(metric, { branch }, 0)
    }
  }
  const late = new Map<string, number>()
  for (const { branch, due, table } of undone) {
    if (table === "events" && branch !== "") late.set(branch, Math.max(late.get(branch) ?? 0, due))
  }
  for (const branch of new Set([...branches, ...late.keys()])) {
    yield* set(behind, { branch }, late.get(branch) ?? 0)
  }
  for (const { branch, count, oldest, reason, state, table } of undone) {
    const metrics = backlogs[table]
    if (state === "parked") yield* set(metrics.parked, { branch, reason }, count)
    else yield* set(metrics[state], { branch }, count)
    if (state === "pending") yield* set(metrics.oldest, { branch }, oldest)
  }
  for (const branch of yield* measures.paused) yield* set(paused, { branch }, 1)
  return Array.from(late.keys(), (branch) => Branch.make(branch))
})

/** What all processes together have to do. */
const whole = Effect.gen(function* () {
  const rentprog = yield* RentProg
  const known = yield* KnownBranches
  const { standings } = yield* Processes
  // The database may be away: the rest is told all the same.
  const busy = yield* Effect.catch(backlog, ({ detail }) =>
    Effect.as(Effect.logWarning(`the backlog could not be counted: ${detail}`), none)
  )
  const said = yield* Effect.orElseSucceed(standings, () => nothing)
  for (const branch of new Set([...rentprog.branches, ...busy.filter((branch) => known.all().has(branch))])) {
    const { token } = said.get(branch) ?? (yield* rentprog.standing(branch))
    const isRefused = token === "refused" || (token === "missing" && busy.includes(branch))
    yield* set(refused, { branch }, isRefused ? 1 : 0)
  }
})

const gauges = Effect.gen(function* () {
  const presence = yield* Presence
  const rentprog = yield* RentProg
  const health = yield* Health
  const tells = presence.listens()
  yield* Metric.update(listens, tells ? 1 : 0)
  if (tells) yield* whole
  for (const branch of rentprog.branches.filter(presence.has)) {
    const { breaker, quota_left } = yield* rentprog.standing(branch)
    yield* set(quotaLeft, { branch }, quota_left)
    yield* set(breakerOpen, { branch }, breaker === "closed" ? 0 : 1)
  }
  for (const { name, state } of yield* health.components) {
    yield* set(up, { component: name }, state === "up" ? 1 : 0)
  }
  return yield* PrometheusMetrics.format()
})

const scrape = Effect.gen(function* () {
  const { has } = yield* Presence
  const { branches } = yield* RentProg
  for (const branch of branches) if (!has(branch)) yield* forgetLog(branch)
  const counted = yield* PrometheusMetrics.format()
  const measured = yield* Effect.provideService(gauges, Metric.MetricRegistry, new Map())
  return HttpServerResponse.text(counted + measured, {
    contentType: "text/plain; version=0.0.4; charset=utf-8"
  })
})

export const metrics = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const services = yield* Effect.context<Health | Measures | Processes | RentProg>()
    yield* router.add("GET", "/metrics", Effect.provideContext(scrape, services))
  })
)
