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
    startingDetail: (names: string) => `Not up yet: ${names}.`,
    away: "The database does not answer",
    awayDetail:
      "Nothing is lost: senders are told to come again, and work goes on when the database is back.",
    lost: "The service does not answer",
    lostDetail: "This page goes on trying by itself.",
    breaker: (branch: string) => `RentProg does not answer for ${branch}`,
    token: {
      missing: (branch: string) => `${branch} has events and no token`,
      refused: (branch: string) => `RentProg refuses the token of ${branch}`
    },
    behind: (branch: string, age: string) => `${branch} is behind: an event has been due for ${age}`,
    failing: {
      events: (age: string) => `Events have been failing for ${age}`,
      history: (age: string) => `Entries of the log have been failing for ${age}`
    },
    noLog: (branch: string) => `The operations log of ${branch} is not read`,
    unread: (branch: string, age: string) =>
      `The operations log of ${branch} has not been read to its end for ${age}`,
    paused: (branch: string, by: string) => `${branch} is paused by ${by}`,
    idle: "No process hears of new events",
    idleDetail:
      "Nothing is lost: rows wait in the tables. Another process takes over within 15 seconds; if none does, the log of the service says why.",
    gone: (processes: string) => `Gone or frozen: ${processes}`,
    goneRemedy:
      "What it did is taken over by another, where one runs. Its log says what happened; after 5 minutes it is told of no more.",
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
    "event branches": "Branches of events",
    "history listener": "History listener",
    "history fallback": "History fallback",
    "log reader": "Log reader",
    notifications: "Notifications",
    "branch watch": "Branch watch",
    presence: "Contact with other processes",
    "event settling": "Settling of events",
    "history settling": "Settling of log entries",
    adoption: "Adoption of old rows",
    forwarding: "Forwarding of other tables",
    "branch other": "Branches that nobody knows"
  },
  branchParts: {
    branch: (branch: string) => `Branch ${branch}`,
    token: (branch: string) => `Company token of ${branch}`,
    log: (branch: string) => `Operations log of ${branch}`,
    "user token": (branch: string) => `User token of ${branch}`,
    backlog: (branch: string) => `Backlog of ${branch}`
  },
  remedies: {
    database: "See that PostgreSQL runs, and takes connections and writes.",
    migrations: "The log of the service says what stopped them.",
    "event listener":
      "It starts again by itself. If it stays, see the log of the service and JARVIS_LISTEN_URL.",
    "history listener":
      "It starts again by itself. If it stays, see the log of the service and JARVIS_LISTEN_URL.",
    notifications:
      "Set JARVIS_LISTEN_URL to a connection that leads through no pooler, and restart. Until then everything may take a minute longer.",
    "event settling":
      "Something on the table events refuses updates: a constraint, a trigger or a type of your own. The table row_refusals names the rows; put that right, and they go on by themselves.",
    "history settling":
      "Something on the table history refuses updates: a constraint, a trigger or a type of your own. The table row_refusals names the rows; put that right, and they go on by themselves.",
    adoption:
      "It is tried again each minute. If it stays, see who holds these rows or what refuses their update.",
    forwarding:
      "Rows of another system's tables come late: the table forward_misses says why, and they come by themselves when nothing is in their way. Rows that may be lost are looked for; where nobody can find them, compare the tables and run jarvis forward again. A trigger that is missing: jarvis forward puts it back.",
    branch: "It starts again by itself, and no row is lost. If it stays, the log of the service says why.",
    token: "Correct it in RENTPROG_TOKENS and restart.",
    log: "It is tried again every 3 minutes. If RentProg refuses the user token, put a new one into RENTPROG_HISTORY_TOKENS and restart.",
    "user token": "Put a new one into RENTPROG_HISTORY_TOKENS and restart.",
    backlog: "See the branch's quota, breaker and pause below.",
    other: "It starts again by itself. If it stays, the log of the service says why."
  },
  branchRemedies: {
    token: {
      missing: "Its events wait. Add its token to RENTPROG_TOKENS and restart.",
      refused: "Its events wait. Correct its token in RENTPROG_TOKENS and restart."
    },
    behind: {
      paused: "Resume it when it may go on.",
      breaker: "Nothing is lost: it goes on by itself when RentProg answers.",
      quota:
        "Its quota is used up; it catches up by itself. Where RentProg leaves room, raise RENTPROG_READS_PER_MINUTE.",
      work: "There is more to do than is done. If it stays, the log of the service says why."
    },
    unread:
      "After a long stop it catches up by itself, page by page. If it stays, the log of the service says why.",
    noLog:
      "Payments, cash and maintenance are known from there alone: put a user token into RENTPROG_HISTORY_TOKENS."
  },
  logs: {
    title: "Operations logs",
    none: "No log is read: RENTPROG_HISTORY_TOKENS is empty.",
    read: "can be read",
    failed: "cannot be read",
    untried: "not tried yet",
    until: "known until",
    never: "never read"
  },
  overview: {
    title: "Overview",
    parts: "Parts",
    up: "up",
    down: "down",
    starting: "starting",
    refused: "refused",
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
  processes: {
    title: "Processes",
    named: (process: string) => `process ${process}`,
    part: (part: string, process: string) => `${part} (process ${process})`,
    elsewhere: "in another process",
    alone: (process: string, role: string, started: string) => `Process ${process} ${role}, ${started}.`,
    self: "this page comes from it",
    roles: {
      working: "does all the work",
      sharing: "shares the work with others",
      "standing by": "stands by, and takes over when need be"
    },
    started: (ago: string) => `started ${ago}`,
    listens: "hears of new events for all",
    branches: (count: number, names: string) =>
      `works for ${many(count, { one: "branch", other: "branches" })}: ${names}`,
    more: (names: string, more: number) => `${names} and ${more} more`,
    unwell: (parts: string) => `Not well: ${parts}`,
    unseen: (age: string) => `Not seen for ${age}`
  },
  branches: {
    title: "Branches",
    branch: "Branch",
    quota: "Quota left",
    reads: (left: number, perMinute: number) =>
      `${many(left, { one: "read", other: "reads" })} now, ${perMinute} a minute`,
    pausedUntil: (time: string) => `RentProg asked to wait until ${time}`,
    unknown: "not known",
    nobody: "no process works for it",
    rentprog: "RentProg",
    breaker: { closed: "answers", open: "does not answer", "half-open": "is being tried" },
    token: { missing: "no token", refused: "refuses the token" },
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
