/** What people do and what stands in their way. */
import { plurals } from "../words.ts"

const many = plurals<"one">("en")
const rows = (count: number) => many(count, { one: "row", other: "rows" })

/** So many rows, which may be all or not. */
const first = (count: number, more: boolean) => (more ? `The first ${rows(count)} of more` : rows(count))

export const deeds = {
  actions: {
    title: "Actions",
    intro: "What people did here, the newest first.",
    none: "Nobody has done anything yet.",
    retry: (count: number) => `Ran ${rows(count)} again`,
    discard: (count: number) => `Discarded ${rows(count)}`,
    undo: (count: number) => `Took back the discard of ${rows(count)}`,
    pause: (branch: string) => `Paused ${branch}`,
    resume: (branch: string) => `Resumed ${branch}`,
    from: (address: string) => `from ${address}`,
    matching: "All that matched",
    everything: "no filter",
    reason: "Reason"
  },
  deeds: {
    retry: "Retry",
    discard: "Discard…",
    retryAsk: "Run again?",
    retryText: (count: number, more: boolean) =>
      count === 0
        ? "There is nothing to run again."
        : `${first(count, more)} will be run again, with a fresh count of attempts.`,
    retryDo: "Run again",
    discardAsk: "Discard?",
    discardText: (count: number, more: boolean) =>
      count === 0
        ? "There is nothing to discard: done rows are left alone."
        : `${first(count, more)} will count as done without having been processed. You can undo this.`,
    discardDo: "Discard",
    reason: "Why",
    reasonHint: "It stands in the row and in the audit.",
    counting: "Counting…",
    as: (name: string) => `Written down as ${name}.`,
    nobody: "operator",
    cancel: "Cancel",
    close: "Close",
    retried: (count: number) => many(count, { one: "row runs again.", other: "rows run again." }),
    discarded: (count: number) => many(count, { one: "row discarded.", other: "rows discarded." }),
    undone: (count: number) => many(count, { one: "row stands as before.", other: "rows stand as before." }),
    more: "There are more: do it again.",
    nothing: "There was nothing to do.",
    undo: "Undo",
    undoAsk: "Take the discard back?",
    undoText: (count: number) =>
      `${many(count, { one: "row will stand", other: "rows will stand" })} as before the discard.`,
    undoDo: "Take back"
  },
  session: {
    you: "You",
    title: "Sign in",
    text: "This Jarvis wants the admin token. It is kept until you close the tab.",
    token: "Admin token",
    name: "Your name",
    nameHint: "So that the audit says who did what. Optional.",
    enter: "Sign in",
    wrong: "That is not the token.",
    tooMany: "Too many wrong tokens came from your address. Wait a minute and try again.",
    settings: "You",
    save: "Save",
    saved: "Saved.",
    leave: "Sign out",
    forbidden: "This Jarvis answers only on its own machine",
    forbiddenText:
      "No admin token is set, so only requests from the machine it runs on are let in. Set JARVIS_ADMIN_TOKEN to sign in from here.",
    again: "Try again"
  },
  problems: {
    unauthorized: "The token is no longer accepted.",
    "not-found": "There is no such thing.",
    conflict: "That is no longer possible: somebody was quicker, or the rows have changed since.",
    "too-many": "Too many wrong tokens came from your address.",
    unavailable: {
      away: "The database does not answer.",
      locked: "Somebody else holds these rows at the moment.",
      "too slow":
        "The search takes too long. Narrow it: a state, a branch, a type or a time leaves less to look through than a text alone.",
      refused: "The database refused. The log of the service says why."
    },
    network: "The service does not answer.",
    itself: "This page tries again by itself.",
    unknown: "It is not known whether it was done: look, then try again.",
    forbidden: "This is not allowed from here.",
    unexpected: (detail: string) => `That did not work: ${detail}`,
    again: "Try again"
  },
  broken: {
    title: "This page broke",
    text: "That is a defect of the page, not of the service. The detail helps whoever mends it."
  },
  missing: { title: "No such page", text: "The address leads nowhere.", home: "To the overview" },
  none: "none"
}
