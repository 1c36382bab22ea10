/**
 * RentProg's operations log: pages of entries, plain or under `attributes`, as an array or under a name.
 */
import { DateTime, Effect, Option, Predicate, Schema } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { LogEntry } from "../domain/History.ts"
import { readMoment } from "../domain/Moment.ts"
import { RentProgBadResponse, type RentProgError } from "../domain/Reason.ts"
import { ordinaryPage, pageSize } from "./Addresses.ts"
import type { Read } from "./Calls.ts"
import { text, textColumn } from "./Records.ts"

const path = "/history_items"

/** What an entry says of itself, its number apart. */
export const entryFields = {
  operation_type: textColumn,
  description: textColumn,
  entity_type: textColumn,
  entity_id: textColumn,
  user_name: textColumn,
  created_at: textColumn
}
const Item = Schema.Struct({ id: text.check(Schema.isNonEmpty()), ...entryFields })
const decodeItem = Schema.decodeUnknownOption(Item)

/** RentProg: an entry is plain, or `{id, attributes: {…}}`. */
export const plainEntry = (sent: { readonly [field: PropertyKey]: unknown }) =>
  Predicate.isObject(sent["attributes"]) ? { ...sent, ...sent["attributes"] } : sent

const readEntry = (sent: unknown): Option.Option<LogEntry> => {
  if (!Predicate.isObject(sent)) return Option.none()
  return Option.map(decodeItem(plainEntry(sent)), (item) => ({
    operationId: item.id,
    operationType: item.operation_type,
    description: item.description,
    entityType: item.entity_type,
    entityId: item.entity_id,
    userName: item.user_name,
    createdAt: Option.getOrNull(readMoment(item.created_at ?? "")),
    raw: sent
  }))
}

const listOf = (json: unknown): unknown =>
  Predicate.isObject(json) ? (json["history_items"] ?? json["data"]) : json

export const make = (read: Read) =>
  Effect.fn("RentProg.readLog")(function* (
    branch: Branch,
    from: number,
    to: number
  ): Effect.fn.Return<ReadonlyArray<LogEntry>, RentProgError> {
    const entries = new Map<string, LogEntry>()
    for (let page = 1; ; page += 1) {
      const { json } = yield* read(branch, path, {
        created_at_from: DateTime.formatIso(DateTime.makeUnsafe(from)),
        created_at_to: DateTime.formatIso(DateTime.makeUnsafe(to)),
        per_page: pageSize,
        page
      })
      const items = listOf(json)
      if (!Array.isArray(items)) {
        return yield* new RentProgBadResponse({
          detail: `GET ${path} brought neither an array nor one under data or history_items`
        })
      }
      const known = entries.size
      for (const item of items) {
        const entry = readEntry(item)
        if (Option.isSome(entry)) entries.set(entry.value.operationId, entry.value)
        else yield* Effect.logWarning("an entry of the operations log has no id and is left out")
      }
      // No page that is not the last is known to hold fewer; and a server may repeat its last page for ever.
      if (items.length < ordinaryPage || entries.size === known) return Array.from(entries.values())
    }
  })
