/** Whatever the order in which log entries and fetched records arrive, the newest that was said stands. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Schema } from "effect"
import {
  insertEntry,
  insertHistory,
  isApplied,
  isDone,
  mirrored,
  samples,
  timeline
} from "../support/history.ts"
import { pool, TestDatabase, testDatabase } from "../support/TestDatabase.ts"

const fields = ["mileage", "code", "seats"] as const
const Step = Schema.Struct({
  /** When it was said: minutes, each another. */
  at: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 })),
  /** What the entry changes; none where the car was fetched then. */
  changes: Schema.Array(Schema.Literals(fields)).check(Schema.isMaxLength(3))
})
const Story = Schema.Struct({
  steps: Schema.Array(Step).check(Schema.isMinLength(1), Schema.isMaxLength(6)),
  order: Schema.Array(Schema.Int)
})

const minute = (at: number) => new Date(Date.UTC(2026, 0, 1, 0, at)).toISOString()

/** Steps of distinct times, and the same in the order in which they arrive. */
const arrange = ({ order, steps }: typeof Story.Type) => {
  const told = [...new Map(steps.map((step) => [step.at, step])).values()].toSorted(
    (one, other) => one.at - other.at
  )
  const rank = told.map((step, n) => ({ step, rank: order[n] ?? 0 }))
  return { told, arriving: rank.toSorted((one, other) => one.rank - other.rank).map(({ step }) => step) }
}

/** What has to stand in the end: of each field the newest value, where no newer fetch said nothing of it. */
const final = (told: ReadonlyArray<typeof Step.Type>) => {
  let row: Record<(typeof fields)[number], number | string> = { mileage: 0, code: "0", seats: 0 }
  for (const { at, changes } of told) {
    if (changes.length === 0) row = { mileage: -at, code: String(-at), seats: -at }
    for (const field of changes) row = { ...row, [field]: field === "code" ? String(at) : at }
  }
  return row
}

layer(testDatabase, { excludeTestServices: true })("the order of arrival", (it) => {
  it.effect("does not matter, unless an older fetch comes last", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const stories = yield* samples(Arbitrary.schema(Story), 120)
      for (const [n, story] of stories.entries()) {
        const id = String(1000 + n)
        const { arriving, told } = arrange(story)
        yield* sql`INSERT INTO cars (rentprog_id, mileage, code, data)
          VALUES (${id}, 0, '0', '{"mileage": 0, "code": "0", "seats": 0}')`
        for (const { at, changes } of arriving) {
          if (changes.length === 0) {
            // As the mirror writes a fetched record.
            const data = { mileage: -at, code: String(-at), seats: -at }
            yield* sql`
              UPDATE cars SET mileage = ${-at}, code = ${String(-at)}, data = ${sql.json(data)}, fetched_at = ${minute(at)}::timestamptz
              WHERE rentprog_id = ${id} AND (fetched_at IS NULL OR fetched_at < ${minute(at)}::timestamptz)
            `
          } else {
            const said = [...new Set(changes)].map((field) => `${field} с 1 на ${at}`).join(", ")
            const row = yield* insertEntry({
              description: `Мария Ли изменила ${said} в авто №${id}`,
              created_at: minute(at)
            })
            assert.isTrue(isDone(row))
          }
        }
        const last = told.findLastIndex(({ changes }) => changes.length === 0)
        const fetchedLate = arriving.findLastIndex(({ changes }) => changes.length === 0)
        // An answer that comes late overwrites what was said since it was asked for: the next fetch mends that.
        if (fetchedLate > 0 && told.slice(last + 1).some((step) => arriving.indexOf(step) < fetchedLate))
          continue
        const car = yield* mirrored("cars", id)
        const expected = final(told)
        assert.deepInclude(car, { mileage: expected.mileage, code: expected.code })
        assert.deepStrictEqual(car?.["data"], expected, JSON.stringify(arriving))
        assert.strictEqual(
          (yield* timeline("car", id)).length,
          told.filter(({ changes }) => changes.length > 0).length
        )
      }
    })
  )

  it.effect("does not matter to a booking, a payment and a job", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const kinds = [
        ["bookings", "state", ["создал бронь", "выдал авто, бронь", "принял авто, бронь"], "Завершена"],
        ["bookings", "in_rent", ["отменил бронь", "выдал авто, бронь"], true],
        ["payments", "amount", ["создал платёж", "изменил платёж", "удалил платёж"], null],
        ["maintenance", "state", ["создал обслуживание", "завершил обслуживание"], "done"]
      ] as const
      let id = 5000
      for (const [table, column, verbs, expected] of kinds) {
        for (const order of permutations(verbs.map((_, n) => n))) {
          id += 1
          if (table === "bookings") yield* sql`INSERT INTO bookings (rentprog_id) VALUES (${String(id)})`
          for (const n of order) {
            const row = yield* insertEntry({
              description: `Мария ${verbs[n]} №${id}`,
              created_at: minute(n)
            })
            assert.isTrue(isDone(row), row.reason ?? "")
          }
          const row = yield* mirrored(table, String(id))
          assert.strictEqual(row?.[column], expected, `${table} ${column} ${order}`)
          assert.strictEqual(row?.["deleted_at"] !== null, table === "payments")
        }
      }
    })
  )

  it.effect("of one statement does not matter either", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('1')`
      const rows = yield* insertHistory(
        ...[3, 9, 1, 7].map((at) => ({
          description: `Мария изменила mileage с на ${at} в авто №1`,
          created_at: minute(at)
        }))
      )
      assert.isTrue(rows.every(isDone))
      assert.deepInclude(yield* mirrored("cars", "1"), { mileage: 9, data: { mileage: 9 } })
    })
  )

  it.effect("an entry that is written twice at once is applied once", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { url } = yield* TestDatabase
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('2')`
      const entry = { description: "Мария изменила mileage с на 7 в авто №2", operation_id: "op" }
      const pay = { description: "Мария создала платёж №2, приход наличными 5 GEL", operation_id: "pay" }
      // Pools of their own, so that each has its session.
      const rows = yield* Effect.forEach(
        Array.from({ length: 12 }),
        () => insertHistory(entry, pay).pipe(Effect.provide(Layer.fresh(pool(url)))),
        { concurrency: "unbounded" }
      )
      assert.isTrue(rows.flat().every(isApplied), JSON.stringify(rows))
      assert.strictEqual((yield* timeline("car", "2")).length, 1)
      assert.strictEqual((yield* timeline("payment", "2")).length, 1)
      const [other] = yield* insertHistory({ ...entry, branch: "batumi" })
      assert.isTrue(other && isApplied(other))
      assert.strictEqual((yield* timeline("car", "2")).length, 2)
    })
  )
})

/** All orders of some things. */
const permutations = <A>(items: ReadonlyArray<A>): ReadonlyArray<ReadonlyArray<A>> =>
  items.length === 0
    ? [[]]
    : items.flatMap((item, n) =>
        permutations([...items.slice(0, n), ...items.slice(n + 1)]).map((others) => [item, ...others])
      )
