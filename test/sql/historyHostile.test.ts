/** Whatever a text holds, its reading raises nothing, answers what the contract says, and takes no longer than its length. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { samples } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

/** What each text says. */
const read = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ readonly said: unknown }>`
    SELECT parse_history_description(text) AS said
    FROM unnest(${texts}::text[]) WITH ORDINALITY AS texts (text, n) ORDER BY n
  `
  return rows.map(({ said }) => said)
})

const Reading = Schema.NullOr(
  Schema.Struct({
    entity_type: Schema.Literals(["booking", "car", "client", "payment", "maintenance"]),
    entity_id: Schema.String.check(Schema.isPattern(/^[0-9]{1,18}$/)),
    operation: Schema.Literals([
      "create",
      "update",
      "delete",
      "cancel",
      "issue",
      "return",
      "complete",
      "transfer"
    ]),
    user_name: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1))),
    changes: Schema.optionalKey(
      Schema.Record(Schema.String, Schema.Struct({ old: Schema.NullOr(Schema.String), new: Schema.String }))
    ),
    payment: Schema.optionalKey(
      Schema.Struct({
        ids: Schema.Array(Schema.String),
        amount: Schema.optionalKey(Schema.Number),
        currency: Schema.optionalKey(Schema.String),
        direction: Schema.optionalKey(Schema.Literals(["income", "expense", "refund", "transfer"])),
        method: Schema.optionalKey(Schema.Literals(["cash", "cashless"])),
        booking_id: Schema.optionalKey(Schema.String),
        car_id: Schema.optionalKey(Schema.String),
        client_id: Schema.optionalKey(Schema.String)
      })
    ),
    counterparty: Schema.optionalKey(Schema.String),
    car_id: Schema.optionalKey(Schema.String),
    text: Schema.optionalKey(Schema.String)
  })
)
/** Fails for a key or a value that the contract does not have. */
const inContract = Schema.decodeUnknownEffect(Schema.Array(Reading), { onExcessProperty: "error" })

/** What a noun of each kind begins with. */
const stems = {
  booking: "брон|booking",
  car: "авто|машин|car",
  client: "клиент|client",
  payment: "плат[её]ж|payment",
  maintenance: "обслуживани|service|maintenance"
}

/** All that means something to a reader of sentences, and some that means nothing. */
const pieces = [
  ...[
    "Иван Петров создал",
    "Anna deleted",
    "Бронь №5 отменена",
    "Создана",
    "была",
    "передала",
    "вернул",
    "не",
    "и"
  ],
  ...["изменил, mileage с 1 на 2 в авто №5", "платёж №5, приход наличными 60GEL", "бронь № 6", "в авто № 7"],
  ...[
    "возврат",
    "безналом",
    "на карту",
    "₾",
    "$",
    "сумма",
    "причина:",
    "пользователем",
    "by",
    "из",
    "для",
    "?"
  ],
  ...["Иван", "Anna", "ნინო", "создал", "изменила", "deleted", "выдал", "принял", "завершил", "accepted"],
  ...["авто", "бронь", "клиента", "платёж", "платежи", "обслуживание", "объекте", "car", "service", "object"],
  ...["№", "#", "№5", "№ 6", "#7", "№8/9", "№9999999999999999999", "№٣", "5", "60.0GEL", "1 200,50", "USD"],
  ...["с", "на", "в", "от", "from", "to", "in", "of", "mileage", "color", "company_id", "приход", "расход"],
  ...["наличными", "картой", "cash", ",", " , ", ".", "/", "-", "\n", "\t", "\u00a0", "\u0001", "\u007f"],
  ...["'", '"', "\\", "\\1", "{", "}", "(", ")", "[", "%s", "$1", "😀", "\u202e", "é", "e\u0301", "null"]
] as const
const hostile = Arbitrary.array(Arbitrary.schema(Schema.Literals(pieces)), { maxLength: 16 })

/** No reader of ours may need longer than a moment for any of these. */
const repeated = [
  "1 ",
  "с ",
  "a с ",
  " на ",
  ",",
  ", ",
  "№",
  "№1",
  "авто",
  "авто № 1 ",
  "в авто №",
  "в ",
  "Ж",
  "a"
]
const beginnings = [
  "Иван ",
  "Иван создал ",
  "Иван принял от ",
  "Иван принял от А 1",
  "Иван изменил , mileage с ",
  "Иван создал платёж №5, приход наличными 1",
  "Иван завершил обслуживание №5 в "
]

layer(testDatabase, { excludeTestServices: true })("a hostile text", (it) => {
  it.effect("no text raises, and no reading has more than the contract says", () =>
    Effect.gen(function* () {
      const texts = [
        ...(yield* samples(hostile, 3000)).flatMap((parts) => [
          parts.join(" "),
          parts.join(""),
          `Иван изменил ${parts.join(" ")} в авто № 5`,
          `Иван создал ${parts.join(" ")}`
        ]),
        ...(yield* samples(Arbitrary.schema(Schema.String), 2000)),
        "Иван Петров изменил , mileage с 1 на 2 в авто №5",
        "Пётр Ли принял от Анна Смит 400.0 GEL, платежи №7/8",
        "Иван Петров завершил обслуживание №7 в объекте №5 шина"
      ].map((text) => text.replaceAll("\0", "").toWellFormed())
      const readings = yield* inContract(yield* read(texts))
      assert.strictEqual(readings.length, texts.length)
      assert.isTrue(readings.some((reading) => reading === null))
      // The number stands right behind a noun of its kind.
      const astray = readings.flatMap((reading, n) => {
        if (reading === null) return []
        const { entity_id, entity_type } = reading
        const text = texts[n]?.replaceAll(/[\s\u0085\u200b]+/g, " ") ?? ""
        const thing = new RegExp(`(${stems[entity_type]})[а-яёa-z]*[ ,]*[№#] ?${entity_id}(?![0-9])`, "iu")
        return thing.test(text) ? [] : [{ text, reading }]
      })
      assert.deepStrictEqual(astray, [])
      const keys = new Set(readings.flatMap((reading) => Object.keys(reading ?? {})))
      assert.strictEqual(keys.size, 9, "not every key was tried")
    })
  )

  // A reader whose time grows with a power of the length needs hours for these.
  it.effect("hostile repetitions are read in no time", () =>
    Effect.gen(function* () {
      const texts = beginnings.flatMap((start) =>
        repeated.map((piece) => start + piece.repeat(Math.ceil(10_000 / piece.length)).slice(0, 9_900))
      )
      yield* inContract(yield* read(texts))
    })
  )

  it.effect.each(["Ж", "№1 ", "\u0001", "Иван создал бронь №5 "])("a megabyte of %j is nothing", (piece) =>
    Effect.gen(function* () {
      const megabyte = piece.repeat(1_000_000 / piece.length)
      assert.deepStrictEqual(yield* read([megabyte, `Иван создал бронь №5 ${megabyte}`]), [null, null])
    })
  )
})
