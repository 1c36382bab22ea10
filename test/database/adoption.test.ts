/** Rows that stood here before Jarvis: tables as companies have them, and what becomes of their rows. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { adopt } from "../../src/database/adoption.ts"
import { insertEntry, mirrored, whileOpen } from "../support/history.ts"
import { notifiedBy } from "../support/rows.ts"
import { emptyDatabase, migrated } from "../support/TestDatabase.ts"
import { company } from "./company.ts"

const quietly = adopt(() => Effect.void)

/** How events stand, by what they stood for before. */
const standing = PgClient.PgClient.use(
  (sql) => sql<{ readonly was: string; readonly state: string; readonly count: number }>`
    SELECT events.was, row_state(events.processed, events.ok, events.reason, events.next_attempt_at) AS state,
      count(*)::int AS count
    FROM events GROUP BY 1, 2 ORDER BY 1, 2
  `
)

const unseen = PgClient.PgClient.use(
  (sql) => sql`SELECT FROM events WHERE events.processed IS NOT TRUE AND events.next_attempt_at IS NULL`
).pipe(Effect.map((rows) => rows.length))

describe("adoption", () => {
  it.live("rows wait untouched until it is their turn, and end as rows like any other", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* company({ events: 1000 })
      const done = sql`SELECT * FROM events WHERE events.processed ORDER BY events.id`
      const before = yield* done
      yield* migrated
      const due =
        yield* sql`SELECT FROM events WHERE NOT events.processed AND events.next_attempt_at < 'infinity'`
      assert.strictEqual(due.length, 0, "nothing is due before it was read")

      const told: Array<readonly [string, number]> = []
      const left = yield* adopt((table, rows) => Effect.sync(() => told.push([table, rows])))
      assert.deepStrictEqual(left, [])
      assert.deepStrictEqual(yield* standing, [
        { was: "done", state: "processed", count: 250 },
        { was: "nonsense", state: "parked", count: 250 },
        { was: "untold", state: "pending", count: 250 },
        { was: "waiting", state: "pending", count: 250 }
      ])
      assert.deepStrictEqual(
        told.filter(([table]) => table === "events"),
        [
          ["events", 250],
          ["events", 500],
          ["events", 750],
          ["events", 1000]
        ],
        "in batches; the done ones have no number of attempts, which they get"
      )
      const after = yield* done
      for (const [n, row] of before.entries())
        assert.deepEqual(after[n], { ...after[n], ...row, attempts: 0 })

      const nulls = sql`INSERT INTO events (type, processed, attempts) VALUES ('car_update', NULL, NULL)`
      yield* nulls
      const loose = yield* sql`
        SELECT attname FROM pg_attribute
        WHERE attrelid = to_regclass('events') AND attname IN ('processed', 'attempts') AND NOT attnotnull
      `
      assert.deepStrictEqual(loose, [], "from now on none may be null, as the contract says")
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("goes on where it stopped, and two at once do no row twice", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* company({ events: 2000 })
      yield* migrated
      yield* sql`SELECT adopt_rows('events', 100)`
      yield* sql`SELECT adopt_rows('events', 100)`
      const [reached] =
        yield* sql`SELECT adoptions.reached FROM adoptions WHERE adoptions.table_name = 'events'`
      assert.deepStrictEqual(reached, { reached: "200" })
      assert.strictEqual(yield* unseen, 1500 - 150)
      yield* Effect.all([quietly, quietly], { concurrency: "unbounded" })
      yield* quietly
      assert.strictEqual(yield* unseen, 0)
      const [count] = yield* sql`SELECT count(*)::int AS all FROM events`
      assert.deepStrictEqual(count, { all: 2000 })
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("tells of a branch once for a batch, and not of each row", () =>
    Effect.gen(function* () {
      yield* company({ events: 200 })
      yield* migrated
      const { payloads } = yield* notifiedBy(quietly)
      assert.deepStrictEqual(payloads, ["0|tbilisi||"])
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("a row that somebody holds holds up no other, and has its turn afterwards", () =>
    Effect.gen(function* () {
      yield* company({ events: 400 })
      yield* migrated
      const left = yield* whileOpen("SELECT FROM events WHERE id = 2 FOR UPDATE", quietly)
      assert.deepStrictEqual(left, ["events"])
      assert.strictEqual(yield* unseen, 1)
      assert.deepStrictEqual(yield* quietly, [])
      assert.strictEqual(yield* unseen, 0)
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("a row that refuses to be updated says so beside the table, and is tried again later", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* company({ events: 400 })
      yield* migrated
      yield* sql`ALTER TABLE events ADD CONSTRAINT old_rule CHECK (id <> 2) NOT VALID`
      assert.deepStrictEqual(yield* quietly, ["events"])
      assert.strictEqual(yield* unseen, 1)
      const refusals = sql`SELECT source, source_id::int AS id, attempts, why FROM row_refusals`
      const [refusal, ...others] = yield* refusals
      assert.deepStrictEqual(others, [])
      assert.deepInclude(refusal, { source: "event", id: 2, attempts: 1 })
      assert.include(JSON.stringify(refusal), "old_rule")

      assert.deepStrictEqual(yield* quietly, ["events"])
      assert.deepInclude((yield* refusals)[0], { attempts: 1 }, "its time has not come")
      yield* sql`ALTER TABLE events DROP CONSTRAINT old_rule`
      yield* sql`UPDATE row_refusals SET next_attempt_at = now()`
      assert.deepStrictEqual(yield* quietly, [])
      assert.deepStrictEqual([yield* unseen, yield* refusals], [0, []])
    }).pipe(Effect.provide(emptyDatabase))
  )

  it.live("entries of the log are read and applied, and set no record back", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* company({ events: 0 })
      yield* migrated
      // Before anything is adopted, records count as fetched just now.
      const change = (to: number, id: number) =>
        insertEntry({
          description: `Мария Ли изменила mileage с 1 на ${to} в авто № ${id}`,
          created_at: new Date(Date.now() - 100 * 24 * 3600 * 1000).toISOString()
        })
      assert.deepInclude(yield* change(5, 7), { processed: true, reason: "superseded" })
      assert.deepInclude(yield* mirrored("cars", "7"), { mileage: 1000 })
      yield* quietly
      const [car] = yield* sql<{ readonly same: boolean }>`
        SELECT cars.fetched_at = cars.updated_at AS same FROM cars WHERE cars.rentprog_id = '7'
      `
      assert.deepStrictEqual(car, { same: true })
      assert.deepInclude(yield* change(6, 7), { processed: true, reason: "superseded" })
      assert.deepInclude(yield* mirrored("cars", "7"), { mileage: 1000 }, "100 days are older than 10")
      yield* insertEntry({
        description: "Мария Ли изменила mileage с 1000 на 2000 в авто № 7",
        created_at: new Date(Date.now() - 24 * 3600 * 1000).toISOString()
      })
      assert.deepInclude(yield* mirrored("cars", "7"), { mileage: 2000 }, "one day is newer than 10")
      // What stood in the log already was applied by the same rule.
      const rows = yield* sql`
        SELECT history.description, history.processed FROM history WHERE history.id <= 3 ORDER BY history.id
      `
      assert.deepStrictEqual(
        rows.map((row) => row["processed"]),
        [true, false, true]
      )
      assert.deepInclude(yield* mirrored("payments", "9"), { amount: 30, currency: "USD" })
      // A record without a time of its own counts as fetched at the migration.
      const [client] = yield* sql<{ readonly same: boolean }>`
        SELECT clients.fetched_at = (SELECT adoptions.began_at FROM adoptions WHERE adoptions.table_name = 'clients') AS same
        FROM clients WHERE clients.rentprog_id = '1'
      `
      assert.deepStrictEqual(client, { same: true })
    }).pipe(Effect.provide(emptyDatabase))
  )
})
