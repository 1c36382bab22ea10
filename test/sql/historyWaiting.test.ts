/** An entry that names a record which the mirror lacks waits, and applies the moment that the record arrives. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { inject } from "vitest"
import { sayWhy } from "../../src/database/Database.ts"
import { Mirror } from "../../src/database/Mirror.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { RentprogId } from "../../src/domain/Entity.ts"
import { random } from "../support/events.ts"
import {
  insertEntry,
  insertHistory,
  isApplied,
  isDueAgain,
  isParkedEntry,
  mirrored,
  readHistory,
  timeline,
  touch,
  whileOpen
} from "../support/history.ts"
import { size } from "../support/size.ts"
import { guest, testDatabase } from "../support/TestDatabase.ts"

const tbilisi = Branch.make("tbilisi")
const madeAt = "2026-03-01T10:00:00Z"

const arrivals = {
  "a plain INSERT": (id: string) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id, mileage) VALUES (${`${id}0`}, 1), (${id}, 1), (${`1${id}`}, 1)`
    }),
  "the mirror's write": (id: string) =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      yield* mirror.write({
        ...{ entityType: "car", entityId: RentprogId.make(id), branch: tbilisi, companyId: null },
        ...{ fetchedAt: Date.parse(madeAt) - 1000, columns: { mileage: 1 }, data: { mileage: 1 } }
      })
    }),
  "a tombstone": (id: string) =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      yield* mirror.destroy(
        { entityType: "car", entityId: RentprogId.make(id) },
        tbilisi,
        Date.parse(madeAt) - 1000
      )
    })
}

let lastId = 59438
const nextId = () => {
  lastId += 1
  return String(lastId)
}

const tests = Mirror.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("entries that wait", (it) => {
  it.effect.each(Object.entries(arrivals))("apply by %s, parked or not, however many", ([, arrive]) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const id = nextId()
      const description = `Мария Ли изменила mileage с 1 на 2 в авто № ${id} - Camry 174`
      const rows = yield* insertHistory(
        { description, created_at: madeAt, operation_id: id },
        { description: `Мария Ли изменила seats с 4 на 5 в авто № ${id}`, created_at: madeAt },
        // As RentProg spells it, which is not how the reason does.
        { description, created_at: madeAt, entity_type: "Car", entity_id: `${id} `, branch: null },
        { description: `Мария Ли изменила бронь № ${id}`, created_at: madeAt }
      )
      const booking = rows.at(-1)
      assert.deepStrictEqual(
        rows.map(({ reason }) => reason),
        [...Array.from({ length: 3 }, () => `entity_not_found: car ${id}`), `entity_not_found: booking ${id}`]
      )
      assert.isTrue(rows.every(isDueAgain))
      assert.deepStrictEqual(yield* timeline("car", id), [])
      // The service has given one of them up, and says so with its count.
      yield* sql`UPDATE history SET revision = revision + 1, attempts = 20, next_attempt_at = 'infinity' WHERE operation_id = ${id}`
      assert.isTrue((yield* readHistory(rows.slice(0, 1).map((row) => row.id))).every(isParkedEntry))

      yield* arrive(id)

      const after = yield* readHistory(rows.map((row) => row.id))
      assert.isTrue(after.slice(0, 3).every(isApplied), JSON.stringify(after))
      assert.isFalse(after.slice(3).some(isApplied), `the booking ${booking?.id} has not arrived`)
      assert.deepStrictEqual(after[2]?.entity_type, "Car")
      assert.deepInclude(yield* mirrored("cars", id), { mileage: 2, data: { mileage: 2, seats: "5" } })
      assert.strictEqual((yield* timeline("car", id)).length, 3)

      // Once more is no arrival.
      yield* sql`UPDATE cars SET mileage = 3 WHERE rentprog_id = ${id}`
      assert.deepInclude(yield* mirrored("cars", id), { mileage: 3 })
    })
  )

  it.effect("of clients and bookings apply too", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const id = nextId()
      const rows = yield* insertHistory(
        { description: `Мария Ли удалила клиента № ${id}` },
        { description: `Мария Ли выдала авто, бронь № ${id}` }
      )
      assert.isTrue(rows.every(isDueAgain))
      yield* sql`INSERT INTO clients (rentprog_id) VALUES (${id})`
      yield* sql`INSERT INTO bookings (rentprog_id) VALUES (${id})`
      assert.isTrue((yield* readHistory(rows.map((row) => row.id))).every(isApplied))
      assert.deepInclude(yield* mirrored("bookings", id), { in_rent: true, state: "Активная" })
      assert.isNotNull((yield* mirrored("clients", id))?.["deleted_at"])
    })
  )

  it.effect("apply when they are touched, and begin anew when the record is still not there", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const id = nextId()
      const row = yield* insertEntry({ description: `Мария Ли изменила авто № ${id}` })
      yield* sql`UPDATE history SET revision = revision + 1, attempts = 20, next_attempt_at = 'infinity' WHERE id = ${row.id}::bigint`
      const [again] = yield* touch(row)
      assert.isTrue(again && isDueAgain(again))
      assert.strictEqual(again?.attempts, 0)
      assert.strictEqual(again?.reason, `entity_not_found: car ${id}`)
    })
  )

  it.effect("all of thousands apply, of a tenth as many cars that arrive at once", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      // Tables with a column for every word are slow.
      const records = inject("schema") === "public" ? size({ long: 1000, usual: 300 }) : 100
      yield* sql`
        INSERT INTO history (branch, description, operation_type)
        SELECT 'tbilisi', 'Мария Ли изменила mileage с 1 на ' || n || ' в авто №' || 700000 + n % ${records}::int, 'many'
        FROM generate_series(1, ${10 * records}::int) AS n
      `
      yield* sql`INSERT INTO cars (rentprog_id) SELECT 700000 + n FROM generate_series(0, ${records}::int - 1) AS n`
      const left = yield* sql`SELECT FROM history WHERE operation_type = 'many' AND NOT processed`
      assert.strictEqual(left.length, 0)
    })
  )

  it.effect("apply whoever brings the record: its writer needs no rights on the log", () =>
    Effect.gen(function* () {
      const id = nextId()
      const row = yield* insertEntry({ description: `Мария Ли изменила авто № ${id}` })
      const { pool } = yield* guest("INSERT ON cars")
      yield* PgClient.PgClient.use((sql) => sql`INSERT INTO cars (rentprog_id) VALUES (${id})`).pipe(
        Effect.provide(pool)
      )
      assert.isTrue((yield* readHistory([row.id])).every(isApplied))
    })
  )

  it.effect("keep no record out while the log is locked", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const id = nextId()
      const row = yield* insertEntry({ description: `Мария Ли изменила авто № ${id}` })
      yield* whileOpen(
        "LOCK TABLE history IN ACCESS EXCLUSIVE MODE",
        sql`INSERT INTO cars (rentprog_id) VALUES (${id})`
      )
      assert.isNotNull(yield* mirrored("cars", id))
      assert.isTrue((yield* touch(row)).every(isApplied))
    })
  )

  it.effect("leave an entry that somebody is at work on to the next look", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const id = nextId()
      const [held, free] = yield* insertHistory(
        { description: `Мария Ли изменила авто № ${id}` },
        { description: `Мария Ли изменила авто № ${id}` }
      )
      assert.isDefined(held)
      assert.isDefined(free)
      yield* whileOpen(
        `SELECT FROM history WHERE id = ${held.id} FOR UPDATE`,
        sql`INSERT INTO cars (rentprog_id) VALUES (${id})`
      )
      const rows = yield* readHistory([held.id, free.id])
      assert.deepStrictEqual(rows.map(isApplied), [false, true])
      assert.isTrue((yield* touch(held)).every(isApplied))
    })
  )
})

layer(tests, { excludeTestServices: true })("who may insert entries and no more", (it) => {
  it.effect("has them read and applied all the same", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('1')`
      const { pool } = yield* guest("INSERT ON history")
      yield* Effect.gen(function* () {
        const mine = yield* PgClient.PgClient
        yield* mine`
          INSERT INTO history (branch, company_id, description) VALUES
            ('tbilisi', NULL, 'Мария Ли изменила авто №1'),
            (NULL, 9247, 'Мария Ли изменила авто №1'),
            ('tbilisi', NULL, 'Пользователь вошёл')
        `
        // Nothing else is theirs: neither what they wrote, nor what the trigger did.
        for (const table of ["history", "cars", "entity_timeline", "branches"]) {
          const refused = yield* Effect.flip(mine`SELECT FROM ${mine(table)}`)
          assert.include(sayWhy(refused), "permission denied")
        }
      }).pipe(Effect.provide(pool))
      const ids = yield* sql<{ readonly id: string }>`SELECT id::text FROM history ORDER BY history.id`
      const [one, two, three] = yield* readHistory(ids.map(({ id }) => id))
      assert.isTrue(one && isApplied(one))
      assert.isTrue(two && isApplied(two))
      assert.strictEqual(two?.branch, "tbilisi")
      assert.isTrue(three && isParkedEntry(three))
    })
  )

  it.effect("what others write in metadata is never too long for an event", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`
        INSERT INTO events (branch, type, ext_id, payload, metadata)
        VALUES (${random(10_000)}, 'car_update', '1', '{}', ${sql.json({ asked_for: random(10_000) })})
      `
      const plan = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SET LOCAL enable_seqscan = off`
          return yield* sql`EXPLAIN SELECT FROM events WHERE metadata ->> 'asked_for' = 'car 1' AND NOT processed`
        })
      )
      assert.include(JSON.stringify(plan), "events_asked_for")
    })
  )
})
