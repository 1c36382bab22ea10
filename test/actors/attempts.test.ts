import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { about, allProcessed, events, insert, makeDue, mirror, until, wake } from "../support/tables.ts"
import { readsOf } from "./calls.ts"
import { world } from "./world.ts"

/** Waits until an event has made so many attempts, and answers it. */
const attempted = Effect.fnUntraced(function* (id: string, attempts: number) {
  const rows = yield* until(events, (rows) =>
    rows.some((row) => row.id === id && row.ok !== null && row.attempts >= attempts)
  )
  return rows.find((row) => row.id === id)
})

describe.concurrent("attempts", () => {
  it.live("a record that stays away is parked after five, and only then marked as deleted", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 1, company_id: 9247, note: "was here" })
      yield* insert(about("car_update", 1))
      yield* allProcessed
      yield* simulator.destroy("car", 1)

      yield* insert(about("car_update", 1))
      for (const attempt of [1, 2, 3, 4, 5]) {
        const row = yield* attempted("2", attempt)
        assert.deepStrictEqual(
          [row?.code, row?.attempts, row?.parked],
          ["rentprog_not_found", attempt, attempt === 5]
        )
        assert.strictEqual((yield* mirror("car"))[0]?.deleted, attempt === 5)
        yield* makeDue
        yield* wake()
      }
      // What the mirror knew of it stays.
      assert.strictEqual((yield* mirror("car"))[0]?.data?.["note"], "was here")
      assert.strictEqual(yield* readsOf("/cars/1"), 6)
    }).pipe(Effect.provide(world()))
  )

  it.live("a record that the mirror never knew is parked, and the mirror stays without it", () =>
    Effect.gen(function* () {
      yield* insert(about("car_update", 1))
      for (const attempt of [1, 2, 3, 4, 5]) {
        const row = yield* attempted("1", attempt)
        assert.strictEqual(row?.parked, attempt === 5)
        yield* makeDue
        yield* wake()
      }
      assert.deepStrictEqual(yield* mirror("car"), [])
    }).pipe(Effect.provide(world()))
  )

  it.live("a new event about a missing record does not shorten its patience", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      yield* insert(about("car_update", 1))
      yield* allProcessed
      yield* simulator.destroy("car", 1)
      const sql = yield* PgClient.PgClient
      yield* insert(about("car_update", 1))
      yield* attempted("2", 1)
      // The older event's last attempt, made together with the newer one's first.
      yield* sql.withTransaction(
        Effect.andThen(
          sql`UPDATE events SET revision = revision + 1, attempts = 4, next_attempt_at = now() WHERE id = 2`,
          insert(about("car_update", 1))
        )
      )
      assert.isTrue((yield* attempted("2", 5))?.parked)
      assert.isFalse((yield* attempted("3", 1))?.parked)
      assert.isFalse((yield* mirror("car"))[0]?.deleted)
    }).pipe(Effect.provide(world()))
  )

  it.live("of any other failure there are twenty, each after a longer wait", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const sql = yield* PgClient.PgClient
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      yield* simulator.fault(Fault.Status({ status: 503 }), { id: 1 })
      yield* insert(about("car_update", 1))
      yield* attempted("1", 1)
      for (const [attempts, least, most] of [
        [3, 96, 144],
        [5, 384, 576],
        [19, 2880, 4320]
      ] as const) {
        yield* sql`UPDATE events SET revision = revision + 1, attempts = ${attempts - 1}, next_attempt_at = now()`
        yield* wake()
        const row = yield* attempted("1", attempts)
        assert.deepStrictEqual([row?.attempts, row?.parked], [attempts, false])
        // Some of it may be over by now.
        assert.isTrue((row?.wait ?? 0) > least - 20 && (row?.wait ?? 0) <= most, `${attempts}: ${row?.wait}`)
      }
      yield* makeDue
      yield* wake()
      const row = yield* attempted("1", 20)
      assert.deepStrictEqual([row?.code, row?.parked], ["rentprog_unavailable", true])
    }).pipe(Effect.provide(world()))
  )

  it.live("begin anew when a person touches a parked row", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const sql = yield* PgClient.PgClient
      yield* insert(about("car_update", 1))
      yield* attempted("1", 1)
      yield* sql`UPDATE events SET revision = revision + 1, attempts = 4, next_attempt_at = now()`
      yield* wake()
      assert.isTrue((yield* attempted("1", 5))?.parked)
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      yield* sql`UPDATE events SET processed = false WHERE id = 1`
      const [row] = yield* allProcessed
      assert.deepStrictEqual([row?.ok, row?.attempts], [true, 1])
    }).pipe(Effect.provide(world()))
  )
})
