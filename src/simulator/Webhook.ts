/**
 * Webhooks as RentProg words them: the spellings of an event's name, and the forms of its payload.
 */
import { type Array as Arr, Effect, Random, type Schema } from "effect"
import { type EventType, meaning } from "../domain/Event.ts"

/** What RentProg posts, as it stands in `events.type` and `events.payload` before anything is normalised. */
export interface Webhook {
  readonly event: string
  readonly payload: Schema.Json
  /** Whether nobody could make sense of it; RentProg does not send this field. */
  readonly garbage: boolean
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\n": "\\n",
  "\t": "\\t",
  "\r": "\\r",
  "\f": "\\f",
  "\v": "\\v",
  "\b": "\\b",
  "\u0007": "\\a",
  "\u001b": "\\e"
}

const inspectText = (text: string): string => {
  const escaped = Array.from(text).map((character, index, all) => {
    const known = escapes[character]
    if (known !== undefined) return known
    // Only before these would Ruby read a # as the start of something to fill in.
    if (character === "#" && /^[{$@]$/.test(all[index + 1] ?? "")) return "\\#"
    return character < " "
      ? `\\u${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`
      : character
  })
  return `"${escaped.join("")}"`
}

const isArray = (value: Schema.Json): value is Schema.JsonArray => Array.isArray(value)

/** The text that Ruby's `inspect` gives for the same value: `{"mileage"=>[nil, 102035]}`. */
export const inspect = (value: Schema.Json): string => {
  if (value === null) return "nil"
  if (typeof value === "string") return inspectText(value)
  if (isArray(value)) return `[${value.map(inspect).join(", ")}]`
  if (typeof value === "object") {
    const fields = Object.entries(value).map(([key, field]) => `${inspectText(key)}=>${inspect(field)}`)
    return `{${fields.join(", ")}}`
  }
  return String(value)
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

/** Every way in which RentProg writes an event's name. */
export const spellings = (type: EventType): Arr.NonEmptyReadonlyArray<string> => {
  const { entityType, operation } = meaning[type]
  return [
    type,
    `${entityType}.${operation}`,
    `${entityType}${operation}`,
    `${capital(entityType)}_${capital(operation)}`
  ]
}

/** A webhook in one of its spellings and forms, by chance: mostly text, seldom a plain object. */
export const word = Effect.fnUntraced(function* (type: EventType, body: Schema.JsonObject) {
  const event = yield* Random.choice(spellings(type))
  const form = yield* Random.next
  const payload = form < 0.5 ? inspect(body) : form < 0.9 ? JSON.stringify(body) : body
  return { event, payload, garbage: false } satisfies Webhook
})

/** A webhook that has to end with a person: of an unknown type or company, without an id, or unreadable. */
export const garbage: Effect.Effect<Webhook> = Effect.gen(function* () {
  const id = yield* Random.nextIntBetween(1, 999)
  return yield* Random.choice<Arr.NonEmptyReadonlyArray<Webhook>>([
    { event: "garage_update", payload: JSON.stringify({ id, company_id: 9247 }), garbage: true },
    { event: "car_update", payload: `{"mileage"=>[10, 20], "id"=>${id}, "company_id"=>`, garbage: true },
    {
      event: "client_update",
      payload: inspect({ phone: [null, "+995555000000"], company_id: 9248 }),
      garbage: true
    },
    { event: "booking_update", payload: { id, company_id: 1, state: ["Новая", "Активная"] }, garbage: true }
  ])
})
