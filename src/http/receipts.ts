/** Under which receipts entries of the log are written: what comes again is known by them. */
import { createHash } from "node:crypto"
import type { IncomingEntry } from "../database/Inbox.ts"

type Said = Pick<IncomingEntry, "branch" | "companyId" | "operationId" | "raw">

/** Of how many different entries without a number it is known that nobody confirmed them. */
const mostKept = 10_000

/** A UUID made of all that an entry says. */
const digestOf = ({ branch, companyId, raw }: Said): string =>
  createHash("sha256")
    .update(JSON.stringify([branch, companyId, raw]))
    .digest("hex")
    // Version 8: whoever makes it says how.
    .replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, "$1-$2-8$3-8$4-$5")

/** Each branch counts its entries for itself. */
const hasNumber = ({ branch, companyId, operationId }: Said): boolean =>
  Boolean(operationId && (branch || companyId))

/**
 * An entry that has a number is one entry however often it comes: its receipt is made of what it says. Any other may be
 * another one each time, unless the last one was not confirmed to whoever sent it: it may be written by then, or be so yet,
 * and the next one that says the same has its receipt. So there are as many rows as were confirmed.
 */
export const makeReceipts = () => {
  const unconfirmed = new Map<string, Array<string>>()
  return {
    of: (entry: Said): string => {
      const digest = digestOf(entry)
      if (hasNumber(entry)) return digest
      const kept = unconfirmed.get(digest) ?? []
      const receipt = kept.pop() ?? crypto.randomUUID()
      if (kept.length === 0) unconfirmed.delete(digest)
      return receipt
    },

    /** Nobody was told that these are written. */
    keep: (entries: ReadonlyArray<Said & { readonly receipt: string }>): void => {
      for (const entry of entries) {
        if (hasNumber(entry)) continue
        const digest = digestOf(entry)
        const kept = unconfirmed.get(digest) ?? []
        kept.push(entry.receipt)
        unconfirmed.set(digest, kept)
        // The oldest go first.
        for (const [first] of unconfirmed) {
          if (unconfirmed.size <= mostKept) break
          unconfirmed.delete(first)
        }
      }
    }
  }
}
