/** Rows of another system's tables of which not even a note could be written. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { copySince, forward, forwardNoLonger } from "../../src/database/forwarding.ts"
import {
  count,
  dueNow,
  insertOne,
  inTransaction,
  oldEvents,
  swept,
  table,
  written
} from "../support/forwarded.ts"
import { whileOpen } from "../support/history.ts"
import { run } from "../support/refusing.ts"
import { quiet } from "../support/rows.ts"
import { schema, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

/** What `statements` write, no table takes, nor a note of it. */
const lose = (...statements: ReadonlyArray<string>) =>
  run(
    "ALTER TABLE forward_misses RENAME TO gone",
    "ALTER TABLE events ADD CONSTRAINT none CHECK (false) NOT VALID",
    "ALTER TABLE history ADD CONSTRAINT none CHECK (false) NOT VALID",
    ...statements,
    "ALTER TABLE events DROP CONSTRAINT none",
    "ALTER TABLE history DROP CONSTRAINT none",
    "ALTER TABLE gone RENAME TO forward_misses"
  )

/** Transactions of other tests may be open meanwhile. */
const looked = until(swept, (wrong) => !wrong?.some((one) => one.includes("open now")))

const upsert = (mileage: number, ts = "clock_timestamp()") =>
  `INSERT INTO crm.events (company_id, type, rentprog_id, payload) VALUES (9247, 'car_update', '7', '{"id": 7, "mileage": ${mileage}}')
   ON CONFLICT (company_id, type, rentprog_id) DO UPDATE SET payload = excluded.payload, ts = ${ts}`

const sentences = PgClient.PgClient.use(
  (sql) => sql<{ readonly said: string }>`SELECT history.description AS said FROM history ORDER BY history.id`
).pipe(Effect.map((rows) => rows.map(({ said }) => said)))

