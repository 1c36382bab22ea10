/** What each sentence of the operations log does to its table. */
import { assert, layer } from "@effect/vitest"
import { Effect, type Schema } from "effect"
import { begin, everything, insertEntry, isApplied, mirrored, touch } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const madeAt = "2026-03-01T10:00:00+00:00"

interface Effected {
  readonly sentence: string
  readonly table: string
  readonly id: string
  /** The columns that it sets. */
  readonly columns: Schema.JsonObject
  /** The fields of data that it sets; the same as the columns where they are left out. */
  readonly data?: Schema.JsonObject
}
const car = (change: string, columns: Schema.JsonObject, data?: Schema.JsonObject): Effected => ({
  sentence: `Мария Ли изменила , ${change} в авто № 5 - Camry 174`,
  table: "cars",
  id: "5",
  columns,
  ...(data === undefined ? {} : { data })
})
const booking = (verb: string, columns: Schema.JsonObject, data?: Schema.JsonObject): Effected => ({
  sentence: `Мария Ли ${verb} № 5`,
  table: "bookings",
  id: "5",
  columns,
  ...(data === undefined ? {} : { data })
})
const record = (noun: string, table: string): ReadonlyArray<Effected> => [
  { sentence: `Мария Ли создала ${noun} №5`, table, id: "5", columns: { deleted_at: null }, data: {} },
  { sentence: `Мария Ли изменила ${noun} №5`, table, id: "5", columns: { deleted_at: null }, data: {} },
  { sentence: `Мария Ли удалила ${noun} №5`, table, id: "5", columns: { deleted_at: madeAt }, data: {} }
]
const payment = (id: string, sentence: string, columns: Schema.JsonObject): Effected => ({
  sentence: `Мария Ли ${sentence}`,
  table: "payments",
  id,
  columns: { branch: "tbilisi", ...columns },
  data: {}
})
const paid = { paid_at: madeAt, user_name: "Мария Ли", deleted_at: null }
const job = (verb: string, columns: Schema.JsonObject): Effected => ({
  sentence: `Мария Ли ${verb} обслуживание №7 в объекте №5 течёт бачок`,
  table: "maintenance",
  id: "7",
  columns: { branch: "tbilisi", car_id: "5", description: "течёт бачок", ...columns },
  data: {}
})
const handOver = "приняла от Анна Смит 400.0 GEL, платежи №8/7"
const cash = { amount: 400, currency: "GEL", method: "cash", paid_at: madeAt }

