import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as KnownBranches from "../../src/database/KnownBranches.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { quiet } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = KnownBranches.layer([Branch.make("rustavi")]).pipe(
  Layer.provideMerge(testDatabase),
  Layer.provideMerge(quiet)
)

it.effect("a branch is known by a setting, or by the table branches, a minute after it stands there", () =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const { label } = yield* KnownBranches.KnownBranches
    const labels = () => ["rustavi", "tbilisi", "telavi", "Иван Петров", "", null].map(label)
    assert.deepStrictEqual(labels(), ["rustavi", "tbilisi", "other", "other", "", ""])
    yield* sql`INSERT INTO branches (company_id, code, name) VALUES (1, 'telavi', 'Telavi')`
    yield* TestClock.adjust("1 minute")
    yield* Effect.repeat(sql`SELECT 1`, { until: () => label("telavi") === "telavi" })

    // What cannot be read stays as it was.
    yield* sql`ALTER TABLE branches RENAME TO others`
    yield* TestClock.adjust("1 minute")
    yield* Effect.replicateEffect(sql`SELECT 1`, 20)
    assert.deepStrictEqual(labels(), ["rustavi", "tbilisi", "telavi", "other", "", ""])
  }).pipe(Effect.provide(tests))
)

it("where no layer says which are ours, none is known", () => {
  const { label } = KnownBranches.KnownBranches.defaultValue()
  assert.strictEqual(label("tbilisi"), "other")
})
