/** Many entries at once, and others who hold what they need. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import {
  insertHistory,
  isApplied,
  isDone,
  isDueAgain,
  readHistory,
  touch,
  whileOpen
} from "../support/history.ts"
import { size } from "../support/size.ts"
import { pool, TestDatabase, testDatabase } from "../support/TestDatabase.ts"

const about = (id: number, mileage = 7) => ({
  description: `Мария Ли изменила mileage с 1 на ${mileage} в авто №${id}`
})

/** A session of its own. */
const session = TestDatabase.useSync(({ url }) => Layer.fresh(pool(url)))

/** How many cars and bookings there are. */
const cars = size({ long: 10_000, usual: 2000 })
const entries = 3 * cars

layer(testDatabase, { excludeTestServices: true })("a load of entries", (it) => {
  it.effect(
    `${entries} rows in one statement, of all kinds`,
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* sql`INSERT INTO cars (rentprog_id, mileage) SELECT n, 0 FROM generate_series(0, ${cars - 1}::int) AS n`
        yield* sql`INSERT INTO bookings (rentprog_id) SELECT n FROM generate_series(0, ${cars - 1}::int) AS n`
        yield* sql`
        INSERT INTO history (branch, operation_id, created_at, description)
        SELECT 'tbilisi', n, '2026-01-01'::timestamptz + n * interval '1 second', CASE n % 8
          WHEN 0 THEN 'Мария Ли изменила , mileage с 1 на ' || n || ' в авто № ' || n % ${cars}::int
          WHEN 1 THEN 'Мария Ли выдала авто, бронь №' || n % ${cars}::int
          WHEN 2 THEN 'Мария Ли создала платёж №' || n || ', приход наличными 30.0USD'
          WHEN 3 THEN 'Мария Ли изменила авто №' || n + 1000000
          ELSE 'Пользователь вошёл' END
        FROM generate_series(0, ${entries - 1}::int) AS n
      `
        const rows = yield* sql`
        SELECT split_part(reason, ':', 1) AS code, entity_type, processed, count(*)::int AS count
        FROM history GROUP BY 1, 2, 3 ORDER BY 1 NULLS FIRST, 2
      `
        assert.deepStrictEqual(rows, [
          { code: null, entity_type: "booking", processed: true, count: entries / 8 },
          { code: null, entity_type: "car", processed: true, count: entries / 8 },
          { code: null, entity_type: "payment", processed: true, count: entries / 8 },
          { code: "entity_not_found", entity_type: "car", processed: false, count: entries / 8 },
          { code: "unparsed_description", entity_type: null, processed: false, count: entries / 2 }
        ])
        const done = yield* sql`
        SELECT (SELECT count(*)::int FROM entity_timeline) AS told,
          (SELECT count(*)::int FROM payments WHERE amount = 30) AS paid,
          (SELECT count(*)::int FROM bookings WHERE in_rent) AS rented,
          (SELECT count(*)::int FROM cars WHERE mileage = ${2 * cars}::int + rentprog_id::int) AS driven
      `
        assert.deepStrictEqual(done, [
          { told: (3 * entries) / 8, paid: entries / 8, rented: cars / 8, driven: cars / 8 }
        ])
      }),
    300_000
  )

  it.effect("two that want the same cars in opposite order both commit, and all apply in the end", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) SELECT n FROM generate_series(50001, 50030) AS n`
      const ids = Array.from({ length: 30 }, (_, n) => 50_001 + n)
      const arrived = [yield* Deferred.make<void>(), yield* Deferred.make<void>()] as const
      /** Takes its first car, waits until the other has its own, and then wants all the rest at once. */
      const writer = (order: ReadonlyArray<number>, mine: 0 | 1) =>
        Effect.gen(function* () {
          const own = yield* PgClient.PgClient
          return yield* own.withTransaction(
            Effect.gen(function* () {
              const [first = 0, ...others] = order
              const one = yield* insertHistory(about(first))
              yield* Deferred.succeed(arrived[mine], undefined)
              yield* Deferred.await(arrived[mine === 0 ? 1 : 0])
              return [...one, ...(yield* insertHistory(...others.map((id) => about(id))))]
            })
          )
        }).pipe(Effect.provide(Layer.unwrap(session)))
      const both = yield* Effect.all([writer(ids, 0), writer(ids.toReversed(), 1)], { concurrency: 2 })
      const rows = yield* readHistory(both.flat().map(({ id }) => id))
      assert.strictEqual(rows.length, 60)
      const held = rows.filter((row) => !isDone(row))
      assert.isAbove(held.length, 0, "they never met")
      for (const row of held) {
        assert.isTrue(isDueAgain(row))
        assert.match(row.reason ?? "", /^database_error: /)
      }
      assert.isTrue((yield* touch(...held)).every(isDone))
    })
  )

  it.effect("a locked car costs a statement one wait, and the rows heal later", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('60001'), ('60002')`
      // With a wait for each row this would outlast the test.
      const rows = yield* whileOpen(
        "UPDATE cars SET mileage = 1 WHERE rentprog_id = '60001'",
        insertHistory(about(60_002), ...Array.from({ length: 200 }, () => about(60_001)), about(60_002), {
          description: "Мария Ли"
        })
      )
      const parked = rows.at(-1)
      const held = rows.slice(1, 201)
      assert.isTrue(
        [...rows.slice(0, 1), ...rows.slice(201, 202)].every(isApplied),
        "those of other cars apply"
      )
      assert.match(parked?.reason ?? "", /^unparsed_description/)
      for (const row of held) {
        assert.isTrue(isDueAgain(row))
        assert.include(row.reason, "database_error: canceling statement due to lock timeout")
        assert.deepStrictEqual([row.entity_type, row.entity_id, row.user_name], ["car", "60001", "Мария Ли"])
      }
      assert.isTrue((yield* touch(...held)).every(isApplied))
    })
  )

  it.effect("a locked list of branches keeps no row out, and none of them is parked", () =>
    Effect.gen(function* () {
      const entries = Array.from({ length: 50 }, () => ({ ...about(60_002), branch: null, company_id: 9506 }))
      const rows = yield* whileOpen("LOCK TABLE branches IN ACCESS EXCLUSIVE MODE", insertHistory(...entries))
      for (const row of rows) {
        assert.isTrue(isDueAgain(row))
        assert.include(row.reason, "database_error: ")
      }
      const again = yield* touch(...rows)
      assert.isTrue(again.every(isApplied))
      assert.isTrue(again.every(({ branch }) => branch === "batumi"))
    })
  )

  it.effect("the wait is over with its statement", () =>
    Effect.gen(function* () {
      assert.isTrue((yield* insertHistory(about(60_001))).every(isApplied))
    })
  )

  it.effect("two statements that bring entries in opposite order of their records take turns", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) SELECT n FROM generate_series(70001, 70500) AS n`
      const write = (car: string) =>
        PgClient.PgClient.use((own) =>
          own.unsafe(
            `INSERT INTO history (branch, operation_type, description)
             SELECT 'tbilisi', 'opposite', 'Мария Ли изменила mileage с 1 на 2 в авто №' || ${car} FROM generate_series(0, 999) AS n`
          )
        ).pipe(Effect.provide(Layer.unwrap(session)))
      // However long the first takes on a busy machine, the second waits for it.
      const patience = (time: string) =>
        sql.unsafe(`ALTER FUNCTION await_turn_at_history() SET lock_timeout = '${time}'`)
      yield* Effect.acquireUseRelease(
        patience("5min"),
        () => Effect.all([write("70001 + n % 500"), write("70500 - n % 500")], { concurrency: 2 }),
        () => Effect.orDie(patience("2s"))
      )
      const rows = yield* sql`
        SELECT processed, count(*)::int AS count FROM history
        -- The statement that began first may get its turn second: what it says is older then.
        WHERE operation_type = 'opposite' AND coalesce(reason, 'superseded') = 'superseded'
        GROUP BY 1
      `
      assert.deepStrictEqual(rows, [{ processed: true, count: 2000 }])
    })
  )

  it.effect.each<readonly [title: string, set: string, reason: string | null, mileage: number]>([
    ["is superseded by a fetch", "fetched_at = now() + interval '1 hour', mileage = 9", "superseded", 9],
    ["is told that the record is there no longer", "rentprog_id = 'none'", "entity_not_found: car 90001", 0],
    ["keeps the other's data", 'data = \'{"color": "red"}\'', null, 7]
  ])("an entry that waited for somebody who wrote its car %s", ([, set, reason, mileage]) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`DELETE FROM cars WHERE rentprog_id IN ('90001', 'none')`
      yield* sql`INSERT INTO cars (rentprog_id, mileage) VALUES ('90001', 0)`
      const waiter = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql.unsafe(`UPDATE cars SET ${set} WHERE rentprog_id = '90001'`)
          const waiter = yield* insertHistory(about(90_001)).pipe(
            Effect.provide(Layer.unwrap(session)),
            Effect.forkChild
          )
          yield* Effect.repeat(sql`SELECT FROM pg_locks WHERE NOT granted`, {
            until: (waiting) => waiting.length > 0
          })
          return waiter
        })
      )
      const [row] = yield* Fiber.join(waiter)
      assert.strictEqual(row?.reason, reason)
      const left = yield* sql`
        SELECT mileage::int, data ->> 'color' AS color FROM cars WHERE rentprog_id IN ('90001', 'none')
      `
      assert.deepStrictEqual(left, [{ mileage, color: reason === null ? "red" : null }])
    })
  )

  it.effect("an entry of a car that a trigger of the company's writes by itself ends", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('95001')`
      yield* sql`
        CREATE FUNCTION write_instead() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF pg_trigger_depth() > 2 THEN
            RETURN NEW;
          END IF;
          UPDATE cars SET mileage = NEW.mileage WHERE rentprog_id = NEW.rentprog_id;
          RETURN NULL;
        END
        $$
      `
      yield* sql`CREATE TRIGGER write_instead BEFORE UPDATE ON cars FOR EACH ROW EXECUTE FUNCTION write_instead()`
      const [row] = yield* sql.withTransaction(
        Effect.andThen(sql`SET LOCAL statement_timeout = '20s'`, insertHistory(about(95_001)))
      )
      yield* sql`DROP FUNCTION write_instead CASCADE`
      assert.isTrue(row !== undefined && isApplied(row))
      assert.deepStrictEqual(yield* sql`SELECT mileage::int FROM cars WHERE rentprog_id = '95001'`, [
        { mileage: 7 }
      ])
    })
  )

  it.effect("whoever keeps a transaction open keeps no other entry from being applied", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('80001'), ('80002')`
      const rows = yield* whileOpen(
        `INSERT INTO history (branch, description) VALUES ('tbilisi', '${about(80_001).description}')`,
        Effect.all([insertHistory(about(80_002), about(80_002)), insertHistory(about(80_002))])
      )
      assert.isTrue(rows.flat().every(isApplied), JSON.stringify(rows))
    })
  )

  it.effect("no entry looks through a table, however small it was when the session began", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`TRUNCATE history, entity_timeline, cars, payments`
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('0')`
      // PostgreSQL knows then that reading all of a table costs next to nothing.
      yield* sql`VACUUM ANALYZE entity_timeline, cars, payments`
      const read = sql<{ readonly rows: number }>`
        SELECT sum(seq_tup_read)::int AS rows FROM pg_stat_user_tables
        WHERE relid IN ('entity_timeline'::regclass, 'cars'::regclass, 'payments'::regclass)
      `
      const [before] = yield* read
      yield* PgClient.PgClient.use((own) =>
        Effect.gen(function* () {
          yield* own`
            INSERT INTO history (branch, operation_id, description)
            SELECT 'tbilisi', n, CASE n % 2
              WHEN 0 THEN 'Мария Ли изменила mileage с 1 на 2 в авто №0'
              ELSE 'Мария Ли создала платёж №' || n || ', приход наличными 30.0USD' END
            FROM generate_series(1, 1000) AS n
          `
          yield* own`SELECT pg_stat_force_next_flush()`
        }).pipe(own.withTransaction)
      ).pipe(Effect.provide(Layer.unwrap(session)))
      const [after] = yield* read
      assert.isBelow((after?.rows ?? 0) - (before?.rows ?? 0), 100)
    })
  )
})
