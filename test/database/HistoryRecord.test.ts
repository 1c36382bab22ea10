import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Option } from "effect"
import { History } from "../../src/database/History.ts"
import type { LogEntry } from "../../src/domain/History.ts"
import { fresh, kutaisi, numbers, tbilisi, tests } from "./waiting.ts"

/** An entry of the log, as little as there can be. */
const entry = (operationId: string, more: Partial<LogEntry> = {}): LogEntry => ({
  operationId,
  operationType: null,
  description: `Иван Петров создал платёж №${operationId}, расход наличными 60.0GEL`,
  entityType: null,
  entityId: null,
  userName: null,
  createdAt: "2026-03-02T10:00:00.000Z",
  raw: { id: operationId },
  ...more
})

const record = (entries: ReadonlyArray<LogEntry>, branch = tbilisi) =>
  History.use((history) => history.record(branch, entries, { readFrom: 0, readUntil: 1, stretches: [] }))

/** What was recorded, in the order in which it was. */
const recorded = PgClient.PgClient.use(
  (sql) => sql<{ readonly branch: string; readonly operation_id: string }>`
    SELECT branch, operation_id FROM history ORDER BY history.id
  `
).pipe(Effect.map((all) => all.map(({ branch, operation_id }) => `${branch} ${operation_id}`)))

