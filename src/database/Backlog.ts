/** What is not done, by table, reason and branch, and what the last hour saw done. */
import { PgClient } from "@effect/sql-pg"
import { Context, DateTime, Effect, Exit, Layer, Schema, Struct } from "effect"
import { groupBy, isReadonlyArrayNonEmpty } from "effect/Array"
import { BranchBacklog, LogBacklog, Minute, type Backlog as OfTable } from "../domain/Backlog.ts"
import { Branch } from "../domain/Branch.ts"
import { Table } from "../domain/Row.ts"
import { decodeRows } from "./decode.ts"
import { sources } from "./Refusals.ts"
import { asUnanswered, type Unanswered } from "./Unanswered.ts"

/** Rows of a table that stand alike. */
const Group = Schema.Struct({
  table: Table,
  branch: Schema.NullOr(Schema.String),
  state: Schema.Literals(["pending", "waiting", "parked"]),
  /** Its code. */
  reason: Schema.NullOr(Schema.String),
  count: Schema.Int,
  /** When the oldest of them arrived. */
  oldest: Schema.DateTimeUtcFromString,
  /** Since when the one has been due that has been due longest. */
  due_since: Schema.NullOr(Schema.DateTimeUtcFromString)
})
type Group = typeof Group.Type

/** A branch of the table `branches`, or one that is held. */
const Known = BranchBacklog.mapFields(Struct.pick(["branch", "name", "paused"]))

const decodeGroups = decodeRows(Group)
const decodeKnown = decodeRows(Known)
const decodeMinutes = decodeRows(Minute)
const decodeLogs = decodeRows(LogBacklog)

export interface NotDone {
  readonly events: OfTable
  readonly history: OfTable
  /** Each branch that is known: from the table `branches`, by a token, or because it is held; and 20 others of events. */
  readonly branches: ReadonlyArray<BranchBacklog>
  /** Each branch whose log is read. */
  readonly logs: ReadonlyArray<LogBacklog>
}

export class Backlog extends Context.Service<
  Backlog,
  {
    readonly now: Effect.Effect<NotDone, Unanswered>
    /** The last 60 minutes, oldest first, counted every 5 s at most. */
    readonly minutes: Effect.Effect<ReadonlyArray<Minute>, Unanswered>
  }
>()("jarvis/database/Backlog") {
  /** `tokens` are the branches that have one, `logs` those whose log is read. */
  static readonly layer = (options: {
    readonly tokens: ReadonlyArray<Branch>
    readonly logs: ReadonlyArray<Branch>
  }): Layer.Layer<Backlog, never, PgClient.PgClient> =>
    Layer.effect(
      Backlog,
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient

        /** Of the log nobody asks by branch, and whoever posts it may write many. */
        const groupsOf = (table: Table) => sql`
          SELECT ${table}::text AS "table", ${table === "events" ? sql`left(one.branch, 101)` : sql`NULL::text`} AS branch,
            left(split_part(one.reason, ':', 1), 100) AS reason,
            coalesce(one.next_attempt_at = 'infinity', false) AS parked, count(*) AS count,
            least(greatest(min(one.ts), 'epoch'), '9999-12-31') AS oldest,
            min(greatest(one.next_attempt_at, 'epoch')) FILTER (WHERE one.next_attempt_at <= now() AND held.at IS NULL)
              AS due_since
          FROM ${sql(table)} AS one
          LEFT JOIN row_refusals AS held ON held.source = ${sources[table]} AND held.source_id = one.id
          WHERE NOT one.processed
          GROUP BY 2, 3, 4
        `
        const groups = sql`
          SELECT to_jsonb(counted.*) AS row
          FROM (
            SELECT groups."table", groups.branch, groups.reason, groups.count, groups.oldest, groups.due_since,
              row_state(false, NULL, groups.reason, CASE WHEN groups.parked THEN 'infinity'::timestamptz END) AS state
            FROM (${groupsOf("events")} UNION ALL ${groupsOf("history")}) AS groups
          ) AS counted
        `.pipe(Effect.flatMap(decodeGroups))

        const known = sql`
          SELECT to_jsonb(known.*) AS row
          FROM (
            SELECT coalesce(listed.code, held.branch) AS branch, listed.name, CASE WHEN held.paused_at IS NOT NULL THEN
              jsonb_build_object('at', held.paused_at, 'by', held.paused_by)
            END AS paused
            FROM (
              SELECT branches.code, min(branches.name) AS name FROM branches WHERE branches.code <> '' GROUP BY branches.code
            ) AS listed
            FULL JOIN paused_branches AS held ON held.branch = listed.code
          ) AS known
        `.pipe(Effect.flatMap(decodeKnown))

        const logs = sql`
          SELECT to_jsonb(log.*) AS row
          FROM (
            SELECT reading.branch, progress.read_until
            FROM unnest(${[...options.logs]}::text[]) AS reading (branch)
            LEFT JOIN history_progress AS progress ON progress.branch = reading.branch
          ) AS log
          ORDER BY log.branch
        `.pipe(Effect.flatMap(decodeLogs))

        const minutes = sql`
          WITH hour AS (
            SELECT generate_series(date_trunc('minute', now()) - interval '59 minutes', now(), interval '1 minute') AS at
          ), arrived AS (
            SELECT date_trunc('minute', one.ts) AS at, count(*) AS received
            FROM events AS one WHERE one.ts >= (SELECT min(hour.at) FROM hour) GROUP BY 1
          ), done AS (
            SELECT date_trunc('minute', one.processed_at) AS at, count(*) AS processed,
              percentile_cont('{0.5,0.99}'::float8[]) WITHIN GROUP (
                ORDER BY greatest(extract(epoch FROM one.processed_at - greatest(one.ts, 'epoch')) * 1000, 0)::float8
              ) AS took
            FROM events AS one
            WHERE one.processed AND one.ok IS NOT FALSE AND one.ts < 'infinity'
              AND one.processed_at >= (SELECT min(hour.at) FROM hour) AND one.processed_at < 'infinity'
            GROUP BY 1
          )
          SELECT to_jsonb(minute.*) AS row
          FROM (
            SELECT hour.at, coalesce(arrived.received, 0) AS received, coalesce(done.processed, 0) AS processed,
              done.took[1] AS median, done.took[2] AS p99
            FROM hour LEFT JOIN arrived ON arrived.at = hour.at LEFT JOIN done ON done.at = hour.at
          ) AS minute
          ORDER BY minute.at
        `.pipe(Effect.flatMap(decodeMinutes), asUnanswered, Effect.withSpan("Backlog.minutes"))

        return Backlog.of({
          now: Effect.all([groups, known, logs], { concurrency: "unbounded" }).pipe(
            asUnanswered,
            Effect.map(([groups, known, logs]) => ({
              events: ofTable(groups.filter(({ table }) => table === "events")),
              history: ofTable(groups.filter(({ table }) => table === "history")),
              branches: ofBranches(groups, known, [...options.tokens, ...options.logs]),
              logs
            })),
            Effect.withSpan("Backlog.now")
          ),
          minutes: yield* Effect.cachedWithTTL(minutes, (exit) => (Exit.isSuccess(exit) ? "5 seconds" : 0))
        })
      })
    )
}

