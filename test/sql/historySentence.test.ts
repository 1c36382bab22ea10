/** A sentence that is made of parts reads as these parts, however it is worded and whatever stands around it. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { samples } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const words = [
  ...[
    "Иван",
    "Петров",
    "Ёлкина",
    "Anna",
    "O'Hara",
    "Кузнецова-Ли",
    "ნინო",
    "李雷",
    "محمد",
    "Ćirić",
    "Parser",
    "А."
  ]
] as const
const values = [
  ...["171678", "7,4", "7.4", "-1", "0", "Camry 174", "Mini 4x4 S Red 919", "белый", "dark blue", "да/нет"],
  ...[
    "Тбилиси, аэропорт",
    "+995 555 01",
    "03-11-2026 9:30",
    "«А» (б)",
    "тёмно-синий",
    "ул. Руставели 5",
    "50%"
  ]
] as const
const fields = ["mileage", "company_id", "car_class", "tank_value", "start_date", "abs2"] as const
const texts = [
  "закрепить бачок, течёт",
  "замена масла 5W-30",
  "заменить шину №2",
  "wash 2 seats",
  "ТО-2"
] as const

const russian = {
  create: ["создал", "создала", "Создал"],
  update: ["изменил", "изменила"],
  delete: ["удалил", "удалила"],
  cancel: ["отменил", "отменила"],
  issue: ["выдал", "выдала"],
  return: ["принял", "приняла"],
  complete: ["завершил", "завершила"]
}
const english = {
  create: ["created"],
  update: ["changed", "updated"],
  delete: ["deleted"],
  cancel: ["cancelled", "canceled"],
  issue: ["issued"],
  return: ["accepted", "returned"],
  complete: ["completed"]
}
const nouns = {
  ru: {
    booking: ["бронь", "брони"],
    car: ["авто"],
    client: ["клиента", "клиенте"],
    payment: ["платёж", "платеж"],
    payments: ["платежи"],
    maintenance: ["обслуживание"],
    object: ["объекте"]
  },
  en: {
    booking: ["booking"],
    car: ["car"],
    client: ["client"],
    payment: ["payment"],
    payments: ["payments"],
    maintenance: ["service"],
    object: ["object", "car"]
  }
}
const small = {
  ru: { from: "с", to: "на", in: "в", by: "от", income: "приход", expense: "расход" },
  en: { from: "from", to: "to", in: "in", by: "from", income: "income", expense: "expense" }
}
const methods = {
  ru: { cash: ["наличными"], cashless: ["безналичными", "картой"] },
  en: { cash: ["cash"], cashless: ["cashless", "card"] }
}

const literal = <const L extends ReadonlyArray<string>>(literals: L) => Schema.Literals(literals)
const Name = Schema.Array(literal(words)).check(Schema.isMinLength(1), Schema.isMaxLength(4))
const Id = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 9e14 }))
const Pick = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 11 }))
const Change = Schema.Struct({
  field: literal(fields),
  old: Schema.NullOr(literal(values)),
  new: literal(values)
})

const Parts = Schema.Struct({
  who: Name,
  language: literal(["ru", "en"]),
  verb: Pick,
  noun: Pick,
  gap: literal([" ", " , ", ", ", "  ", ",\u00a0"]),
  mark: literal([" №", " № ", "№", "№ ", " #", "#", " , № "]),
  id: Id,
  other: Id,
  start: literal(["", " ", "\n", "\u00a0 ", ", "]),
  end: literal(["", " ", ".", " - Toyota Camry 174", "- SantaFe 438 2021 .", ", Mini 4x4 S Red 919", "\n"]),
  form: Schema.Union([
    Schema.Struct({
      form: literal(["record"]),
      operation: literal(["create", "update", "delete", "cancel"]),
      kind: literal(["booking", "car", "client"])
    }),
    Schema.Struct({ form: literal(["rent"]), operation: literal(["issue", "return"]) }),
    Schema.Struct({
      form: literal(["changes"]),
      kind: literal(["booking", "car", "client"]),
      changes: Schema.Array(Change).check(Schema.isMinLength(1), Schema.isMaxLength(4))
    }),
    Schema.Struct({
      form: literal(["payment"]),
      operation: literal(["create", "update", "delete", "cancel"]),
      direction: literal(["income", "expense"]),
      method: Schema.NullOr(literal(["cash", "cashless"])),
      cents: Id,
      currency: literal(["GEL", "USD", "EUR"]),
      told: Schema.Boolean
    }),
    Schema.Struct({ form: literal(["transfer"]), from: Name, cents: Id, currency: literal(["GEL", "USD"]) }),
    Schema.Struct({
      form: literal(["job"]),
      operation: literal(["create", "complete", "delete", "update"]),
      text: Schema.NullOr(literal(texts))
    })
  ])
})
type Parts = typeof Parts.Type

/** An amount below ten million, and one of the ways to write it. */
const money = (cents: number, pick: number) => {
  const amount = (cents % 1_000_000_000) / 100
  const plain = [amount.toFixed(2), String(amount), amount.toFixed(2).replace(".", ",")][pick % 3] ?? ""
  const written = pick % 2 === 0 ? plain : plain.replace(/\d(?=(\d{3})+([.,]|$))/g, "$& ")
  return { amount, written: pick > 5 ? written : `${written} ` }
}