layer(tests, { excludeTestServices: true })("History.record", (it) => {
  it.effect("writes an entry down whole, and PostgreSQL applies it", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const full = {
        operationType: "create",
        description: "Анна Смит создала платёж №7, приход наличными 30.0USD",
        entityType: "payment",
        entityId: "7",
        userName: "Анна С.",
        raw: { id: 5, nested: { note: "«…»", list: [1, null] } }
      }
      assert.strictEqual(yield* record([entry("5", full), entry("6", { createdAt: null })]), 2)
      const [first, second] = yield* sql`
        SELECT branch, operation_type, operation_id, description, entity_type, entity_id, user_name, raw_data,
          created_at = '2026-03-02T10:00Z' AS dated, created_at = ts AS now, processed
        FROM history ORDER BY history.id
      `
      assert.deepStrictEqual<unknown>(first, {
        ...{ branch: tbilisi, operation_type: "create", operation_id: "5", description: full.description },
        ...{ entity_type: "payment", entity_id: "7", user_name: "Анна С.", raw_data: full.raw },
        ...{ dated: true, now: false, processed: true }
      })
      // The trigger dates what has no time of its own.
      assert.deepStrictEqual([second?.["now"], second?.["processed"]], [true, true])
      assert.lengthOf(yield* sql`SELECT FROM payments`, 2)
    })
  )

  it.effect("leaves a time that does not read to PostgreSQL, which counts it as older than all others", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* record([entry("5", { createdAt: null, raw: { id: 5, created_at: "yesterday" } })])
      assert.deepStrictEqual<unknown>(yield* sql`SELECT created_at, processed FROM history`, [
        { created_at: null, processed: true }
      ])
      assert.deepStrictEqual<unknown>(yield* sql`SELECT amount, paid_at FROM payments`, [
        { amount: "60.0", paid_at: null }
      ])
    })
  )

  it.effect("only what is new: by branch and number, within a batch as well", () =>
    Effect.gen(function* () {
      yield* fresh
      const long = "9".repeat(70)
      assert.strictEqual(yield* record([entry("1"), entry("2"), entry("1"), entry(long), entry(long)]), 3)
      assert.strictEqual(yield* record([entry("3"), entry("2"), entry("1"), entry(long)]), 1)
      assert.strictEqual(yield* record([entry("1")], kutaisi), 1)
      assert.strictEqual(yield* record([]), 0)
      assert.sameMembers(yield* recorded, [
        "tbilisi 1",
        "tbilisi 2",
        "tbilisi 3",
        "kutaisi 1",
        `tbilisi ${long}`
      ])
    })
  )

  it.effect("once, when two readings of a branch write it down together", () =>
    Effect.gen(function* () {
      yield* fresh
      const entries = numbers(1, 50).map((n) => entry(String(n)))
      const counts = yield* Effect.replicateEffect(record(entries), 4, { concurrency: "unbounded" })
      assert.strictEqual(
        counts.reduce((sum, count) => sum + count, 0),
        50
      )
      assert.lengthOf(yield* recorded, 50)
    })
  )

  it.effect("oldest first, and of those of one instant the lowest number first", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id, branch, mileage) VALUES ('1', 'tbilisi', 100)`
      const to = (mileage: number) => ({
        description: `Иван Петров изменил , mileage с 100 на ${mileage} в авто № 1`
      })
      const later = "2026-03-02T10:00:01.000Z"
      yield* record([
        entry("8", { createdAt: later, ...to(800) }),
        entry("100", to(300)),
        entry("99", to(200)),
        entry("101", to(400))
      ])
      assert.deepStrictEqual(yield* recorded, ["tbilisi 99", "tbilisi 100", "tbilisi 101", "tbilisi 8"])
      assert.deepStrictEqual<unknown>(yield* sql`SELECT mileage FROM cars`, [{ mileage: "800" }])
    })
  )

  it.effect.each<readonly [string, Partial<LogEntry>, object]>([
    [
      "NUL",
      { description: "a\0b", raw: { note: "a\0b", "k\0": 1, deep: [{ x: "\0" }] } },
      { description: "ab", raw_data: { note: "ab", k: 1, deep: [{ x: "" }] } }
    ],
    [
      "half a character",
      { userName: "x\ud83d", raw: { note: "\ude00" } },
      { user_name: "x\ufffd", raw_data: { note: "\ufffd" } }
    ],
    [
      "what only looks like one",
      { description: "\\u0000", raw: { note: "\\ud83d 🚗" } },
      { description: "\\u0000", raw_data: { note: "\\ud83d 🚗" } }
    ]
  ])("with %s in it, and loses no other for it", ([, odd, written]) =>
    Effect.gen(function* () {
      yield* fresh
      assert.strictEqual(yield* record([entry("1"), entry("2", odd), entry("3")]), 3)
      assert.sameMembers(yield* recorded, ["tbilisi 1", "tbilisi 2", "tbilisi 3"])
      const sql = yield* PgClient.PgClient
      const stored = yield* sql`SELECT description, user_name, raw_data FROM history WHERE operation_id = '2'`
      assert.deepStrictEqual<unknown>(stored, [
        { description: entry("2").description, user_name: null, raw_data: { id: "2" }, ...written }
      ])
    })
  )

  it.effect("remembers for each branch how much of its log is written down", () =>
    Effect.gen(function* () {
      yield* fresh
      const { logProgress, record } = yield* History
      assert.isTrue(Option.isNone(yield* logProgress(tbilisi)))
      const first = { readFrom: 0, readUntil: 1_772_445_600_123, stretches: [] }
      const other = { readFrom: 0, readUntil: 1_772_445_600_456, stretches: [{ from: 0, to: 7, entries: 0 }] }
      yield* record(tbilisi, [], first)
      yield* record(kutaisi, [], other)
      assert.deepStrictEqual(yield* logProgress(tbilisi), Option.some(first))
      const second = {
        readFrom: 0,
        readUntil: 1_772_445_700_007,
        stretches: [
          { from: 900, to: 2 ** 53 - 1, entries: 100 },
          { from: 0, to: 700, entries: 0 }
        ]
      }
      yield* record(tbilisi, [entry("900")], second)
      assert.deepStrictEqual(yield* logProgress(tbilisi), Option.some(second))
      assert.deepStrictEqual(yield* logProgress(kutaisi), Option.some(other))
    })
  )

  it.effect("remembers no more than it writes down", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const { logProgress } = yield* History
      yield* record([entry("1")])
      yield* sql`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full'; END $$`
      yield* sql`CREATE TRIGGER refuse AFTER INSERT ON history FOR EACH ROW EXECUTE FUNCTION refuse()`
      const later = { readFrom: 0, readUntil: 5, stretches: [{ from: 0, to: 2, entries: 0 }] }
      yield* Effect.flip(History.use((history) => history.record(tbilisi, [entry("2")], later)))
      yield* sql`DROP TRIGGER refuse ON history`
      yield* sql`DROP FUNCTION refuse()`
      assert.deepStrictEqual(
        yield* logProgress(tbilisi),
        Option.some({ readFrom: 0, readUntil: 1, stretches: [] })
      )
    })
  )
})
