/**
 * Sentences of the operations log as RentProg words them for people: both genders, both languages of its interface,
 * and spaces, commas and spellings that come and go.
 */
import { type Array as Arr, Effect, Random } from "effect"
import type { EntityType } from "../domain/Entity.ts"
import type { Deed, Operation, Said, SaidChanges, SaidPayment } from "./Said.ts"

type Choice = Arr.NonEmptyReadonlyArray<string>

/** Somebody who works in RentProg. */
export interface Person {
  readonly name: string
  readonly feminine: boolean
  /** Whether the interface is English to them. */
  readonly english: boolean
}

/** The invented staff. */
export const staff: Arr.NonEmptyReadonlyArray<Person> = [
  { name: "Иван Петров", feminine: false, english: false },
  { name: "Главный Иван Петров", feminine: false, english: false },
  { name: "Мария Ли", feminine: true, english: false },
  { name: "Пётр Ли", feminine: false, english: false },
  { name: "Анна Смит", feminine: true, english: false },
  { name: "ნინო Кузнецова-Ли", feminine: true, english: false },
  { name: "Anna Smith", feminine: true, english: true },
  { name: "John O'Hara", feminine: false, english: true }
]

/** The staff and a robot. */
export const people: Arr.NonEmptyReadonlyArray<Person> = [
  ...staff,
  { name: "Parser", feminine: false, english: false }
]

const russianVerbs: Readonly<Record<Operation, string>> = {
  create: "создал",
  update: "изменил",
  delete: "удалил",
  cancel: "отменил",
  issue: "выдал",
  return: "принял",
  complete: "завершил",
  transfer: "принял"
}

const englishVerbs: Readonly<Record<Operation, Choice>> = {
  create: ["created"],
  update: ["changed", "updated"],
  delete: ["deleted"],
  cancel: ["cancelled", "canceled"],
  issue: ["issued"],
  return: ["accepted", "returned"],
  complete: ["completed"],
  transfer: ["accepted"]
}

/** The words of one language after the verb. */
interface Vocabulary {
  readonly things: Readonly<Record<Deed["entity_type"], Choice>>
  /** The things that fields change in. */
  readonly places: Readonly<Record<EntityType, string>>
  readonly car: string
  readonly object: string
  readonly payments: string
  readonly from: string
  readonly to: string
  readonly in: string
  readonly by: string
  readonly directions: Readonly<Record<"income" | "expense", string>>
  readonly methods: Readonly<Record<"cash" | "cashless", Choice>>
}

const russian: Vocabulary = {
  things: {
    booking: ["бронь"],
    car: ["авто"],
    client: ["клиента"],
    payment: ["платёж", "платеж"],
    maintenance: ["обслуживание"]
  },
  places: { booking: "брони", car: "авто", client: "клиенте" },
  car: "авто",
  object: "объекте",
  payments: "платежи",
  from: "с",
  to: "на",
  in: "в",
  by: "от",
  directions: { income: "приход", expense: "расход" },
  methods: { cash: ["наличными"], cashless: ["безналичными", "картой"] }
}

const english: Vocabulary = {
  things: {
    booking: ["booking"],
    car: ["car"],
    client: ["client"],
    payment: ["payment"],
    maintenance: ["service"]
  },
  places: { booking: "booking", car: "car", client: "client" },
  car: "car",
  object: "object",
  payments: "payments",
  from: "from",
  to: "to",
  in: "in",
  by: "from",
  directions: { income: "income", expense: "expense" },
  methods: { cash: ["cash"], cashless: ["cashless", "card"] }
}

/** Between a verb and what changed there may be a comma. */
const gap = Random.choice<Choice>([" ", " , ", ", "])

/** A thing and its number: `бронь № 514378`. */
const numbered = (thing: string, id: string): Effect.Effect<string> =>
  Effect.map(Random.choice<Choice>([" №", " № ", " #", " # ", "№"]), (mark) => `${thing}${mark}${id}`)

