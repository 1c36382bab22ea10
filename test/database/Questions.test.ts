/** What people ask of RentProg, whichever process they ask. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Questions } from "../../src/database/Questions.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { RentprogId } from "../../src/domain/Entity.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

const tests = Questions.layer.pipe(Layer.provideMerge(testDatabase))

const ask = Questions.use(({ ask }) =>
  ask(Branch.make("tbilisi"), { entityType: "car", entityId: RentprogId.make("7") })
)
const take = Questions.use(({ take }) => take)
const left = PgClient.PgClient.use((sql) => sql`SELECT id FROM jarvis_questions`)

describe("a question", () => {
  it.live("is given out once, answered to whoever asked, and gone then", () =>
    Effect.gen(function* () {
      const { answer } = yield* Questions
      const asking = yield* Effect.forkChild(Effect.all([ask, ask], { concurrency: "unbounded" }))
      const one = yield* until(take, ({ length }) => length > 0)
      yield* until(left, ({ length }) => length === 2)
      const [first, second, ...others] = [...one, ...(yield* take)]
      if (first === undefined || second === undefined) return assert.fail("not both were given out")
      assert.lengthOf(others, 0)
      assert.lengthOf(yield* take, 0)
      assert.deepInclude<unknown>(first, { branch: "tbilisi", record: { entityType: "car", entityId: "7" } })
      yield* answer(second, { has: null, reason: "paused\0" })
      yield* answer(first, { has: true, reason: null })
      const answers = yield* Fiber.join(asking)
      assert.sameDeepMembers(
        [...answers],
        [
          { has: true, reason: null },
          { has: null, reason: "paused" }
        ]
      )
      assert.lengthOf(yield* left, 0)
      // Nobody waits for it.
      yield* answer(first, { has: true, reason: null })
    }).pipe(Effect.provide(tests))
  )

  it.live("of which the asker has gone is given to nobody, nor one that is old", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const asking = yield* Effect.forkChild(ask)
      yield* until(left, ({ length }) => length === 1)
      yield* Fiber.interrupt(asking)
      assert.lengthOf(yield* left, 0)
      yield* sql`
        INSERT INTO jarvis_questions (branch, entity_type, entity_id, asked_at) VALUES
          ('tbilisi', 'car', '1', now() - interval '21 seconds'), ('tbilisi', 'car', '2', now() - interval '2 hours')
      `
      assert.lengthOf(yield* take, 0)
      const again = yield* Effect.forkChild(ask)
      // The oldest was forgotten.
      yield* until(take, ({ length }) => length === 1)
      assert.lengthOf(yield* left, 2)
      yield* Fiber.interrupt(again)
    }).pipe(Effect.provide(tests))
  )

  it.effect("that nobody answers is over after 20 seconds", () =>
    Effect.gen(function* () {
      const asking = yield* Effect.forkChild(ask)
      yield* Effect.repeat(left, { until: ({ length }) => length === 1 })
      yield* TestClock.adjust("21 seconds")
      assert.deepStrictEqual(yield* Fiber.join(asking), {
        has: null,
        reason: "there was no answer within 20 seconds"
      })
      assert.lengthOf(yield* left, 0)
    }).pipe(Effect.provide(tests))
  )
})
