import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { backoff, isSpent, reasons } from "../../src/domain/Reason.ts"
import { testDatabase } from "../support/TestDatabase.ts"

layer(testDatabase)("Reason", (it) => {
  it.effect("the list is the same in SQL and in TypeScript", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = yield* sql<{
        readonly code: string
        readonly attempts: number
      }>`SELECT code, attempts FROM reasons`
      assert.deepStrictEqual(
        Object.fromEntries(rows.map(({ attempts, code }) => [code, attempts ?? Number.POSITIVE_INFINITY])),
        {
          ...reasons
        }
      )
    })
  )

  it.effect("backoff doubles from 30 s to 1 h, with a fifth of jitter either way", () =>
    Effect.gen(function* () {
      for (const [attempts, seconds] of [
        [1, 30],
        [2, 60],
        [3, 120],
        [7, 1920],
        [8, 3600],
        [20, 3600]
      ] as const) {
        const waits = yield* Effect.replicateEffect(backoff(attempts), 200)
        const inSeconds = waits.map(Duration.toSeconds)
        assert.isAtLeast(Math.min(...inSeconds), seconds * 0.8)
        assert.isAtMost(Math.max(...inSeconds), seconds * 1.2)
        assert.isAbove(new Set(inSeconds).size, 100)
      }
    })
  )

  it("a row is parked when its attempts are spent", () => {
    assert.isFalse(isSpent("rentprog_not_found", 4))
    assert.isTrue(isSpent("rentprog_not_found", 5))
    assert.isFalse(isSpent("database_error", 19))
    assert.isTrue(isSpent("database_error", 20))
    assert.isTrue(isSpent("invalid_payload", 1))
  })
})
