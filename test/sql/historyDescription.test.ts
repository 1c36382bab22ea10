/** What sentences of the operations log say: those of the field, those of a day, and those that mean nothing. */
import { readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { day, populate } from "../../src/simulator/Day.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const Line = Schema.fromJsonString(
  Schema.Struct({ description: Schema.String, expect: Schema.NullOr(Schema.JsonObject) })
)
const sentences = readFileSync(new URL("../fixtures/history.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => Schema.decodeUnknownSync(Line)(line))

/** What each sentence says. */
const read = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ readonly said: unknown }>`
    SELECT parse_history_description(text) AS said
    FROM unnest(${texts}::text[]) WITH ORDINALITY AS texts (text, n) ORDER BY n
  `
  return rows.map(({ said }) => said)
})

const petrov = { user_name: "Иван Петров" }
const car = { ...petrov, entity_type: "car", entity_id: "5", operation: "update" }
const changed = (field: string, old: string | null, now: string) => ({
  ...car,
  changes: { [field]: { old, new: now } }
})
const handOver = {
  user_name: "Пётр Ли",
  entity_type: "payment",
  entity_id: "7",
  operation: "transfer",
  counterparty: "Анна Смит",
  payment: { ids: ["7", "8"], amount: 400, currency: "GEL", direction: "transfer", method: "cash" }
}
const job = { ...petrov, entity_type: "maintenance", entity_id: "7", operation: "complete", car_id: "5" }

/** Sentences that the fixtures leave out, and what they say. */
const more: ReadonlyArray<readonly [sentence: string, said: Schema.JsonObject]> = [
  ["Иван Петров изменил авто №5", car],
  ["Иван Петров изменил авто №999999999999999999", { ...car, entity_id: "9".repeat(18) }],
  ["Иван Петров изменил авто №5.", car],
  ["Иван Петров изменил code с Camry 174 на Camry 175 в авто № 5", changed("code", "Camry 174", "Camry 175")],
  ["Иван Петров изменил color с белый на в авто №5", changed("color", "белый", "")],
  ["Иван Петров изменил price с 1,5 на 2,5 в авто #5", changed("price", "1,5", "2,5")],
  ["Иван Петров изменил color from red to dark blue of car #5", changed("color", "red", "dark blue")],
  ["Иван Петров изменил place с на Тбилиси, аэропорт в авто №5", changed("place", null, "Тбилиси, аэропорт")],
  ["Пётр Ли, принял от Анна Смит, 400 GEL платежи № 7/8.", handOver],
  ["Пётр Ли принял от Анна Смит 400,00GEL, платежи №7/8 - касса", handOver],
  ["Иван Петров завершил обслуживание №7 в объекте №5", job],
  ["Иван Петров завершил обслуживание №7 в объекте №5.", job],
  ["Иван Петров завершил обслуживание №7 в авто №5, шина №2", { ...job, text: "шина №2" }],
  ["Иван\u00a0Петров\u2003изменил\ufeffавто\u3000№\u202f5", car],
  // ё and й as two characters each.
  [
    "Андреи\u0306 создал плате\u0308ж №7",
    {
      ...{ entity_type: "payment", entity_id: "7", operation: "create", user_name: "Андрей" },
      payment: { ids: ["7"] }
    }
  ]
]

/** Sentences that mean nothing, or more than one thing. */
const ambiguous: ReadonlyArray<readonly [why: string, sentence: string]> = [
  ["nobody", "создал бронь №5"],
  ["a number in a name", "Иван №5 создал бронь №6"],
  ["a verb without a thing", "Иван Петров создал"],
  ["a verb without a number", "Иван Петров создал бронь"],
  ["a thing without a verb", "Иван Петров бронь №5"],
  ["a number without a mark", "Иван Петров создал бронь 5"],
  ["a number of nothing known", "Иван Петров создал тариф №5"],
  ["a number of 19 digits", `Иван Петров создал бронь №${"9".repeat(19)}`],
  ["a number that goes on in letters", "Иван Петров создал бронь №5а"],
  ["a number that goes on in Georgian", "Иван Петров создал бронь №5ა"],
  ["two numbers", "Иван Петров создал бронь №5/6"],
  ["two numbers, each marked", "Иван Петров создал бронь №5 №6"],
  ["two numbers with an and", "Иван Петров удалил бронь №5 и №6"],
  ["what did not happen", "Иван Петров не создал бронь №5"],
  ["a second deed", "Иван Петров создал бронь №5 и удалил клиента №6"],
  ["a second thing", "Иван Петров создал бронь №5, удалил авто №6"],
  ["an amount without a direction", "Иван Петров создал платёж №5, 60 GEL"],
  ["two of the same thing", "Иван Петров удалил авто №5, авто №6"],
  ["two numbers of the changed thing", "Иван Петров изменил color с a на b в авто №5 и в авто №6"],
  ["two new values", "Иван Петров изменил color с a на b на c в авто №5"],
  ["a field that changes twice", "Иван Петров изменил color с a на b, color с b на c в авто №5"],
  ["a change without a new value", "Иван Петров изменил color с a в авто №5"],
  ["a change of nothing", "Иван Петров изменил color с на в авто №5"],
  ["a change without a field", "Иван Петров изменил с a на b в авто №5"],
  ["a car that is issued", "Иван Петров выдал авто №5"],
  ["a currency of nowhere", "Иван Петров создал платёж №5, приход наличными 60.0ZZZ"],
  ["an amount beyond sense", "Иван Петров создал платёж №5, приход наличными 1234567890123GEL"],
  ["an amount with two points", "Иван Петров создал платёж №5, приход наличными 1.2.3 GEL"],
  ["an amount grouped wrong", "Иван Петров создал платёж №5, приход наличными 12 34 GEL"],
  ["an amount below nothing", "Иван Петров создал платёж №5, приход наличными -5 GEL"],
  ["an income of nothing", "Иван Петров создал платёж №5, приход наличными"],
  ["a way of paying unheard of", "Иван Петров создал платёж №5, приход чеком 5 GEL"],
  ["a hand-over of one payment", "Пётр Ли принял от Анна Смит 400.0 GEL, платёж №7"],
  ["a hand-over of three payments", "Пётр Ли принял от Анна Смит 400.0 GEL, платежи №7/8/9"],
  ["a hand-over from nobody", "Пётр Ли принял от 400.0 GEL, платежи №7/8"],
  ["a hand-over of bookings", "Пётр Ли принял от Анна Смит 400.0 GEL, брони №7/8"],
  ["a hand-over from a seven-word name", "Пётр Ли принял от Дон А Б В Г Д Е 400.0 GEL, платежи №7/8"]
]

