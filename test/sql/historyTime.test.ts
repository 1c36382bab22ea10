/** When an entry counts as made: none later than it arrived, and one whose time does not read before all others. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, type Schema } from "effect"
import { begin, insertEntry, insertHistory, isDone, mirrored, touch } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const to = (mileage: number) => `Мария Ли изменила mileage с 1 на ${mileage} в авто №5`
const unread = "the day before yesterday"

/** Writes an entry down as it came from RentProg: its time is in what was received. */
const receive = Effect.fnUntraced(function* (description: string, raw: Schema.JsonObject) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql`
    INSERT INTO history (branch, description, raw_data) VALUES ('tbilisi', ${description}, ${sql.json(raw)})
    RETURNING processed, ok, reason, created_at::text AS at, created_at = ts AS now,
      created_at = '2026-03-01T10:00:00Z' AS read
  `
  return row
})

const told = PgClient.PgClient.use((sql) =>
  Effect.map(
    sql<{ readonly sane: boolean }>`
      SELECT isfinite(told.at) AND told.at <= now() AS sane FROM entity_timeline AS told
    `,
    (rows) => rows.map(({ sane }) => sane)
  )
)

layer(testDatabase, { excludeTestServices: true })("when an entry counts as made", (it) => {
  it.effect.each<readonly [raw: Schema.JsonObject, expected: object]>([
    [{ created_at: "2026-03-01T10:00:00Z" }, { read: true, now: false }],
    [{ created_at: "01-03-2026 14:00" }, { read: true, now: false }],
    [{ attributes: { created_at: "20260301T100000Z" } }, { read: true, now: false }],
    [{ created_at: unread }, { at: null }],
    [{ created_at: 1772359200 }, { at: null }],
    [{ attributes: { created_at: unread } }, { at: null }],
    [{ created_at: " \n" }, { now: true }],
    [{ created_at: null }, { now: true }],
    [{}, { now: true }]
  ])("is read from what was received: %j", ([raw, expected]) =>
    Effect.gen(function* () {
      yield* begin
      assert.deepInclude(yield* receive(to(200), raw), { processed: true, ok: true, ...expected })
      assert.deepStrictEqual(yield* told, [true])
    })
  )

  // As a text they would be more than PostgreSQL holds.
  it.effect("is not read from numbers that print as gigabytes", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      const rows = yield* sql`
        INSERT INTO history (branch, description, raw_data)
        SELECT 'tbilisi', ${to(200)}, jsonb_build_object('created_at', jsonb_agg('1e131071'::jsonb))
        FROM generate_series(1, 10000)
        RETURNING processed, ok, created_at
      `
      assert.deepStrictEqual(rows, [{ processed: true, ok: true, created_at: null }])
    })
  )

  it.effect("an entry dated ahead counts as made when it arrived, and freezes no field", () =>
    Effect.gen(function* () {
      yield* begin
      const ahead = yield* insertEntry({ description: to(200), created_at: "2999-01-01T00:00:00Z" })
      assert.isTrue(isDone(ahead))
      const sql = yield* PgClient.PgClient
      assert.lengthOf(yield* sql`SELECT FROM history WHERE created_at = '2999-01-01T00:00:00Z'`, 1)
      yield* insertEntry({ description: to(300) })
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 300 })
      assert.deepStrictEqual(yield* told, [true, true])
    })
  )

  it.effect("a field that an earlier version froze thaws", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE cars SET field_times = '{"mileage": "2999-01-01T00:00:00+00:00"}'`
      yield* insertEntry({ description: to(300), created_at: "2026-03-01T10:00:00Z" })
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 300 })
    })
  )

  it.effect("an entry dated ahead that waits does not overrule the record that it waited for", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      const description = "Мария Ли изменила mileage с 1 на 200 в авто №6"
      const row = yield* insertEntry({ description, created_at: "2999-01-01T00:00:00Z" })
      yield* sql`INSERT INTO cars (rentprog_id, mileage, fetched_at) VALUES ('6', 500, now())`
      const [again] = yield* touch(row)
      assert.isTrue(again && isDone(again))
      assert.deepInclude(yield* mirrored("cars", "6"), { mileage: 500 })
    })
  )

  it.effect.each(["2999-01-01T00:00:00Z", "infinity", "-infinity"])(
    "no moment that is stored is ahead or infinite: %s",
    (created_at) =>
      Effect.gen(function* () {
        yield* begin
        const rows = yield* insertHistory(
          { description: "Мария Ли удалила авто №5", created_at },
          { description: "Мария Ли создала платёж №7, приход наличными 5 GEL", created_at },
          { description: "Мария Ли создала обслуживание №7 в объекте №5", created_at },
          { description: "Мария Ли завершила обслуживание №8 в объекте №5", created_at }
        )
        assert.isTrue(rows.every(isDone), JSON.stringify(rows))
        const sql = yield* PgClient.PgClient
        const [row] = yield* sql`
          SELECT isfinite(cars.deleted_at) AND cars.deleted_at <= now() AS deleted,
            (SELECT coalesce(isfinite(payments.paid_at) AND payments.paid_at <= now(), true) FROM payments) AS paid,
            (
              SELECT bool_and(coalesce(isfinite(least(jobs.opened_at, jobs.completed_at)), true)) FROM maintenance AS jobs
            ) AS jobs
          FROM cars
        `
        assert.deepStrictEqual(row, { deleted: true, paid: true, jobs: true })
        assert.deepStrictEqual(yield* told, [true, true, true, true])
      })
  )
})

layer(testDatabase, { excludeTestServices: true })("an entry of an unknown time", (it) => {
  it.effect("never overrules a record that was fetched, however long ago", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE cars SET fetched_at = '2020-01-01'`
      for (const description of [
        to(200),
        "Мария Ли изменила color с на red в авто №5",
        "Мария Ли удалила авто №5"
      ]) {
        assert.deepInclude(yield* receive(description, { created_at: unread }), {
          ...{ processed: true, ok: true, reason: "superseded" }
        })
      }
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 100, color: null, deleted_at: null })
    })
  )

  it.effect("never overrules what an entry of a known time set, nor any other value", () =>
    Effect.gen(function* () {
      yield* begin
      yield* insertEntry({ description: to(300), created_at: "2020-01-01T00:00:00Z" })
      assert.deepInclude(yield* receive(to(200), { created_at: unread }), { reason: "superseded" })
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 300, code: "Camry 174" })
      const code = "Мария Ли изменила code с a на b в авто №5"
      assert.deepInclude(yield* receive(code, { created_at: unread }), { reason: "superseded" })
      assert.deepInclude(yield* mirrored("cars", "5"), { code: "Camry 174" })
    })
  )

  it.effect("is kept where a company's own column takes no null", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      yield* sql`ALTER TABLE history ALTER COLUMN created_at SET NOT NULL`
      assert.deepInclude(yield* receive(to(200), { created_at: unread }), {
        ...{ processed: true, reason: "superseded", at: "-infinity" }
      })
      assert.deepInclude(yield* receive(to(300), {}), { processed: true, reason: null })
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 300 })
      yield* sql`ALTER TABLE history ALTER COLUMN created_at DROP NOT NULL`
    })
  )

  it.effect("sets what nobody has set, until somebody does", () =>
    Effect.gen(function* () {
      yield* begin
      const color = (name: string) => `Мария Ли изменила color с на ${name} в авто №5`
      assert.deepInclude(yield* receive(color("red"), { created_at: unread }), { reason: null })
      assert.deepInclude(yield* mirrored("cars", "5"), { color: "red" })
      assert.deepInclude(yield* receive(color("blue"), { created_at: unread }), { reason: null })
      assert.deepInclude(yield* mirrored("cars", "5"), { color: "blue" })
      yield* insertEntry({ description: color("green"), created_at: "2020-01-01T00:00:00Z" })
      assert.deepInclude(yield* receive(color("red"), { created_at: unread }), { reason: "superseded" })
      assert.deepInclude(yield* mirrored("cars", "5"), { color: "green" })
    })
  )

  it.effect("brings a payment and a job into being, without a time of theirs", () =>
    Effect.gen(function* () {
      yield* begin
      for (const sentence of [
        "Мария Ли создала платёж №7, приход наличными 60.0GEL",
        "Мария Ли создала обслуживание №7 в объекте №5 течёт",
        "Мария Ли завершила обслуживание №8 в объекте №5 течёт"
      ]) {
        assert.deepInclude(yield* receive(sentence, { created_at: unread }), {
          processed: true,
          reason: null
        })
      }
      assert.deepInclude(yield* mirrored("payments", "7"), {
        amount: 60,
        user_name: "Мария Ли",
        paid_at: null
      })
      assert.deepInclude(yield* mirrored("maintenance", "7"), { state: "open", opened_at: null })
      assert.deepInclude(yield* mirrored("maintenance", "8"), { state: "done", completed_at: null })
      yield* insertEntry({
        description: "Мария Ли создала платёж №7, приход наличными 70.0GEL",
        created_at: "2026-03-01T10:00:00Z"
      })
      assert.deepInclude(yield* mirrored("payments", "7"), {
        amount: 70,
        paid_at: "2026-03-01T10:00:00+00:00"
      })
    })
  )
})

