/**
 * RentProg's operations log: pages of entries, plain or under `attributes`, as an array or under a name.
 */
import { DateTime, Effect, Option, Predicate, Schema, SchemaGetter } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { LogEntry } from "../domain/History.ts"
import { RentProgBadResponse, type RentProgError } from "../domain/Reason.ts"
import { pageSize, sizeByFirst } from "./Addresses.ts"
import type { Read } from "./Calls.ts"

const path = "/history_items"

/** Text, or a number that stands for it. */
const text = Schema.Union([
  Schema.String,
  Schema.Finite.pipe(
    Schema.decodeTo(Schema.String, {
      decode: SchemaGetter.transform((value: number) => String(value)),
      encode: SchemaGetter.transform(Number)
    })
  )
])

/** One odd field must not lose an entry. */
const lenient = Schema.NullOr(text).pipe(
  Schema.catchDecoding(() => Effect.succeedSome(null)),
  Schema.withDecodingDefaultTypeKey(Effect.succeed(null))
)

const Item = Schema.Struct({
  id: text.check(Schema.isNonEmpty()),
  operation_type: lenient,
  description: lenient,
  entity_type: lenient,
  entity_id: lenient,
  user_name: lenient,
  created_at: lenient
})
const decodeItem = Schema.decodeUnknownOption(Item)

/** PostgreSQL reads no year before 0001 and none of more digits. */
const ordinaryYear = /^(?!0000)\d{4}-/

/** RentProg: an entry is plain, or `{id, attributes: {…}}`. */
const readEntry = (sent: unknown): Option.Option<LogEntry> => {
  if (!Predicate.isObject(sent)) return Option.none()
  const plain = Predicate.isObject(sent["attributes"]) ? { id: sent["id"], ...sent["attributes"] } : sent
  return Option.map(decodeItem(plain), (item) => ({
    operationId: item.id,
    operationType: item.operation_type,
    description: item.description,
    entityType: item.entity_type,
    entityId: item.entity_id,
    userName: item.user_name,
    createdAt: DateTime.make(item.created_at ?? "").pipe(
      Option.map(DateTime.formatIso),
      Option.filter((at) => ordinaryYear.test(at)),
      Option.getOrNull
    ),
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
    let size = pageSize
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
        else yield* Effect.logWarning("an entry of the operations log has no id and is left out", item)
      }
      if (page === 1) size = sizeByFirst(items.length)
      // A server may repeat its last page for ever.
      if (items.length < size || entries.size === known) return Array.from(entries.values())
    }
  })