/** An amount of money: `60.0GEL`, `1 060,50 EUR`. */
const money = Effect.fnUntraced(function* (amount: number, currency: string) {
  const number = yield* Random.choice<Choice>([amount.toFixed(1), amount.toFixed(2), String(amount)])
  const grouped = (yield* Random.nextBoolean) ? number.replace(/\d(?=(\d{3})+(\.|$))/g, "$& ") : number
  const point = yield* Random.choice<Choice>([".", ","])
  return `${grouped.replace(".", point)}${yield* Random.choice<Choice>(["", " "])}${currency}`
})

const changed = (changes: SaidChanges, words: Vocabulary): string =>
  Object.entries(changes)
    .map(([field, { new: now, old }]) =>
      [field, words.from, old ?? "", words.to, now].filter((word) => word !== "").join(" ")
    )
    .join(", ")

const paid = Effect.fnUntraced(function* (payment: SaidPayment, words: Vocabulary) {
  const { amount, currency, direction, method } = payment
  if (amount === undefined || currency === undefined) return ""
  if (direction !== "income" && direction !== "expense") return ""
  const how = method === undefined ? "" : ` ${yield* Random.choice(words.methods[method])}`
  return `${yield* Random.choice<Choice>([", ", " "])}${words.directions[direction]}${how} ${yield* money(amount, currency)}`
})

/** Everything after the verb. */
const rest = Effect.fnUntraced(function* (deed: Deed, words: Vocabulary, name: string) {
  const { car_id, changes, counterparty, entity_id, entity_type, operation, payment, text } = deed
  if (payment !== undefined && counterparty !== undefined) {
    const sum = yield* money(payment.amount ?? 0, payment.currency ?? "GEL")
    return ` ${words.by} ${counterparty} ${sum}, ${yield* numbered(words.payments, payment.ids.join("/"))}`
  }
  if (changes !== undefined && entity_type !== "payment" && entity_type !== "maintenance") {
    const place = yield* numbered(words.places[entity_type], entity_id)
    const comma = yield* Random.choice<Choice>([" ", ", "])
    return `${yield* gap}${changed(changes, words)}${comma}${words.in} ${place}${name}`
  }
  const thing = yield* numbered(yield* Random.choice(words.things[entity_type]), entity_id)
  if (operation === "issue" || operation === "return") {
    return ` ${words.car}${yield* Random.choice<Choice>([", ", " , ", ","])}${thing}`
  }
  if (payment !== undefined) return ` ${thing}${yield* paid(payment, words)}`
  if (car_id !== undefined) {
    const object = yield* numbered(words.object, car_id)
    return ` ${thing} ${words.in} ${object}${text === undefined ? "" : ` ${text}`}`
  }
  return ` ${thing}${name}`
})

/** What somebody did, as a sentence of the log and as what it says. `name` is what people call the thing. */
export const sentence = Effect.fnUntraced(function* (deed: Deed, who: Person, name?: string) {
  const verb = who.english
    ? yield* Random.choice(englishVerbs[deed.operation])
    : `${russianVerbs[deed.operation]}${who.feminine ? "а" : ""}`
  // What follows an English verb is not always translated.
  const words = who.english && (yield* Random.next) < 0.7 ? english : russian
  const comma = (yield* Random.next) < 0.1 ? " ," : ""
  const called = name === undefined ? "" : ` - ${name}`
  const description = `${who.name}${comma} ${verb}${yield* rest(deed, words, called)}`
  return { description, says: { ...deed, user_name: who.name } satisfies Said }
})

/** Sentences that have to end with a person: nobody can tell which record they are about. */
export const unreadable: Choice = [
  "",
  "Пользователь вошёл",
  "Иван Петров передвинул бронь на 20 мая",
  "Мария Ли позвонила 12 клиентам",
  "Anna Smith counted the cars on 02.2026"
]
