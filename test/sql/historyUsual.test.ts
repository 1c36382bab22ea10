/** The sentences that are read without the grammar say what the grammar says of them, and so does whatever is nearly one. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema, Stream } from "effect"
import { day, populate } from "../../src/simulator/Day.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { samples } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

/** What RentProg wrote on a day, with what each sentence says. */
const log = Effect.gen(function* () {
  const simulator = yield* Simulator
  yield* populate()
  yield* Stream.runDrain(day({ events: 4000, garbage: 0.02, seed: crypto.randomUUID() }))
  return yield* simulator.history
}).pipe(Effect.provide(Simulator.layer()))

const Place = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 1_000_000 }))
/** Something done to a sentence, at a place of it, with a piece of something else. */
const Edit = Schema.Struct({
  edit: Schema.Literals(["cut", "drop", "put", "over", "insert", "replace", "remove", "double", "swap"]),
  at: Place,
  piece: Place
})
const Edits = Schema.Struct({
  sentence: Place,
  edits: Schema.Array(Edit).check(Schema.isMinLength(1), Schema.isMaxLength(3))
})

/** What a careless reader takes for something else. */
const odd = [
  ...[" ", "  ", "\u00a0", "\u2003", "\u1680", "\u200b", "\t", "\n", "\u0306", "\u0308", "\u001c", "\u00ad"],
  ...[
    ",",
    ".",
    ":",
    ";",
    "/",
    "-",
    "–",
    "—",
    "(",
    ")",
    "!",
    "?",
    "→",
    "->",
    "+",
    "&",
    "'",
    '"',
    "«",
    "\\",
    "|",
    "_"
  ],
  ...[
    "№",
    "#",
    "№5",
    "#6",
    "/7",
    "0",
    "5",
    "٣",
    "9999999999999999999",
    "$",
    "€",
    "₾",
    "a",
    "Я",
    "я",
    "ё",
    "Ё",
    "İ",
    "ı",
    "ß"
  ],
  ...[
    " с ",
    " на ",
    " from ",
    " to ",
    " и ",
    " в авто №5",
    ", color с 1 на 2",
    " - Ии 5",
    " - Or5",
    " - X, Y",
    "60 GEL"
  ],
  ...["причина: x", "(а)", "наличными", "картой", "автоматически", "mileage", "Camry", "Mileage"]
]

/** Nearly usual ones that chance seldom makes. */
const treacherous = [
  "Anna Smith изменила автомобилю №6",
  "Anna Smith изменила клиенту №6",
  "Мария Ли создала платёж №46приход наличными 50GEL",
  "Мария Ли создала платёж №4612345678901234567",
  "Иван Петров изменил, phone с 1 на 2 в , брони №81",
  "Иван Петров удалил авто №5 - И5",
  "Иван Петров удалил авто №5 - Or 5",
  "Иван Петров удалил авто №5 - Ии ии 5",
  "Иван Петров изменил phone с 1 на 2,, color с 3 на 4 в авто №5",
  "Иван Петров изменил phone с 1 на 2, phone с 2 на 3 в авто №5",
  "Пётр Ли принял от Анна Смит 400.0 GEL, платежи №7/7"
]

const edited = (text: string, { at, edit }: typeof Edit.Type, piece: string): string => {
  const letters = Array.from(text)
  const words = text.split(" ")
  const letter = at % (letters.length + 1)
  const word = at % words.length
  switch (edit) {
    case "cut":
      return letters.slice(0, letter).join("")
    case "drop":
      return letters.toSpliced(letter, 1).join("")
    case "put":
      return letters.toSpliced(letter, 0, piece).join("")
    case "over":
      return letters.toSpliced(letter, 1, piece).join("")
    case "insert":
      return words.toSpliced(word, 0, piece).join(" ")
    case "replace":
      return words.toSpliced(word, 1, piece).join(" ")
    case "remove":
      return words.toSpliced(word, 1).join(" ")
    case "double":
      return words.toSpliced(word, 0, ...words.slice(word, word + 1)).join(" ")
    case "swap":
      return words.toSpliced(word, 2, ...words.slice(word, word + 2).toReversed()).join(" ")
  }
}

layer(testDatabase, { excludeTestServices: true })("a usual sentence", (it) => {
  it.effect("reads as the grammar reads it, and so does what is nearly one", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const sentences = (yield* log).map(({ description }) => description)
      const known = yield* sql<{ readonly word: string }>`SELECT jsonb_object_keys(history_unusual()) AS word`
      const pieces = [
        ...odd,
        ...known.flatMap(({ word }) => [
          word,
          word.slice(0, 1).toUpperCase() + word.slice(1),
          word.toUpperCase()
        ])
      ]
      const near = (yield* samples(Arbitrary.schema(Edits), 16_000)).map(({ edits, sentence }) =>
        edits.reduce(
          (text, edit) => edited(text, edit, pieces[edit.piece % pieces.length] ?? ""),
          sentences[sentence % sentences.length] ?? ""
        )
      )
      assert.isAbove(sentences.length, 1000)
      const differ = yield* sql`
        SELECT text, parse_history_description(text) AS usual, read_history_sentence(text) AS whole
        FROM unnest(${[...treacherous, ...sentences, ...near]}::text[]) AS texts (text)
        WHERE parse_history_description(text) IS DISTINCT FROM read_history_sentence(text)
        LIMIT 5
      `
      assert.deepStrictEqual(differ, [])
    })
  )

  it.effect("of a day's log needs no grammar, but for commas in values and numbers in texts", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const meant = (yield* log).filter(
        ({ says }) =>
          says !== undefined &&
          !Object.values(says.changes ?? {}).some((change) => `${change.old}${change.new}`.includes(",")) &&
          !says.text?.includes("№")
      )
      const unread = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`
            CREATE OR REPLACE FUNCTION read_history_sentence(description text) RETURNS jsonb
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN NULL::jsonb
          `
          const rows = yield* sql`
            SELECT text FROM unnest(${meant.map(({ description }) => description)}::text[]) AS texts (text)
            WHERE parse_history_description(text) IS NULL
          `
          yield* sql`ROLLBACK AND CHAIN`
          return rows
        })
      )
      assert.isAbove(meant.length, 1000)
      assert.deepStrictEqual(unread, [])
    })
  )
})