const effects: ReadonlyArray<Effected> = [
  booking("выдала авто, бронь", { state: "Активная", active: true, in_rent: true }),
  booking("приняла авто, бронь", { state: "Завершена", active: false, in_rent: false }),
  booking("завершила бронь", { state: "Завершена", active: false, in_rent: false }),
  booking("отменила бронь", { state: "Отменена", active: false, in_rent: false }),
  ...record("бронь", "bookings"),
  ...record("авто", "cars"),
  ...record("клиента", "clients"),
  car("mileage с 100 на 200", { mileage: 200 }),
  car("mileage с на 200, gas_mileage с 7 на 7,4", { mileage: 200, gas_mileage: 7.4 }),
  car("code с Camry 174 на Camry 175", { code: "Camry 175", mileage: 100 }, { code: "Camry 175" }),
  car("code с Camry 174 на", { code: null }),
  car("clean_state с true на false", { clean_state: false }),
  car("clean_state с true на", { clean_state: null }),
  car("year с 2020 на 2021", { year: 2021 }),
  car("company_id с 9248 на 9506", { company_id: 9506, branch: "batumi" }, { company_id: 9506 }),
  car("company_id с 9248 на 4", { company_id: 4, branch: "kutaisi" }, { company_id: 4 }),
  // Without a column it goes to data, in the type that it has there.
  car("seats с 5 на 7", {}, { seats: 7 }),
  car("seats с 5 на 4,5", {}, { seats: 4.5 }),
  car("seats с 5 на many", {}, { seats: "many" }),
  car("abs с true на false", {}, { abs: false }),
  car("note с x на 7", {}, { note: "7" }),
  car("heated_seats с на true", {}, { heated_seats: "true" }),
  // The mirror's own columns are no fields of a record.
  car("branch с a на b", { branch: "kutaisi" }, { branch: "b" }),
  car("rentprog_id с 5 на 6", {}, { rentprog_id: "6" }),
  car("fetched_at с на 2026-01-01", { fetched_at: null }, { fetched_at: "2026-01-01" }),
  {
    ...car("", { phone: "+995 555 01" }),
    sentence: "Мария Ли изменила phone с 1 на +995 555 01 в клиенте №5",
    table: "clients"
  },
  ...[
    ["03-11-2026 9:30", "2026-11-03T05:30:00+00:00"],
    ["03-11-2026 09:30:15", "2026-11-03T05:30:15+00:00"],
    ["03-11-2026", "2026-11-02T20:00:00+00:00"],
    ["2026-11-03T09:30:00+04:00", "2026-11-03T05:30:00+00:00"]
  ].map(([said = "", meant = ""]) =>
    booking(
      `изменила start_date с 01-11-2026 10:00 на ${said} в брони`,
      { start_date: meant },
      { start_date: said }
    )
  ),
  payment("7", "создала платёж №7, расход наличными 60.0GEL", {
    ...{ ...paid, direction: "expense", method: "cash", amount: 60, currency: "GEL", counterparty: null }
  }),
  payment("7", "создала платёж №7, приход картой 1 060,50 USD", {
    ...{ ...paid, direction: "income", method: "cashless", amount: 1060.5, currency: "USD" }
  }),
  payment("7", "создала платёж №7", { ...paid, direction: null, amount: null }),
  payment("7", "удалила платёж №7", { deleted_at: madeAt, paid_at: null }),
  // One that the mirror lacks comes to be from what the sentence says of it.
  payment("7", "изменила платёж №7, приход картой 40.0USD", {
    ...{ direction: "income", method: "cashless", amount: 40, currency: "USD" },
    ...{ paid_at: null, user_name: null, deleted_at: null }
  }),
  payment("7", "удалила платёж №7, расход наличными 40.0USD", {
    ...{
      direction: "expense",
      method: "cash",
      amount: 40,
      currency: "USD",
      paid_at: null,
      deleted_at: madeAt
    }
  }),
  payment("7", "отменила платёж №7", { deleted_at: madeAt }),
  payment("7", handOver, {
    ...{ ...cash, direction: "income", user_name: "Мария Ли", counterparty: "Анна Смит" }
  }),
  payment("8", handOver, {
    ...{ ...cash, direction: "expense", user_name: "Анна Смит", counterparty: "Мария Ли" }
  }),
  job("создала", { state: "open", opened_at: madeAt, completed_at: null, deleted_at: null }),
  job("завершила", { state: "done", completed_at: madeAt, opened_at: null }),
  { ...job("удалила", { deleted_at: madeAt, car_id: null, description: null }), data: {} }
]

/** Only those keys of a row that are expected, so that a difference is all that is shown. */
const pick = (row: Schema.JsonObject | null, like: Schema.JsonObject) =>
  Object.fromEntries(Object.keys(like).map((key) => [key, row?.[key]]))

layer(testDatabase, { excludeTestServices: true })("the effect of an entry", (it) => {
  it.effect.each(effects)("$sentence → $table $columns", ({ columns, data, id, sentence, table }) =>
    Effect.gen(function* () {
      yield* begin
      const before = yield* mirrored(table, id)
      const row = yield* insertEntry({ description: sentence, created_at: madeAt })
      assert.isTrue(isApplied(row), row.reason ?? "")
      const after = yield* mirrored(table, id)
      assert.deepStrictEqual(pick(after, columns), columns)
      const kept = before?.["data"] ?? {}
      if (before !== null && typeof kept === "object")
        assert.deepStrictEqual(after?.["data"], { ...kept, ...(data ?? columns) })
    })
  )

  it.effect.each(effects)("$sentence: applied twice is applied once", ({ sentence }) =>
    Effect.gen(function* () {
      yield* begin
      const row = yield* insertEntry({ description: sentence, created_at: madeAt, operation_id: "1" })
      const once = yield* everything
      const [again] = yield* touch(row)
      assert.isDefined(again)
      assert.isTrue(isApplied(again))
      const same = yield* insertEntry({ description: sentence, created_at: madeAt, operation_id: "1" })
      assert.isTrue(isApplied(same))
      assert.deepStrictEqual(yield* everything, once)
    })
  )
})
