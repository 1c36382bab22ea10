/** What the log says of payments. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import {
  applyParsed,
  begin,
  effectsOf,
  insertEntry,
  isApplied,
  mirrored,
  timeline
} from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const minute = (at: number) => new Date(Date.UTC(2026, 2, 1, 10, at)).toISOString()

layer(testDatabase, { excludeTestServices: true })("a payment", (it) => {
  it.effect("whose sum changes has another amount", () =>
    Effect.gen(function* () {
      yield* begin
      const changes = { sum: { old: "30", new: "40,5" } }
      const row = {
        entity_type: "payment",
        entity_id: "7",
        operation: "update",
        payment: { ids: ["7"] },
        changes
      }
      yield* applyParsed(row)
      assert.deepInclude(yield* mirrored("payments", "7"), {
        amount: 40.5,
        data: { sum: "40,5", amount: 40.5 }
      })
    })
  )

  it.effect("is of whom the entry names where the sentence does not", () =>
    Effect.gen(function* () {
      yield* begin
      const description = "Создан платёж №7, приход наличными 30.0USD"
      const row = yield* insertEntry({ description, user_name: "Анна Смит" })
      assert.isTrue(isApplied(row), row.reason ?? "")
      assert.deepInclude(yield* mirrored("payments", "7"), { amount: 30, user_name: "Анна Смит" })
      const [line] = yield* timeline("payment", "7")
      assert.strictEqual(line?.["user_name"], "Анна Смит")
    })
  )

  it.effect("that is edited gets what the sentence says, and keeps the rest", () =>
    Effect.gen(function* () {
      yield* begin
      yield* insertEntry({
        description: "Мария Ли создала платёж №7, расход безналичными 60.0GEL",
        created_at: minute(0)
      })
      const row = yield* insertEntry({
        description: "Анна Смит изменила платёж №7, приход наличными 40.0USD",
        created_at: minute(1)
      })
      assert.isTrue(isApplied(row))
      assert.deepInclude(yield* mirrored("payments", "7"), {
        ...{ amount: 40, currency: "USD", method: "cash", direction: "income" },
        ...{ user_name: "Мария Ли", paid_at: "2026-03-01T10:00:00+00:00" }
      })
      const [, line] = yield* timeline("payment", "7")
      assert.deepInclude(line, { operation: "update", user_name: "Анна Смит" })
      assert.deepInclude(line?.["changes"], { amount: [60, 40], currency: ["GEL", "USD"] })
    })
  )

  it.effect("whose edit arrives before its creation has the edited amount", () =>
    Effect.gen(function* () {
      yield* begin
      yield* insertEntry({
        description: "Мария Ли изменила платёж №7, приход наличными 40.0USD",
        created_at: minute(1)
      })
      const row = yield* insertEntry({
        description: "Мария Ли создала платёж №7, приход наличными 60.0USD",
        created_at: minute(0)
      })
      assert.isTrue(isApplied(row))
      assert.deepInclude(yield* mirrored("payments", "7"), {
        ...{ amount: 40, user_name: "Мария Ли", paid_at: "2026-03-01T10:00:00+00:00" }
      })
    })
  )

  it.effect("is of the first branch that an entry names", () =>
    Effect.gen(function* () {
      yield* begin
      for (const [branch, known] of [
        [null, null],
        ["tbilisi", "tbilisi"],
        ["kutaisi", "tbilisi"]
      ] as const) {
        for (const thing of ["платёж", "обслуживание"]) {
          yield* insertEntry({ description: `Мария Ли изменила ${thing} №7`, branch })
        }
        assert.deepInclude(yield* mirrored("payments", "7"), { branch: known })
        assert.deepInclude(yield* mirrored("maintenance", "7"), { branch: known })
      }
    })
  )

  it.effect("is for what the sentence names, and may be a refund", () =>
    Effect.gen(function* () {
      yield* begin
      const purpose = { booking_id: "514378", car_id: "59439", client_id: "381606" }
      const payment = {
        ids: ["7"],
        amount: 5,
        currency: "GEL",
        direction: "refund",
        method: "cash",
        ...purpose
      }
      yield* applyParsed({
        entity_type: "payment",
        entity_id: "7",
        operation: "create",
        user_name: "Мария Ли",
        payment
      })
      assert.deepInclude(yield* mirrored("payments", "7"), { ...purpose, direction: "refund", amount: 5 })
    })
  )

  it.effect.each([
    [false, { giver: "Анна Смит", taker: "Пётр Ли" }],
    [true, { giver: "Пётр Ли", taker: "Анна Смит" }]
  ] as const)(
    "of a hand-over is an expense of the giver, and then an income of the taker: gives %s",
    ([gives, { giver, taker }]) =>
      Effect.gen(function* () {
        const effects = yield* effectsOf(
          {
            ...{ entity_type: "payment", entity_id: "81", operation: "transfer", user_name: "Пётр Ли" },
            ...{
              counterparty: "Анна Смит",
              payment: { ids: ["81", "82"], amount: 400, direction: "transfer" }
            }
          },
          gives
        )
        const both = { amount: 400, paid_at: "2026-03-01T10:00:00+00:00" }
        assert.deepStrictEqual(effects, [
          {
            record_id: "81",
            fields: { ...both, direction: "expense", user_name: giver, counterparty: taker }
          },
          { record_id: "82", fields: { ...both, direction: "income", user_name: taker, counterparty: giver } }
        ])
      })
  )

  it.effect("of a hand-over: who gives, the sentence's own verb says", () =>
    Effect.gen(function* () {
      yield* begin
      const said = {
        ...{ entity_type: "payment", entity_id: "81", operation: "transfer", user_name: "Пётр Ли" },
        ...{ counterparty: "Анна Смит", payment: { ids: ["81", "82"], amount: 400, currency: "GEL" } }
      }
      yield* applyParsed(said, "Пётр Ли передал Анна Смит 400.0 GEL, платежи №81/82")
      assert.deepInclude(yield* mirrored("payments", "81"), { direction: "expense", user_name: "Пётр Ли" })
      assert.deepInclude(yield* mirrored("payments", "82"), { direction: "income", user_name: "Анна Смит" })
    })
  )

  it.effect("that was deleted and is then edited or restored is there again", () =>
    Effect.gen(function* () {
      const at = (hour: number) => ({ created_at: `2026-03-01T${hour}:00:00Z` })
      const created = "Анна Смит создала платёж №9, приход наличными 30.0USD"
      const deleted = "Анна Смит удалила платёж №9"
      const restored = "Анна Смит восстановила платёж №9"
      yield* begin
      yield* insertEntry({ description: created, ...at(10) })
      yield* insertEntry({ description: deleted, ...at(11) })
      yield* insertEntry({ description: restored, ...at(12) })
      assert.deepInclude(yield* mirrored("payments", "9"), { amount: 30, deleted_at: null })
      // An older word does not bring it back.
      yield* insertEntry({ description: deleted, ...at(14) })
      yield* insertEntry({ description: restored, ...at(13) })
      assert.notDeepInclude(yield* mirrored("payments", "9"), { deleted_at: null })
    })
  )
})
