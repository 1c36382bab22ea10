/** Lists, rows and records. */
import { plurals } from "../words.ts"

const many = plurals<"one">("en")
const rows = (count: number) => many(count, { one: "row", other: "rows" })

export const lists = {
  list: {
    filters: "Filters",
    all: "All",
    state: "State",
    branch: "Branch",
    type: "Type",
    kind: "Kind of record",
    reason: "Reason",
    text: "Search",
    textHint: "id, reason, payload",
    from: "From",
    to: "Before",
    any: "Any",
    anyReason: "Any",
    clear: "Clear filters",
    id: "Number",
    arrived: "Arrived",
    what: "What",
    record: "Record",
    attempts: "Attempts",
    select: (id: string) => `Select row ${id}`,
    selectPage: "Select all rows on this page",
    selected: (count: number) => `${rows(count)} selected`,
    unselect: "Clear selection",
    retryMatching: "Retry matching…",
    discardMatching: "Discard matching…",
    fresh: (count: number, more: boolean) =>
      more ? `Show ${count}+ new rows` : `Show ${many(count, { one: "new row", other: "new rows" })}`,
    left: (count: number) => many(count, { one: "row no longer matches", other: "rows no longer match" }),
    leftOne: "no longer matches",
    refresh: "Refresh",
    older: "Older",
    newest: "Newest",
    empty: "No rows match.",
    emptyHint: "Fewer filters show more.",
    shown: (count: number) => `${rows(count)} on this page`,
    next: (time: string) => `next attempt ${time}`
  },
  row: {
    meaning: "What it means",
    todo: "What to do",
    said: "In its own words",
    attempts: (count: number) => many(count, { one: "attempt made", other: "attempts made" }),
    next: "Next attempt",
    story: "Story",
    noStory: "Nothing is known of it yet.",
    by: (name: string) => `by ${name}`,
    received: "As received",
    normalised: "As normalised",
    sentence: "The sentence",
    raw: "As the log has it",
    columns: "All columns",
    trace: "Trace",
    copy: "Copy",
    copyLabel: "Copy the trace id",
    copied: "Copied.",
    notCopied: "The browser does not let this page copy; the text is selected.",
    undoHint: "Whoever discarded it can take that back under Actions.",
    more: (size: string) => `Show all (${size} characters)`,
    cut: "Cut off: too large to show."
  },
  steps: {
    received: "Received",
    failed: "Attempt failed",
    parked: "Parked",
    processed: "Processed",
    retried: "Run again",
    discarded: "Discarded",
    undone: "Discard taken back"
  },
  entity: {
    types: {
      car: "Car",
      client: "Client",
      booking: "Booking",
      payment: "Payment",
      maintenance: "Maintenance job"
    },
    lacking: "The mirror does not have this record.",
    deleted: (ago: string, _at: string) => `Deleted in RentProg ${ago}`,
    fetched: (ago: string) => `Fetched ${ago}`,
    record: "The record",
    data: "The whole record as last known",
    timeline: "Timeline",
    nothing: "Nothing has been told of it.",
    becomes: "becomes",
    empty: "empty",
    sources: { event: "event", history: "log entry", sync: "comparison", operator: "operator" },
    operations: {
      create: "Created",
      update: "Changed",
      destroy: "Deleted",
      delete: "Deleted",
      cancel: "Cancelled",
      issue: "Handed over",
      return: "Returned",
      complete: "Completed",
      transfer: "Cash handed over"
    },
    happened: "Something happened"
  }
}
