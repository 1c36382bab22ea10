/** What a parsed sentence does, and what it says of itself where it does nothing. */
import { readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Schema } from "effect"
import {
  applyParsed,
  begin,
  effectsOf,
  everything,
  insertEntry,
  isApplied,
  mirrored,
  timeline,
  touch
} from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const minute = (at: number) => new Date(Date.UTC(2026, 2, 1, 10, at)).toISOString()
const mileage = (to: number) => `Мария Ли изменила mileage с 1 на ${to} в авто №5`

const Sentence = Schema.fromJsonString(
  Schema.Struct({ expect: Schema.NullOr(Schema.Record(Schema.String, Schema.Json)) })
)
layer(testDatabase, { excludeTestServices: true })("a sentence that nobody knows the meaning of", (it) => {
  it.effect.each<readonly [string, Schema.JsonObject]>([
    [
      "another kind",
      {
        entity_type: "tariff",
        entity_id: "7",
        operation: "update",
        changes: { state: { old: "a", new: "b" } }
      }
    ],
    ["no kind", { entity_id: "7", operation: "update" }],
    ["another operation", { entity_type: "car", entity_id: "5", operation: "wash" }],
    ["an operation of another kind", { entity_type: "client", entity_id: "5", operation: "issue" }],
    [
      "a payment that is returned",
      { entity_type: "payment", entity_id: "7", operation: "return", payment: { ids: ["7"] } }
    ],
    ["a job that is issued", { entity_type: "maintenance", entity_id: "7", operation: "issue" }],
    ["no number", { entity_type: "payment", operation: "create", payment: { ids: [] } }],
    [
      "a hand-over of one payment",
      { entity_type: "payment", entity_id: "7", operation: "transfer", payment: { ids: ["7"], amount: 5 } }
    ]
  ])("is an error, and changes nothing: %s", ([, said]) =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO maintenance (rentprog_id, state) VALUES ('7', 'open')`
      const before = yield* everything
      const failure = yield* Effect.flip(applyParsed(said))
      assert.include(String(failure.reason.cause), "nobody knows what")
      assert.deepStrictEqual(yield* everything, before)
    })
  )

  it.effect("says so in its row", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      const before = yield* everything
      yield* Effect.gen(function* () {
        yield* sql`
          CREATE OR REPLACE FUNCTION parse_history_description(description text) RETURNS jsonb
          LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
          RETURN '{"entity_type": "tariff", "entity_id": "7", "operation": "update", "user_name": "Мария Ли"}'::jsonb
        `
        const row = yield* insertEntry({ description: "Мария Ли изменила тариф № 7" })
        assert.strictEqual(row.reason, 'internal_error: P0001 nobody knows what "update" means for tariff 7')
        assert.isFalse(row.processed)
        assert.deepStrictEqual(yield* everything, before)
        return yield* Effect.fail("roll back" as const)
      }).pipe(sql.withTransaction, Effect.flip)
    })
  )
})

/** Sentences, and what they say. */
const sentences = readFileSync(new URL("../fixtures/history.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => Schema.decodeUnknownSync(Sentence)(line))

layer(testDatabase, { excludeTestServices: true })("whatever the grammar reads", (it) => {
  it.effect("has a meaning", () =>
    Effect.gen(function* () {
      const read = sentences.flatMap(({ expect }) => (expect === null ? [] : [expect]))
      assert.isAbove(read.length, 50)
      for (const said of read) {
        for (const { fields, record_id } of yield* effectsOf(said, false)) {
          assert.isTrue(fields !== null && record_id !== null, JSON.stringify(said))
        }
      }
    })
  )
})

layer(testDatabase, { excludeTestServices: true })("an entry that sets no field", (it) => {
  it.effect("because a newer one has, is superseded and told all the same", () =>
    Effect.gen(function* () {
      yield* begin
      yield* insertEntry({ description: mileage(200), created_at: minute(2) })
      const row = yield* insertEntry({ description: mileage(150), created_at: minute(1), operation_id: "1" })
      assert.deepInclude(row, { processed: true, ok: true, reason: "superseded", next_attempt_at: null })
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 200 })
      assert.lengthOf(yield* timeline("car", "5"), 2)
      // The same entry again was applied before.
      assert.isTrue(
        isApplied(yield* insertEntry({ description: mileage(150), created_at: minute(1), operation_id: "1" }))
      )
      // Run again, the row that set nothing sets nothing.
      assert.deepInclude((yield* touch(row))[0], { processed: true, ok: true, reason: "superseded" })
    })
  )

  it.effect("because the record was fetched since, is superseded", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE bookings SET fetched_at = ${minute(5)}::timestamptz`
      for (const said of ["выдала авто, бронь №5", "отменила бронь №5", "удалила бронь №5"]) {
        const row = yield* insertEntry({ description: `Мария Ли ${said}`, created_at: minute(1) })
        assert.strictEqual(row.reason, "superseded")
      }
      assert.deepInclude(yield* mirrored("bookings", "5"), { state: "Новая", deleted_at: null })
    })
  )

  it.effect("but one of several is applied, and so is one that has none to set", () =>
    Effect.gen(function* () {
      yield* begin
      yield* insertEntry({ description: mileage(200), created_at: minute(2) })
      const both = "Мария Ли изменила mileage с 1 на 150, year с на 2020 в авто №5"
      assert.isTrue(isApplied(yield* insertEntry({ description: both, created_at: minute(1) })))
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 200, year: 2020 })
      const none = "Мария Ли изменила авто №5"
      assert.isTrue(isApplied(yield* insertEntry({ description: none, created_at: minute(0) })))
    })
  )

  it.effect("cannot delete a record by a field of that name", () =>
    Effect.gen(function* () {
      yield* begin
      const description = "Мария Ли изменила deleted_at с на 01-01-2999 в авто №5"
      assert.isTrue(isApplied(yield* insertEntry({ description })))
      assert.deepInclude(yield* mirrored("cars", "5"), { deleted_at: null })
      assert.lengthOf(yield* timeline("car", "5"), 1)
    })
  )
})
