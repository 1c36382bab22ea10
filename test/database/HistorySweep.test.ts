/** A sweep is fair: what waits for records costs it nothing, and what somebody holds keeps nobody else waiting. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { inject } from "vitest"
import { History } from "../../src/database/History.ts"
import type { Policy } from "../../src/database/retryHistory.ts"
import { whileOpen } from "../support/history.ts"
import { size } from "../support/size.ts"
import { fresh, insert, makeDue, mileage, numbers, rows, tests } from "./waiting.ts"

const inADay: Policy = () => Effect.succeed(Duration.days(1))
const retry = History.use((history) => history.retry(inADay))
const ask = History.use((history) => history.askForMissing)

/** Many, but tables with a column for every word are slow. */
const many = inject("schema") === "public" ? size({ long: 5000, usual: 1500 }) : 500

/** Entries that wait for as many cars; the first of them is 1. */
const wait = PgClient.PgClient.use(
  (sql) => sql`
    INSERT INTO history (branch, description)
    SELECT 'tbilisi', 'Иван Петров изменил , mileage с 100 на 200 в авто № ' || n FROM generate_series(1, ${many}::int) AS n
  `
)

/** Which rows of the log there are, in which versions. */
const versions = PgClient.PgClient.use(
  (sql) => sql`
    SELECT history.id::text, history.xmin::text AS version, history.revision FROM history
    WHERE history.reason LIKE 'entity\\_not\\_found%' ORDER BY history.id
  `
)

/** A payment that failed, and is due. */
const failedPayment = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const [id] = yield* insert({ description: "Иван Петров создал платёж №7, расход наличными 60.0GEL" })
  yield* sql`DELETE FROM entity_timeline WHERE entity_timeline.entity_type = 'payment'`
  yield* sql`
    UPDATE history
    SET processed = false, ok = false, reason = 'database_error: lock', attempts = 1, revision = revision + 1,
      next_attempt_at = now() - interval '1 second'
    WHERE id = ${id ?? ""}::text::bigint
  `
  return id
})

layer(tests, { excludeTestServices: true })("thousands of entries that wait for records", (it) => {
  it.effect("are rewritten by no sweep, and keep no due payment waiting", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* wait
      // An hour passes.
      const sql = yield* PgClient.PgClient
      yield* sql`UPDATE history SET revision = revision + 1, next_attempt_at = next_attempt_at - interval '1 hour'`
      const payment = yield* failedPayment
      const before = yield* versions
      assert.lengthOf(before, many)
      const { due, outcomes } = yield* retry
      assert.deepStrictEqual(
        [due, outcomes.map(({ id, processed }) => [id, processed])],
        [1, [[payment, true]]]
      )
      assert.strictEqual((yield* retry).due, 0)
      // The records are asked for a thousand at a time, and no more often than once.
      for (let asked = 0; asked < many; asked += 1000) {
        assert.strictEqual(yield* ask, Math.min(1000, many - asked))
      }
      assert.strictEqual(yield* ask, 0)
      assert.deepStrictEqual(yield* versions, before)
    })
  )

  it.effect("of an old version, which are all due, come after all others and are moved once", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* wait
      yield* makeDue
      const payment = yield* failedPayment
      assert.strictEqual((yield* retry).outcomes[0]?.id, payment)
      for (let left = many; left > 0; left -= 100) yield* retry
      const soon = yield* sql`
        SELECT FROM history WHERE NOT processed AND next_attempt_at < now() + interval '23 hours'
      `
      assert.lengthOf(soon, 0)
      const before = yield* versions
      assert.deepStrictEqual(yield* retry, { due: 0, stuck: 0, locked: 0, outcomes: [] })
      assert.deepStrictEqual(yield* versions, before)
    })
  )

  it.effect("are parked when RentProg lacks their records as well, and those alone are written", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* wait
      yield* ask
      const before = yield* versions
      yield* sql`
        UPDATE events
        SET revision = revision + 1, attempts = 5, ok = false, reason = 'rentprog_not_found: gone', next_attempt_at = 'infinity'
        WHERE ext_id IN ('1', '2')
      `
      yield* ask
      const after = yield* versions
      assert.deepStrictEqual(after.slice(2), before.slice(2))
      const parked =
        yield* sql`SELECT entity_id FROM history WHERE next_attempt_at = 'infinity' ORDER BY history.id`
      assert.deepStrictEqual<unknown>(parked, [{ entity_id: "1" }, { entity_id: "2" }])
      yield* ask
      assert.deepStrictEqual(yield* versions, after)
    })
  )
})

layer(tests, { excludeTestServices: true })("rows that somebody holds", (it) => {
  it.effect("are passed over and counted, and the others are done", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const ids = yield* insert(...numbers(1, 5).map((n) => ({ description: mileage(n) })))
      yield* makeDue
      const held = yield* whileOpen(
        `SELECT FROM history WHERE id IN (${ids[1]}, ${ids[3]}) FOR UPDATE`,
        Effect.all([retry, retry, ask])
      )
      const [first, second, asked] = held
      assert.deepStrictEqual(
        [first.outcomes.map(({ id }) => id), first.locked],
        [[ids[0], ids[2], ids[4]], 2]
      )
      assert.deepStrictEqual(second, { due: 0, stuck: 0, locked: 2, outcomes: [] })
      assert.strictEqual(asked, 5)
      yield* sql`SELECT 1`
      const after = yield* retry
      assert.deepStrictEqual([after.outcomes.map(({ id }) => id), after.locked], [[ids[1], ids[3]], 0])
    })
  )

  it.effect("of a car cost a sweep one wait, and the rows of other cars are done", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO cars (rentprog_id, branch) VALUES ('1', 'tbilisi'), ('2', 'tbilisi')`
      yield* sql`ALTER TABLE history DISABLE TRIGGER auto_process_history_trigger`
      yield* insert(
        ...numbers(1, 99).map((n) => ({
          description: mileage(n === 50 ? 2 : 1, n),
          created_at: `2026-03-01T10:00:${n % 60}Z`
        }))
      )
      yield* sql`ALTER TABLE history ENABLE TRIGGER auto_process_history_trigger`
      // With a wait for each row this would outlast the test.
      const { outcomes } = yield* whileOpen("SELECT FROM cars WHERE rentprog_id = '1' FOR UPDATE", retry)
      assert.deepStrictEqual(
        outcomes.flatMap(({ entity_id, processed }) => (processed ? [entity_id] : [])),
        ["2"]
      )
      for (const row of (yield* rows).filter(({ done }) => !done)) {
        assert.match(row.reason ?? "", /^database_error: canceling statement due to lock timeout/)
      }
      yield* makeDue
      assert.isTrue((yield* retry).outcomes.every(({ processed }) => processed))
    })
  )
})
