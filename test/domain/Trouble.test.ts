import { assert, describe, it } from "@effect/vitest"
import { DateTime } from "effect"
import type { BranchBacklog } from "../../src/domain/Backlog.ts"
import { Branch } from "../../src/domain/Branch.ts"
import type { Standing } from "../../src/domain/Standing.ts"
import { troubleOf } from "../../src/domain/Trouble.ts"

const now = DateTime.makeUnsafe("2026-03-01T10:00:00Z")
const ago = (minutes: number) => DateTime.subtract(now, { minutes })

const backlog: BranchBacklog = {
  branch: Branch.make("tbilisi"),
  name: null,
  paused: null,
  pending: 3,
  waiting: 0,
  parked: 0,
  oldest: ago(60),
  due_since: ago(6)
}

const standing: Standing = {
  quota_left: 5,
  quota_most: 15,
  reads_per_minute: 60,
  quota_paused_until: null,
  breaker: "closed",
  token: "ok",
  user_token: null
}

describe("a branch", () => {
  it.each<[string, Partial<BranchBacklog>, Partial<Standing> | null, string | null]>([
    ["whose actor works", {}, {}, "work"],
    ["whose actor does not answer", {}, null, "work"],
    ["that is held", { paused: { at: ago(10), by: "Nina" } }, { quota_left: 0 }, "paused"],
    ["that RentProg does not answer", {}, { breaker: "open", quota_left: 0 }, "breaker"],
    ["that RentProg is tried for", {}, { breaker: "half-open" }, "breaker"],
    ["without quota", {}, { quota_left: 0 }, "quota"],
    ["that was told to wait", {}, { quota_paused_until: ago(-1) }, "quota"],
    ["that was told to wait and has", {}, { quota_paused_until: ago(1) }, "work"],
    ["whose oldest due event is 5 minutes late", { due_since: ago(5) }, {}, null],
    ["that has nothing due", { due_since: null }, { quota_left: 0, breaker: "open" }, null]
  ])("%s is behind for the right reason", (_, rows, said, why) => {
    const { behind } = troubleOf({ ...backlog, ...rows }, said && { ...standing, ...said }, false, now)
    assert.strictEqual(behind?.why ?? null, why)
    if (why !== null) assert.deepStrictEqual(behind?.since, ago(6))
  })

  it.each<[string, Partial<Standing> | null, boolean, string | null]>([
    ["whose log is read", { user_token: "ok" }, true, null],
    ["whose log cannot be read, as its part tells", { user_token: "refused" }, true, null],
    ["whose log nobody reads, while others are", {}, true, "missing"],
    ["of a company that reads no log", {}, false, null],
    ["that nobody uses", { token: "missing" }, true, null],
    ["whose actor does not answer", null, true, null]
  ])("%s lacks a user token, or does not", (_, said, readsLogs, expected) => {
    assert.strictEqual(troubleOf(backlog, said && { ...standing, ...said }, readsLogs, now).log, expected)
  })

  const none = { pending: 0, waiting: 0, parked: 0 }
  it.each<[string, Partial<BranchBacklog>, Standing["token"], string | null]>([
    ["whose token is taken", {}, "ok", null],
    ["whose token is refused", none, "refused", "refused"],
    ["without a token, with events that wait", { ...none, waiting: 1 }, "missing", "missing"],
    ["without a token, with events that are parked", { ...none, parked: 1 }, "missing", "missing"],
    ["without a token and without events", none, "missing", null]
  ])("%s is told of where that matters", (_, rows, token, expected) => {
    assert.strictEqual(troubleOf({ ...backlog, ...rows }, { ...standing, token }, false, now).token, expected)
  })
})