const total = (groups: ReadonlyArray<Group>): number => groups.reduce((sum, { count }) => sum + count, 0)

const first = (times: ReadonlyArray<DateTime.Utc>): DateTime.Utc | null =>
  isReadonlyArrayNonEmpty(times) ? times.reduce((one, other) => DateTime.min(one, other)) : null

const oldestOf = (groups: ReadonlyArray<Group>) => first(groups.map(({ oldest }) => oldest))

const summed = (groups: ReadonlyArray<Group>) => {
  const of = (state: Group["state"]) => groups.filter((group) => group.state === state)
  return {
    pending: total(of("pending")),
    waiting: total(of("waiting")),
    parked: total(of("parked")),
    oldest: oldestOf(groups.filter(({ state }) => state !== "parked"))
  }
}

const ofTable = (groups: ReadonlyArray<Group>): OfTable => {
  const reasons = new Map<string, OfTable["reasons"][number]>()
  for (const { count, oldest, reason, state } of groups) {
    if (state === "pending") continue
    const key = `${state} ${reason}`
    const before = reasons.get(key)
    reasons.set(key, {
      state,
      reason: reason ?? "",
      count: count + (before?.count ?? 0),
      oldest: DateTime.min(oldest, before?.oldest ?? oldest)
    })
  }
  return {
    ...summed(groups),
    oldest_pending: oldestOf(groups.filter(({ state }) => state === "pending")),
    // In an order that stays while the counts do.
    reasons: [...reasons]
      .sort(([key, one], [otherKey, other]) => other.count - one.count || (key < otherKey ? -1 : 1))
      .map(([, reason]) => reason)
  }
}

/** As the trigger has it: what else stands in the column is no branch, and its rows are parked. */
const isBranch = Schema.is(Branch.check(Schema.isPattern(/^[^|]{1,100}$/)))

/** How many branches are told of that stand in events alone: whoever posts them may write many. */
const mostOthers = 20

const ofBranches = (
  groups: ReadonlyArray<Group>,
  known: ReadonlyArray<typeof Known.Type>,
  tokens: ReadonlyArray<Branch>
): ReadonlyArray<BranchBacklog> => {
  const events = groupBy(
    groups.filter(({ table }) => table === "events"),
    ({ branch }) => branch ?? ""
  )
  const eventsOf = (branch: string) => (Object.hasOwn(events, branch) ? events[branch] : undefined) ?? []
  const listed = new Map<string, typeof Known.Type>(known.map((branch) => [branch.branch, branch]))
  const ours = new Set<string>([...listed.keys(), ...tokens])
  const others = Object.keys(events)
    .filter((branch) => !ours.has(branch) && isBranch(branch))
    .sort((one, other) => total(eventsOf(other)) - total(eventsOf(one)))
    .slice(0, mostOthers)
  return [...ours, ...others]
    .filter((branch) => isBranch(branch))
    .sort()
    .map((branch) => ({
      branch,
      name: listed.get(branch)?.name ?? null,
      paused: listed.get(branch)?.paused ?? null,
      ...summed(eventsOf(branch)),
      due_since: first(eventsOf(branch).flatMap(({ due_since }) => (due_since === null ? [] : [due_since])))
    }))
}