layer(testDatabase, { excludeTestServices: true })("entries of one instant", (it) => {
  const at = "2026-03-01T10:00:00Z"
  const say = (operation_id: string | null, mileage: number, created_at = at) =>
    insertEntry({ description: to(mileage), created_at, ...(operation_id === null ? {} : { operation_id }) })

  it.effect.each([
    ["2200412", "2200411"],
    ["1000", "999"],
    ["0012", "9"],
    ["99999999999999999999", "9999999999999999999"],
    ["b2", "a9"],
    ["a10", "a9"]
  ] as const)(
    "count in the order of their numbers, whichever arrives first: %s after %s",
    ([later, earlier]) =>
      Effect.gen(function* () {
        for (const order of [
          [earlier, later],
          [later, earlier]
        ] as const) {
          yield* begin
          for (const number of order) yield* say(number, number === later ? 2 : 1)
          const car = yield* mirrored("cars", "5")
          assert.deepInclude(car, { mileage: 2, field_entries: { mileage: later } })
        }
      })
  )

  it.effect("of two instants the later one counts, whatever its number", () =>
    Effect.gen(function* () {
      yield* begin
      yield* say("1", 2, "2026-03-01T10:00:01Z")
      assert.strictEqual((yield* say("2", 1)).reason, "superseded")
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 2, field_entries: { mileage: "1" } })
    })
  )

  it.effect("without a number count in the order of their arrival", () =>
    Effect.gen(function* () {
      yield* begin
      yield* say("9", 1)
      yield* say(null, 2)
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 2, field_entries: {} })
      yield* say("8", 3)
      assert.deepInclude(yield* mirrored("cars", "5"), { mileage: 3, field_entries: { mileage: "8" } })
    })
  )

  it.effect("keep other fields' numbers", () =>
    Effect.gen(function* () {
      yield* begin
      yield* say("9", 1)
      const description = "Мария Ли изменила code с a на b в авто №5"
      yield* insertEntry({ description, created_at: at, operation_id: "8" })
      assert.deepInclude(yield* mirrored("cars", "5"), {
        code: "b",
        field_entries: { mileage: "9", code: "8" }
      })
    })
  )
})