/** The sentence, and what it says. */
const word = ({ form, gap, id, language, mark, noun, other, verb, who, ...parts }: Parts) => {
  const said = small[language]
  const one = (choices: ReadonlyArray<string>, pick: number) => choices[pick % choices.length] ?? ""
  const numbered = (thing: keyof (typeof nouns)["ru"], number: number | string = id) =>
    `${one(nouns[language][thing], noun)}${mark}${number}`
  const did = (operation: keyof typeof russian) =>
    `${who.join(" ")}${gap}${one((language === "en" ? english : russian)[operation], verb)}`
  const whole = (sentence: string, tail = parts.end) => `${parts.start}${sentence}${tail}`
  const says = (entity_type: string, operation: string, more: Schema.JsonObject = {}) => ({
    ...{ entity_type, entity_id: String(id), operation, user_name: who.join(" ") },
    ...more
  })
  switch (form.form) {
    case "record":
      return [
        whole(`${did(form.operation)} ${numbered(form.kind)}`),
        says(form.kind, form.operation)
      ] as const
    case "rent":
      return [
        whole(`${did(form.operation)} ${nouns[language].car[0]}${gap}${numbered("booking")}`),
        says("booking", form.operation)
      ] as const
    case "changes": {
      const changes = [...new Map(form.changes.map((change) => [change.field, change])).values()]
      const list = changes
        .map((c) => [c.field, said.from, ...(c.old === null ? [] : [c.old]), said.to, c.new].join(" "))
        .join(gap)
      return [
        whole(`${did("update")}${gap}${list}${gap}${said.in} ${numbered(form.kind)}`),
        says(form.kind, "update", {
          changes: Object.fromEntries(changes.map((c) => [c.field, { old: c.old, new: c.new }]))
        })
      ] as const
    }
    case "payment": {
      const { amount, written } = money(form.cents, noun)
      const how = form.method === null ? "" : ` ${one(methods[language][form.method], verb)}`
      const sum = form.told ? `${gap}${said[form.direction]}${how} ${written}${form.currency}` : ""
      const { currency, direction, method } = form
      return [
        whole(`${did(form.operation)} ${numbered("payment")}${sum}`),
        says("payment", form.operation, {
          payment: {
            ids: [String(id)],
            ...(form.told ? { amount, currency, direction, ...(method === null ? {} : { method }) } : {})
          }
        })
      ] as const
    }
    case "transfer": {
      const { amount, written } = money(form.cents, noun)
      const pair = numbered("payments", `${id}/${other}`)
      return [
        whole(`${did("return")} ${said.by} ${form.from.join(" ")} ${written}${form.currency}${gap}${pair}`),
        says("payment", "transfer", {
          counterparty: form.from.join(" "),
          payment: {
            ...{ ids: [String(id), String(other)], amount, currency: form.currency },
            ...{ direction: "transfer", method: "cash" }
          }
        })
      ] as const
    }
    case "job": {
      const place = `${said.in} ${numbered("object", other)}`
      const text = form.text === null ? "" : ` ${form.text}`
      // What follows a job is its text.
      return [
        whole(
          `${did(form.operation)} ${numbered("maintenance")} ${place}${text}`,
          form.text === null ? "." : " "
        ),
        says("maintenance", form.operation, {
          car_id: String(other),
          ...(form.text === null ? {} : { text: form.text })
        })
      ] as const
    }
  }
}

layer(testDatabase, { excludeTestServices: true })("a sentence made of parts", (it) => {
  it.effect("reads as these parts", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const made = (yield* samples(Arbitrary.schema(Parts), 4000)).map((parts) => ({
        form: parts.form.form,
        ...Object.fromEntries(word(parts).map((part, n) => [n === 0 ? "sentence" : "says", part]))
      }))
      assert.strictEqual(new Set(made.map(({ form }) => form)).size, 6)
      const wrong = yield* sql`
        SELECT sentence, says, parse_history_description(sentence) AS read
        FROM jsonb_to_recordset(${sql.json(made)}) AS row (sentence text, says jsonb)
        WHERE parse_history_description(sentence) IS DISTINCT FROM says
        LIMIT 5
      `
      assert.deepStrictEqual(wrong, [])
    })
  )
})
