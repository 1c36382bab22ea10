/** How things stand: the frame of the page, the overview and the words that all pages share. */
import { plurals } from "../words.ts"

const many = plurals<"one">("en")

export const state = {
  nav: {
    label: "Pages",
    skip: "Skip to the content",
    overview: "Overview",
    events: "Events",
    history: "History",
    actions: "Actions",
    parked: (count: number) => many(count, { one: "row needs a person", other: "rows need a person" })
  },
  live: {
    connecting: "Connecting",
    live: "Live",
    away: "Database away",
    lost: "No connection",
    again: (seconds: number) => `No connection, next attempt in ${seconds} s`,
    stale: (time: string) => `The numbers are from ${time}.`,
    reload: "This page does not understand the service any more. Reload it."
  },
  verdict: {
    label: "How things stand",
    wait: "One moment",
    waitDetail: "Asking the service how things stand.",
    well: "All is well",
    wellDetail: "Every part works, and no row needs a person.",
    parked: (count: number) => many(count, { one: "row needs a person", other: "rows need a person" }),
    down: (name: string) => `Down: ${name}`,
    starting: "Starting",
    startingDetail: "Some parts are not up yet.",
    away: "The database does not answer",
    awayDetail:
      "Nothing is lost: senders are told to come again, and work goes on when the database is back.",
    lost: "The service does not answer",
    lostDetail: "This page goes on trying by itself.",
    breaker: (branch: string) => `RentProg does not answer for ${branch}`,
    paused: (branch: string, by: string) => `${branch} is paused by ${by}`,
    late: (age: string) => `The oldest row has waited ${age}`,
    waiting: (count: number) =>
      many(count, {
        one: "row waits and is tried again by itself",
        other: "rows wait and are tried again by themselves"
      })
  },
  parts: {
    database: "Database",
    migrations: "Migrations",
    "event listener": "Event listener",
    "event fallback": "Event fallback",
    "history listener": "History listener",
    "history fallback": "History fallback",
    "log reader": "Log reader"
  },
  overview: {
    title: "Overview",
    parts: "Parts",
    up: "up",
    down: "down",
    starting: "starting",
    branchPart: (branch: string) => `Branch ${branch}`,
    backlog: "Backlog",
    oldest: "Oldest",
    nothing: "Nothing is left to do.",
    reasons: "Why rows are not done",
    moreReasons: (count: number) => many(count, { one: "more reason", other: "more reasons" }),
    throughput: "Throughput",
    throughputUnit: "events a minute",
    received: "Received",
    processed: "Processed",
    throughputText: (received: string, processed: string) =>
      `In the last hour ${received} were received and ${processed} processed.`,
    latency: "Latency",
    latencyUnit: "from arrival to done",
    median: "Median",
    p99: "99th percentile",
    latencyText: (median: string, p99: string) =>
      `In the busiest minute half were done within ${median}, 99 of 100 within ${p99}.`,
    latencyNone: "Nothing was processed in the last hour.",
    table: "As a table",
    minute: "Minute"
  },
  branches: {
    title: "Branches",
    branch: "Branch",
    quota: "Quota left",
    reads: (left: number, perMinute: number) =>
      `${many(left, { one: "read", other: "reads" })} now, ${perMinute} a minute`,
    pausedUntil: (time: string) => `RentProg asked to wait until ${time}`,
    unknown: "not known",
    rentprog: "RentProg",
    breaker: { closed: "answers", open: "does not answer", "half-open": "is being tried" },
    pending: "Pending",
    waiting: "Waiting",
    parked: "Parked",
    oldest: "Oldest",
    paused: (by: string, ago: string) => `paused by ${by}, ${ago}`,
    none: "No branch is known yet.",
    pause: "Pause",
    resume: "Resume",
    pauseLabel: (branch: string) => `Pause ${branch}`,
    resumeLabel: (branch: string) => `Resume ${branch}`,
    pauseAsk: (branch: string) => `Pause ${branch}?`,
    pauseText:
      "Nothing of this branch is asked of RentProg until it is resumed. Webhooks are still taken in; they wait.",
    resumeAsk: (branch: string) => `Resume ${branch}?`,
    resumeText: "What waits in this branch is worked off again, as fast as its quota allows.",
    pausedDone: (branch: string) => `${branch} is paused.`,
    resumedDone: (branch: string) => `${branch} goes on.`
  },
  states: {
    pending: "Pending",
    waiting: "Waiting",
    parked: "Parked",
    processed: "Processed",
    discarded: "Discarded"
  },
  stateText: {
    pending: "Nobody has tried it yet; its turn comes by itself.",
    waiting: "An attempt failed. It is tried again by itself.",
    parked: "It is not tried again by itself: a person has to look.",
    processed: "It is done.",
    discarded: "A person decided that it needs no processing."
  },
  tables: { events: "Events", history: "History" },
  one: { events: "Event", history: "Log entry" }
}