layer(testDatabase, { timeout: "2 minutes", excludeTestServices: true })("a row that was lost", (it) => {
  it.effect("is found by its ts, and once", () =>
    Effect.gen(function* () {
      yield* table(oldEvents)
      yield* lose(insertOne)
      assert.strictEqual(yield* count, 0)
      assert.deepStrictEqual(yield* looked, [])
      assert.strictEqual(yield* count, 1)
      yield* swept
      assert.strictEqual(yield* count, 1)
    }).pipe(Effect.provide(quiet))
  )

  it.effect.each(["timestamp", "timestamptz"])("is found where it overwrote another: %s", (type) =>
    Effect.gen(function* () {
      yield* table(oldEvents.replace("ts timestamp", `ts ${type}`))
      yield* run(upsert(1))
      yield* lose(upsert(2))
      assert.deepStrictEqual(yield* looked, [])
      assert.deepStrictEqual(
        (yield* written).map(({ payload }) => payload),
        [
          { id: 7, mileage: 1 },
          { id: 7, mileage: 2 }
        ]
      )
    }).pipe(Effect.provide(quiet))
  )

  it.effect("brings none along that is older", () =>
    Effect.gen(function* () {
      yield* table(oldEvents.replace("ts timestamp", "ts timestamptz"))
      yield* run(
        insertOne.replace("payload)", "payload, ts)").replace("}')", "}', now() - interval '1 day')")
      )
      yield* lose(upsert(1))
      yield* looked
      assert.strictEqual(yield* count, 2)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("is told of where it left its ts as it was, until somebody says that it is well", () =>
    Effect.gen(function* () {
      yield* table(oldEvents)
      yield* run(upsert(1))
      yield* lose(upsert(2, "crm.events.ts"))
      const says = [
        "a row may be lost that nobody can find, because its ts does not tell: compare, then run jarvis forward crm.events"
      ]
      assert.deepStrictEqual(yield* looked, says)
      assert.deepStrictEqual(yield* swept, says)
      yield* forward(yield* schema, ["crm.events"], false)
      assert.deepStrictEqual(yield* swept, [])
    }).pipe(Effect.provide(quiet))
  )

  const withTs = (ts: string, id = "gen_random_uuid()") =>
    `INSERT INTO crm.events (id, ts, company_id, type, payload) VALUES (${id}, ${ts}, 9247, 'car_update', '{"id": 5}')`
  const untold: ReadonlyArray<readonly [why: string, insert: string]> = [
    ["it has no ts", withTs("NULL")],
    ["it has no id", withTs("now()", "NULL")],
    ["it is older than those that are looked for", withTs("now() - interval '3 days'")],
    ["its ts has no date", withTs("'-infinity'")]
  ]
  it.effect.each(untold)("is told of where %s", ([, insert]) =>
    Effect.gen(function* () {
      yield* table(
        oldEvents.replace("id uuid PRIMARY KEY", "id uuid UNIQUE").replace("ts timestamp", "ts timestamptz")
      )
      yield* lose(insert)
      const says = [
        "a row may be lost that nobody can find, because its ts does not tell: compare, then run jarvis forward crm.events"
      ]
      assert.deepStrictEqual(yield* looked, says)
      assert.strictEqual(yield* count, 0)
    }).pipe(Effect.provide(quiet))
  )

  it.effect.each(["timestamp", "timestamptz"])("is found where the writer's clock is behind: %s", (type) =>
    Effect.gen(function* () {
      yield* table(oldEvents.replace("ts timestamp", `ts ${type}`))
      yield* run(upsert(1))
      yield* lose(upsert(2, "clock_timestamp() - interval '30 minutes'"))
      assert.deepStrictEqual(yield* looked, [])
      assert.deepInclude((yield* written).at(-1), { payload: { id: 7, mileage: 2 } })
    }).pipe(Effect.provide(quiet))
  )

  it.effect("is found where its time has no zone, and its writer had another one", () =>
    Effect.gen(function* () {
      yield* table(oldEvents)
      yield* run(upsert(1))
      yield* inTransaction(lose("SET LOCAL TimeZone = 'Pacific/Midway'", upsert(2)))
      assert.deepStrictEqual(yield* looked, [])
      assert.deepInclude((yield* written).at(-1), { payload: { id: 7, mileage: 2 } })
    }).pipe(Effect.provide(quiet))
  )

  it.effect("is told of where its table is forwarded no longer before it was found", () =>
    Effect.gen(function* () {
      yield* table(oldEvents)
      yield* lose(insertOne)
      const [removed] = yield* forwardNoLonger(yield* schema, ["crm.events"])
      assert.isTrue(removed?.mayLack)
      yield* table(oldEvents)
      const [again] = yield* forwardNoLonger(yield* schema, ["crm.events"])
      assert.isFalse(again?.mayLack)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("is looked for when whoever wrote it has ended", () =>
    Effect.gen(function* () {
      yield* table(oldEvents)
      yield* run(
        "ALTER TABLE forward_misses ADD CONSTRAINT none CHECK (false) NOT VALID",
        "ALTER TABLE events ADD CONSTRAINT none CHECK (false) NOT VALID"
      )
      const wrong = yield* whileOpen(insertOne, swept)
      assert.deepStrictEqual(wrong, [
        "rows of crm.events may be lost: they are looked for when the transactions that are open now have ended"
      ])
      yield* run("ALTER TABLE forward_misses DROP CONSTRAINT none", "ALTER TABLE events DROP CONSTRAINT none")
      assert.deepStrictEqual(yield* looked, [])
      assert.strictEqual(yield* count, 1)
    }).pipe(Effect.provide(quiet))
  )

  const unfindable: ReadonlyArray<readonly [why: string, columns: string]> = [
    [
      "crm.events has no column ts, which --since is compared with",
      oldEvents.replace(" ts timestamp", " at timestamp")
    ],
    [
      "crm.events has no unique index on id alone, in whose order --since could go through its rows",
      oldEvents.replace("id uuid PRIMARY KEY", "id uuid")
    ]
  ]
  it.effect.each(unfindable)("is told of where it cannot be found: %s", ([why, columns]) =>
    Effect.gen(function* () {
      yield* table(columns)
      yield* lose(insertOne)
      const says = [
        `a row of crm.events may be lost, which cannot be looked for: ${why}; mend that, or compare and run jarvis forward crm.events`
      ]
      assert.deepStrictEqual(yield* looked, says)
      assert.deepStrictEqual(yield* swept, says)
      yield* forward(yield* schema, ["crm.events"], false)
      assert.deepStrictEqual(yield* swept, [])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("an entry of the log that is copied, missed and lost is written once", () =>
    Effect.gen(function* () {
      yield* table(
        "id int PRIMARY KEY, description text, ts timestamptz DEFAULT clock_timestamp()",
        "history"
      )
      const source = { source: "crm.history", target: "history" } as const
      yield* run(
        "ALTER TABLE history ADD CONSTRAINT none CHECK (false) NOT VALID",
        "INSERT INTO crm.history (id, description) VALUES (1, 'one'), (2, 'two')",
        "ALTER TABLE history DROP CONSTRAINT none"
      )
      yield* copySince(source, "2025-01-01", null)
      yield* dueNow
      yield* swept
      yield* run("UPDATE crm.history SET description = 'three', ts = clock_timestamp() WHERE id = 1")
      yield* lose("UPDATE crm.history SET description = 'four', ts = clock_timestamp() WHERE id = 2")
      yield* looked
      yield* copySince(source, "2025-01-01", "2025-01-01")
      assert.deepStrictEqual(yield* sentences, ["one", "two", "three", "four"])
    }).pipe(Effect.provide(quiet))
  )
})
