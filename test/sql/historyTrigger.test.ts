/** The trigger on history: what it fills, tells and notifies, and what it does with entries that it cannot apply. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import {
  begin,
  everything,
  insertEntry,
  insertHistory,
  isApplied,
  isDueAgain,
  isParkedEntry,
  type NewEntry,
  readHistory,
  timeline,
  touch
} from "../support/history.ts"
import { notifiedBy } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const madeAt = "2026-03-01T10:00:00+00:00"

const handOver = "приняла от Анна Смит 400.0 GEL, платежи №8/7"

/** What is notified of entries while `effect` runs. */
const notified = <A, E, R>(effect: Effect.Effect<A, E, R>) => notifiedBy(effect, "history_item_processed")

layer(testDatabase, { excludeTestServices: true })("auto_process_history_trigger", (it) => {
  it.effect("stands where people look for it", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = yield* sql`
        SELECT trigger_name, action_timing, event_manipulation FROM information_schema.triggers
        WHERE event_object_table = 'history' AND action_orientation = 'ROW' ORDER BY event_manipulation
      `
      assert.deepStrictEqual(
        rows,
        ["INSERT", "UPDATE"].map((event_manipulation) => ({
          trigger_name: "auto_process_history_trigger",
          action_timing: "BEFORE",
          event_manipulation
        }))
      )
    })
  )

  it.effect("without a branch it is applied once all the same", () =>
    Effect.gen(function* () {
      yield* begin
      const description = "Мария Ли изменила авто №5"
      const row = yield* insertEntry({ description, branch: null, operation_id: "1" })
      yield* touch(row)
      assert.strictEqual((yield* timeline("car", "5")).length, 1)
    })
  )

  it.effect("the timeline tells what was, what is, and who did it", () =>
    Effect.gen(function* () {
      yield* begin
      const [one, two, three] = yield* insertHistory(
        { description: "Мария Ли изменила mileage с на 200, code с a на b c в авто №5", created_at: madeAt },
        { description: `Мария Ли ${handOver}`, created_at: madeAt },
        { description: "Parser выдал авто, бронь №5", created_at: madeAt }
      )
      const entry = { branch: "tbilisi", source: "history" }
      assert.deepStrictEqual(yield* timeline("car", "5"), [
        {
          ...{ ...entry, source_id: one?.id, operation: "update", user_name: "Мария Ли" },
          changes: { mileage: [null, "200"], code: ["a", "b c"] }
        }
      ])
      const told = { ...entry, source_id: two?.id, operation: "transfer", user_name: "Мария Ли" }
      for (const [id, changes] of [
        ["7", { direction: [null, "income"], user_name: [null, "Мария Ли"], amount: [null, 400] }],
        ["8", { direction: [null, "expense"], user_name: [null, "Анна Смит"], amount: [null, 400] }]
      ] as const) {
        const [line] = yield* timeline("payment", id)
        assert.deepInclude(line, told)
        assert.deepInclude(line?.["changes"], changes)
      }
      assert.deepStrictEqual(yield* timeline("booking", "5"), [
        {
          ...{ ...entry, source_id: three?.id, operation: "issue", user_name: "Parser" },
          changes: { state: ["Новая", "Активная"], active: [true, true], in_rent: [false, true] }
        }
      ])
    })
  )

  it.effect.each<readonly [what: string, given: Partial<NewEntry>, expected: Record<string, string | null>]>([
    ["nothing given", {}, { entity_type: "car", entity_id: "5", user_name: "Мария Ли", branch: "tbilisi" }],
    [
      "empty is not given",
      { entity_type: "", entity_id: "", user_name: "" },
      { entity_type: "car", entity_id: "5" }
    ],
    [
      "all given",
      { entity_type: "Car", entity_id: "05", user_name: "M" },
      { entity_type: "Car", entity_id: "05" }
    ],
    ["the user given", { user_name: "M. Li" }, { user_name: "M. Li" }],
    ["a company", { branch: null, company_id: 9506 }, { branch: "batumi" }],
    ["a company and a blank branch", { branch: " ", company_id: 9506 }, { branch: "batumi" }],
    ["a company and a branch", { branch: " kutaisi ", company_id: 9506 }, { branch: "kutaisi" }],
    ["an unknown company", { branch: null, company_id: 4 }, { branch: null }]
  ])("columns that are filled: %s", ([, given, expected]) =>
    Effect.gen(function* () {
      yield* begin
      const { payloads, result: row } = yield* notified(
        insertEntry({ description: "Мария Ли изменила авто №5", ...given })
      )
      assert.isTrue(isApplied(row))
      assert.deepInclude(row, expected)
      assert.deepStrictEqual(payloads, [
        [row.id, row.branch, row.entity_type, row.entity_id].map((part) => part ?? "").join("|")
      ])
      assert.deepStrictEqual((yield* timeline("car", "5")).length, 1)
    })
  )

  it.effect.each([
    ["mileage", "far", "numeric"],
    ["mileage", "NaN", "numeric"],
    ["mileage", "Infinity", "numeric"],
    ["year", "7,5", "integer"],
    ["year", "99999999999", "integer"],
    ["clean_state", "perhaps", "boolean"],
    ["company_id", "tbilisi", "numeric"]
  ])("%s на %s: apply_failed, and nothing is done by half", ([field, value, type]) =>
    Effect.gen(function* () {
      yield* begin
      const before = yield* everything
      const [good, bad] = yield* insertHistory(
        { description: "Мария Ли изменила авто №5", operation_id: "1" },
        { description: `Мария Ли изменила code с a на b, ${field} с 1 на ${value} в авто №5` }
      )
      assert.isTrue(good && isApplied(good))
      assert.isTrue(bad && isDueAgain(bad))
      for (const part of ["apply_failed: ", `"${value}"`, type]) assert.include(bad?.reason, part)
      const sql = yield* PgClient.PgClient
      yield* sql`DELETE FROM entity_timeline WHERE log_entry = 'tbilisi:1'`
      assert.deepStrictEqual(yield* everything, before)
    })
  )

  it.effect.each([
    ...["", " ", "\n\t", "\u00a0\u2003\u200b\ufeff"].map((text) => [text, "empty_description"] as const),
    ...["😀", "\u0001\u0002", "Пользователь вошёл", "|", "Ж".repeat(1_000_000), "Мария Ли создала авто"].map(
      (text) => [text, `unparsed_description: "${text.slice(0, 200)}"`] as const
    )
  ])("%# parked", ([description, reason]) =>
    Effect.gen(function* () {
      yield* begin
      const { payloads, result } = yield* notified(
        insertHistory({ description }, { description: "Мария Ли изменила авто №5" }, { description: null })
      )
      const [row, good, none] = result
      assert.isTrue(row && isParkedEntry(row) && none && isParkedEntry(none))
      assert.deepStrictEqual([row?.reason, none?.reason], [reason, "empty_description"])
      assert.isTrue(good && isApplied(good))
      assert.strictEqual(payloads[0], `${row?.id}|tbilisi||`)
      // A person mends it.
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE history SET description = 'Мария Ли изменила авто №5' WHERE NOT processed`
      assert.isTrue((yield* touch(...result)).every(isApplied))
    })
  )

  it.effect.each(["processed = false", "processed = false, attempts = 0"])(
    "a row that is done runs again, in whatever way a person says so: %s",
    (set) =>
      Effect.gen(function* () {
        yield* begin
        const sql = yield* PgClient.PgClient
        const { id } = yield* insertEntry({ description: "Мария Ли изменила авто №5" })
        yield* sql`UPDATE history SET attempts = 3, revision = revision + 1 WHERE id = ${id}::bigint`
        const { payloads } = yield* notified(sql.unsafe(`UPDATE history SET ${set} WHERE id = ${id}`))
        assert.deepStrictEqual(payloads, [`${id}|tbilisi|car|5`])
        const [row] = yield* readHistory([id])
        assert.isTrue(row && isApplied(row))
        assert.strictEqual(row?.attempts, 0)
      })
  )

  it.effect("the service's own book-keeping does not fire, and cannot strand a row", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      const { id } = yield* insertEntry({ description: "Мария Ли изменила авто №6" })
      const { payloads } = yield* notified(
        sql`UPDATE history SET revision = revision + 1, reason = 'kept', next_attempt_at = 'infinity'`
      )
      assert.deepStrictEqual(payloads, [])
      assert.deepInclude((yield* readHistory([id]))[0], { reason: "kept", next_attempt_at: "infinity" })
      const stranded = yield* Effect.flip(
        sql`UPDATE history SET revision = revision + 1, next_attempt_at = NULL`
      )
      assert.include(String(stranded.reason.cause), "history_done_or_due")
    })
  )
})
