/** Which rows are found, and how they are shown. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Fiber, Layer, Option } from "effect"
import { Audit } from "../../src/database/Audit.ts"
import { RowActions } from "../../src/database/RowActions.ts"
import { Rows } from "../../src/database/Rows.ts"
import { type RowFilter, type RowId, type Table, tables } from "../../src/domain/Row.ts"
import { insertEvents, type NewEvent } from "../support/events.ts"
import { insertHistory, whileOpen } from "../support/history.ts"
import { cars, fail, fresh, quiet, succeed, who } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = RowActions.layer.pipe(
  Layer.provideMerge(Layer.merge(Audit.layer, Rows.layer)),
  Layer.provideMerge(testDatabase),
  Layer.provideMerge(quiet)
)

/** The places, from 1, of the rows that are found, among those inserted. */
const found = Effect.fnUntraced(function* (table: Table, filter: RowFilter, ids: ReadonlyArray<RowId>) {
  const rows = yield* Rows
  const page = yield* rows.list(table, filter, { limit: 200 })
  return page.rows.map(({ id }) => ids.indexOf(id) + 1).sort((one, other) => one - other)
})

layer(tests, { excludeTestServices: true })("Rows.list", (it) => {
  it.effect.each<readonly [RowFilter, ReadonlyArray<number>]>([
    [{}, [1, 2, 3, 4, 5, 6]],
    [{ state: "pending" }, [1]],
    [{ state: "waiting" }, [2]],
    [{ state: "parked" }, [5, 6]],
    [{ state: "processed" }, [3]],
    [{ state: "discarded" }, [4]],
    [{ branch: "kutaisi" }, [6]],
    [{ branch: "kutais" }, []],
    [{ branch: "tbilisi", state: "parked" }, []],
    [{ type: "car_update" }, [1, 2, 3, 4, 6]],
    [{ type: "car_explode" }, [5]],
    [{ reason: "rentprog_timeout" }, [2]],
    [{ reason: "rentprog" }, []],
    [{ reason: "discarded" }, [4]],
    [{ reason: "unknown_event_type", state: "parked" }, [5]],
    [{ text: "slow" }, [2]],
    [{ from: DateTime.makeUnsafe("2999-01-01T00:00:00Z") }, []],
    [{ to: DateTime.makeUnsafe("1999-01-01T00:00:00Z") }, []]
  ])("events %j", ([filter, expected]) =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const ids = yield* cars(4)
      yield* fail("events", ids[1])
      yield* succeed("events", ids[2])
      yield* actions.discard({ table: "events", ids: ids.slice(3) }, "sent by hand", who)
      const others = yield* insertEvents([
        { type: "car_explode", ext_id: "5", payload: {}, company_id: 9506 },
        { branch: "kutaisi", type: "car_update", payload: {} }
      ])
      const all = [...ids, ...others.map(({ id }) => id)]
      assert.deepStrictEqual(yield* found("events", filter, all), expected)
    })
  )

  it.effect("from a time on, and up to another", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const ids = yield* cars(3)
      for (const [n, id] of ids.entries()) {
        yield* sql`UPDATE events SET ts = ${`2026-03-0${n + 1}T10:00:00Z`}::timestamptz WHERE id = ${id}::bigint`
      }
      const day = (n: number) => DateTime.makeUnsafe(`2026-03-0${n}T10:00:00Z`)
      assert.deepStrictEqual(yield* found("events", { from: day(2), to: day(3) }, ids), [2])
      assert.deepStrictEqual(yield* found("events", { from: day(2) }, ids), [2, 3])
      assert.deepStrictEqual(yield* found("events", { to: day(2) }, ids), [1])
    })
  )

  it.effect.each<readonly [RowFilter, ReadonlyArray<number>]>([
    [{ type: "car" }, [1]],
    [{ type: "booking", state: "waiting" }, [2]],
    [{ state: "processed" }, [1]],
    [{ reason: "unparsed_description" }, [3]],
    [{ text: "ИВАН ПЕТРОВ" }, [1, 2]],
    [{ text: "op-7" }, [2]]
  ])("history %j", ([filter, expected]) =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id) VALUES ('5')`
      const rows = yield* insertHistory(
        { description: "Иван Петров изменил авто №5" },
        { description: "Иван Петров изменил бронь №6", operation_id: "OP-7" },
        { description: "Пользователь вошёл" }
      )
      const ids = rows.map(({ id }) => id)
      assert.deepStrictEqual(yield* found("history", filter, ids), expected)
    })
  )

  const said: ReadonlyArray<NewEvent> = [
    { type: "car_update", ext_id: "Abc-1", payload: { note: "скидка 100% за_день" } },
    { type: "car_update", payload: '{"name"=>"ПЁТР", "id"=>77}' },
    { type: "car_update", ext_id: "9", payload: { note: "a\\b (c|d) [e] {f} x.y ^$ *+? 日本" } },
    { type: "car_update", ext_id: "10", payload: { note: "1000 zaдень a/b" } }
  ]
  it.effect.each<readonly [string, ReadonlyArray<number>]>([
    ["aBC-1", [1]],
    ["100%", [1]],
    ["за_день", [1]],
    ["ЗА_ДЕНЬ", [1]],
    ["пётр", [2]],
    // As it was received, not as JSON quotes it.
    ['"name"=>"п', [2]],
    ["77", [2]],
    ["(c|d)", [3]],
    ["[E]", [3]],
    ["{f}", [3]],
    ["x.y", [3]],
    ["x?y", []],
    ["^$", [3]],
    ["*+?", [3]],
    ["日本", [3]],
    ["a\\\\b", [3]],
    ["unknown_BRANCH", [1, 2, 3, 4]],
    ["\0", [1, 2, 3, 4]]
  ])("the text %j is found as it stands, in either case", ([text, expected]) =>
    Effect.gen(function* () {
      yield* fresh
      const rows = yield* insertEvents(said)
      const ids = rows.map(({ id }) => id)
      assert.deepStrictEqual(yield* found("events", { text }, ids), expected)
    })
  )

  it.effect("a receipt finds the row that it was given for", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const ids = yield* cars(3)
      const receipt = crypto.randomUUID()
      yield* sql`UPDATE events SET receipt = ${receipt}::uuid WHERE id = ${ids[1] ?? ""}::bigint`
      assert.deepStrictEqual(yield* found("events", { text: receipt.toUpperCase() }, ids), [2])
    })
  )

  it.effect("page by page it is everything once, the newest first", () =>
    Effect.gen(function* () {
      yield* fresh
      const rows = yield* Rows
      const ids = yield* cars(7)
      const pages: Array<ReadonlyArray<string>> = []
      let before: string | undefined
      do {
        const page = yield* rows.list("events", { branch: "tbilisi" }, { before, limit: 3 })
        pages.push(page.rows.map(({ id }) => id))
        before = page.next ?? undefined
      } while (before !== undefined)
      const newest = ids.toReversed()
      assert.deepStrictEqual(pages, [newest.slice(0, 3), newest.slice(3, 6), newest.slice(6)])
      assert.isNull((yield* rows.list("events", {}, { limit: 7 })).next)
    })
  )

  it.effect("rows of any content are shown, what is long is cut, and no time is infinite", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const rows = yield* Rows
      yield* sql`
        INSERT INTO events (ts, branch, type, ext_id, reason, processed, processed_at)
        SELECT ts::timestamptz, repeat('b', 3000), repeat('t', 3000), repeat('e', 3000), repeat('r', 3000), true, ts::timestamptz
        FROM unnest('{infinity,-infinity,NULL,0001-01-01 BC,200000-01-01}'::text[]) AS ts
      `
      yield* sql`
        INSERT INTO history (ts, description, entity_type, entity_id, operation_type, processed)
        VALUES (NULL, repeat('d', 3000), repeat('e', 3000), repeat('i', 3000), repeat('o', 3000), true)
      `
      for (const table of tables) {
        const page = yield* rows.list(table, {}, {})
        for (const row of page.rows) {
          assert.isBelow(JSON.stringify(row).length, 3000)
          assert.isTrue(Option.isSome(yield* rows.one(table, row.id)))
        }
      }
    })
  )

  it.effect("a table that somebody holds", () =>
    Effect.gen(function* () {
      const rows = yield* Rows
      const error = yield* whileOpen("LOCK TABLE events", Effect.flip(rows.list("events", {}, {})))
      assert.strictEqual(error.why, "locked")
    })
  )

  it.effect("three searches run at a time, and leave the other connections to others", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = yield* Rows
      const waiting = Effect.map(
        sql`SELECT FROM pg_locks WHERE NOT granted AND relation = 'events'::regclass`,
        ({ length }) => length
      )
      const searches = Effect.all(
        Array.from({ length: 8 }, () => Effect.exit(rows.list("events", {}, {}))),
        { concurrency: "unbounded" }
      )
      yield* whileOpen(
        "LOCK TABLE events",
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(searches)
          yield* Effect.repeat(waiting, { until: (count) => count >= 3 })
          const counts = yield* Effect.replicateEffect(waiting, 50)
          assert.strictEqual(Math.max(...counts), 3)
          yield* Fiber.interrupt(fiber)
        })
      )
    })
  )

  it.effect("a search that takes longer than 10 s ends", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const rows = yield* Rows
      yield* cars(1)
      yield* sql`ALTER TABLE events RENAME TO slow_events`
      yield* sql`CREATE VIEW events AS SELECT * FROM slow_events WHERE pg_sleep(60) IS NOT NULL`
      const error = yield* Effect.flip(rows.list("events", { text: "a" }, {}))
      yield* sql`DROP VIEW events`
      yield* sql`ALTER TABLE slow_events RENAME TO events`
      assert.strictEqual(error.why, "too slow")
    })
  )
})
