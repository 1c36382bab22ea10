/**
 * RentProg's operations log, a page at a time: where it is kept, and the forms in which its entries come.
 */
import { DateTime, Effect, Option, Predicate, Schema } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { LogEntry } from "../domain/History.ts"
import { readMoment } from "../domain/Moment.ts"
import { RentProgBadResponse, type RentProgError } from "../domain/Reason.ts"
import { pageSize } from "./Addresses.ts"
import type { Post, Read } from "./Calls.ts"
import { flat } from "./flat.ts"
import { text, textColumn } from "./Records.ts"

/** A page of the log. */
export interface LogPage {
  /** How many entries came, those without a usable number included. */
  readonly length: number
  readonly entries: ReadonlyArray<LogEntry>
}

/** What was made from the first instant on and before the other, in milliseconds since 1970. */
export interface Window {
  readonly from: number
  readonly to: number
}

/** RentProg: the private API answers its own web page alone. */
const ownPage = { origin: "https://web.rentprog.ru", referer: "https://web.rentprog.ru/" }

/** What an entry says of itself, its number apart. */
export const entryFields = {
  operation_type: textColumn,
  description: textColumn,
  entity_type: textColumn,
  entity_id: textColumn,
  user_name: textColumn,
  created_at: textColumn
}
/** Numbers that can be compared and counted. */
const number = text.check(Schema.isPattern(/^[0-9]{1,15}$/))
const decodeItem = Schema.decodeUnknownOption(Schema.Struct({ id: number, ...entryFields }))

const readEntry = (sent: unknown): Option.Option<LogEntry> => {
  if (!Predicate.isObject(sent)) return Option.none()
  return Option.map(decodeItem(flat(sent)), (item) => ({
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

const readPage = Effect.fnUntraced(function* (items: ReadonlyArray<unknown>) {
  const entries = items.flatMap((item) => Option.toArray(readEntry(item)))
  for (let left = items.length - entries.length; left > 0; left -= 1) {
    yield* Effect.logWarning("an entry of the operations log has no id and is left out")
  }
  return { length: items.length, entries } satisfies LogPage
})

export const make = ({ get, post }: { readonly get: Read; readonly post: Post }) => {
  const search = Effect.fn("RentProg.searchLog")(function* (
    branch: Branch,
    page: number
  ): Effect.fn.Return<LogPage, RentProgError> {
    const asked = { page, per_page: pageSize, sort_by: "id", direction: "desc", search: null }
    const { json } = yield* post(branch, "/search_operations", asked, ownPage)
    const operations = Predicate.isObject(json) ? json["operations"] : undefined
    const items = Predicate.isObject(operations) ? operations["data"] : undefined
    if (Array.isArray(items)) return yield* readPage(items)
    return yield* new RentProgBadResponse({
      detail: "POST /search_operations brought no array under operations.data"
    })
  })

  const list = Effect.fn("RentProg.listLog")(function* (
    branch: Branch,
    { from, to }: Window,
    page: number
  ): Effect.fn.Return<LogPage, RentProgError> {
    const { json } = yield* get(branch, "/history_items", {
      created_at_from: DateTime.formatIso(DateTime.makeUnsafe(from)),
      created_at_to: DateTime.formatIso(DateTime.makeUnsafe(to)),
      per_page: pageSize,
      page
    })
    const items = Predicate.isObject(json) ? (json["history_items"] ?? json["data"]) : json
    if (Array.isArray(items)) return yield* readPage(items)
    return yield* new RentProgBadResponse({
      detail: "GET /history_items brought neither an array nor one under data or history_items"
    })
  })

  return { list, search }
}
