/** A sentence that is made of parts reads as these parts, however it is worded and whatever stands around it. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { samples } from "../support/history.ts"
import {
  currencies,
  done,
  english,
  fields,
  gave,
  methods,
  nouns,
  purposes,
  russian,
  small,
  texts,
  values,
  words
} from "../support/historyWords.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const literal = <const L extends ReadonlyArray<string>>(literals: L) => Schema.Literals(literals)
const Name = Schema.Array(literal(words)).check(Schema.isMinLength(1), Schema.isMaxLength(5))
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
      form: literal(["passive"]),
      operation: literal(["create", "update", "delete", "cancel"]),
      kind: literal(["booking", "car", "client"]),
      by: Schema.NullOr(Name)
    }),
    Schema.Struct({
      form: literal(["changes"]),
      kind: literal(["booking", "car", "client", "payment"]),
      behind: Schema.Boolean,
      changes: Schema.Array(Change).check(Schema.isMinLength(1), Schema.isMaxLength(4))
    }),
    Schema.Struct({
      form: literal(["payment"]),
      operation: literal(["create", "update", "delete", "cancel"]),
      direction: literal(["income", "expense", "refund"]),
      method: Schema.NullOr(literal(["cash", "cashless"])),
      cents: Id,
      currency: literal(["GEL", "USD", "EUR"]),
      told: Schema.Boolean,
      for: Schema.NullOr(literal(["booking", "car", "client"]))
    }),
    Schema.Struct({
      form: literal(["transfer"]),
      from: Name,
      cents: Id,
      currency: literal(["GEL", "USD"]),
      gives: Schema.Boolean
    }),
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
    case "passive": {
      const thing = numbered(form.kind)
      const by = form.by === null ? "" : ` ${language === "en" ? "by" : "пользователем"} ${form.by.join(" ")}`
      const words = [thing, done[language][form.operation]]
      const { user_name, ...said } = says(form.kind, form.operation)
      return [
        whole(`${(language === "ru" && verb % 2 === 0 ? words.toReversed() : words).join(" ")}${by}`, ""),
        form.by === null ? said : { ...said, user_name: form.by.join(" ") }
      ] as const
    }
    case "changes": {
      const changes = [...new Map(form.changes.map((change) => [change.field, change])).values()]
      const list = changes
        .map((c) => [c.field, said.from, ...(c.old === null ? [] : [c.old]), said.to, c.new].join(" "))
        .join(gap)
      return [
        form.behind
          ? whole(`${did("update")} ${numbered(form.kind)}${gap}${list}`, " ")
          : whole(`${did("update")}${gap}${list}${gap}${said.in} ${numbered(form.kind)}`),
        says(form.kind, "update", {
          changes: Object.fromEntries(changes.map((c) => [c.field, { old: c.old, new: c.new }])),
          ...(form.kind === "payment" ? { payment: { ids: [String(id)] } } : {})
        })
      ] as const
    }
    case "payment": {
      const { amount, written } = money(form.cents, noun)
      const how = form.method === null ? "" : ` ${one(methods[language][form.method], verb)}`
      const { currency, direction, method } = form
      const sum = form.told
        ? `${gap}${said[direction]}${how} ${written}${one(currencies[currency], verb)}`
        : ""
      const purpose = form.for === null ? "" : `, ${purposes[language][form.for]}${mark}${other}`
      return [
        whole(`${did(form.operation)} ${numbered("payment")}${sum}${purpose}`),
        says("payment", form.operation, {
          payment: {
            ids: [String(id)],
            ...(form.told ? { amount, currency, direction, ...(method === null ? {} : { method }) } : {}),
            ...(form.for === null ? {} : { [`${form.for}_id`]: String(other) })
          }
        })
      ] as const
    }
    case "transfer": {
      const { amount, written } = money(form.cents, noun)
      const payer = id === other ? `${id}/${other + 1}` : `${id}/${other}`
      const pair = numbered("payments", payer)
      const start = form.gives
        ? `${who.join(" ")}${gap}${one(gave[language], verb)}`
        : `${did("return")} ${said.by}`
      const sum = `${written}${one(currencies[form.currency], verb)}`
      return [
        whole(`${start} ${form.from.join(" ")} ${sum}${gap}${pair}`),
        says("payment", "transfer", {
          counterparty: form.from.join(" "),
          payment: {
            ...{ ids: payer.split("/"), amount, currency: form.currency },
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
      assert.strictEqual(new Set(made.map(({ form }) => form)).size, 7)
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