layer(testDatabase, { excludeTestServices: true })("parse_history_description", (it) => {
  it("there are sentences of the field", () => assert.isAbove(sentences.length, 20))

  it.effect.each(sentences)("a sentence of the field: $description", ({ description, expect }) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read([description]), [expect])
    })
  )

  it.effect.each(more)("%s", ([sentence, said]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read([sentence]), [said])
    })
  )

  it.effect.each(ambiguous)("%s reads in no way: %s", ([, sentence]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read([sentence]), [null])
    })
  )

  it.effect("reads the same in every locale", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const texts = [
        ...sentences.map(({ description }) => description),
        ...[...more, ...ambiguous].map(([one, other]) => (typeof other === "string" ? other : one)),
        // Digits of other scripts are digits to some locales, but not to a number.
        "Иван создал бронь №٣٤",
        "Иван создал бронь №5٣",
        "Иван создал платёж №5, приход наличными ٣ GEL",
        "Пётр принял от Анна ٣٤ GEL, платежи №7/8"
      ]
      const readings = yield* sql<{ readonly c: unknown; readonly icu: unknown }>`
        SELECT parse_history_description(text COLLATE "C") AS c,
          parse_history_description(text COLLATE "und-x-icu") AS icu
        FROM unnest(${texts}::text[]) WITH ORDINALITY AS texts (text, n) ORDER BY n
      `
      const usual = yield* read(texts)
      assert.deepStrictEqual(
        readings,
        usual.map((said) => ({ c: said, icu: said }))
      )
      assert.deepStrictEqual(usual.slice(-4), [null, null, null, null])
    })
  )

  it.effect("reads a day's log exactly as it was meant", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* populate()
      const seed = crypto.randomUUID()
      yield* Stream.runDrain(day({ events: 6000, garbage: 0.03, seed }))
      const log = yield* simulator.history
      const said = yield* read(log.map(({ description }) => description))
      const wrong = log.flatMap(({ description, says }, n) =>
        JSON.stringify(sorted(said[n])) === JSON.stringify(sorted(says ?? null))
          ? []
          : [{ description, said: said[n], says }]
      )
      assert.deepStrictEqual(wrong, [], `seed ${seed}`)
      const kinds = new Set(log.map(({ says }) => `${says?.entity_type} ${says?.operation}`))
      assert.isAtLeast(kinds.size, 15, "the day was dull")
    }).pipe(Effect.provide(Simulator.layer()))
  )

  it.effect.each([
    ["Анна Смит передала Пётр Ли 400.0 GEL, платежи №7/8", true],
    ["Анна\u00a0Смит , ПЕРЕДАЛА Пётр Ли 400.0 GEL, платежи №7/8", true],
    ["Иван Иванович Петров Главный Младший передал Пётр Ли 400.0 GEL, платежи №7/8", true],
    ["Anna Smith transferred John O'Hara 400.0 GEL, payments #7/8", true],
    ["Anna Smith gave John O'Hara 400.0 GEL, payments #7/8", true],
    ["Анна Смит передал(а) Пётр Ли 400.0 GEL, платежи №7/8", true],
    ["Пётр Ли принял(а) от Анна Смит 400.0 GEL, платежи №7/8", false],
    ["Пётр Ли , принял от Анна Смит 400.0 GEL, платежи №7/8", false],
    ["John O'Hara accepted from Anna Smith 400.0 GEL, payments #7/8", false],
    ["Пётр Ли создал бронь №5, передал ключи", false],
    ["", false]
  ] as const)("who gives: %s", ([sentence, gives]) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      assert.deepStrictEqual(yield* sql`SELECT history_gives(${sentence}) AS gives`, [{ gives }])
    })
  )
})

/** The same value with its keys in one order. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, field]) => [key, sorted(field)])
  )
}
