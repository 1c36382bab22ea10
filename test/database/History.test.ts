import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber } from "effect"
import { History } from "../../src/database/History.ts"
import type { Policy } from "../../src/database/retryHistory.ts"
import { HistoryId } from "../../src/domain/History.ts"
import { arriveQuietly, fresh, insert, makeDue, mileage, numbers, rows, tbilisi, tests } from "./waiting.ts"

const park: Policy = () => Effect.succeed(null)
const inAnHour: Policy = () => Effect.succeed(Duration.hours(1))
const retry = (policy: Policy = inAnHour) =>
  Effect.map(
    History.use((history) => history.retry(policy)),
    ({ outcomes }) => outcomes
  )

layer(tests, { excludeTestServices: true })("History.retry", (it) => {
  it.effect("takes what is due, the oldest entries first, a hundred at most", () =>
    Effect.gen(function* () {
      yield* fresh
      const waiting = numbers(1, 105).map((n) => ({
        description: mileage(n),
        created_at: new Date(Date.UTC(2026, 2, 2) - n * 1000).toISOString()
      }))
      const ids = yield* insert(...waiting)
      assert.deepStrictEqual(yield* retry(), [])
      yield* makeDue
      assert.deepStrictEqual(
        (yield* retry()).map(({ id }) => id),
        ids.slice(5).reverse()
      )
      assert.deepStrictEqual(
        (yield* retry()).map(({ id }) => id),
        ids.slice(0, 5).reverse()
      )
      assert.deepStrictEqual(yield* retry(), [])
    })
  )

  it.effect("writes down what succeeds, and leaves the parked and the done alone", () =>
    Effect.gen(function* () {
      yield* fresh
      const [waiting, parked] = yield* insert(
        { description: mileage(1) },
        { description: "Пользователь вошёл" },
        { description: "Иван Петров создал платёж №1, расход наличными 60.0GEL" }
      )
      yield* makeDue
      yield* arriveQuietly(1)
      const outcome = {
        id: waiting,
        branch: tbilisi,
        entity_type: "car",
        entity_id: "1",
        processed: true,
        reason: null,
        attempts: 1,
        user_name: "Иван Петров"
      }
      assert.deepStrictEqual<unknown>(yield* retry(), [outcome])
      const [applied, garbage, paid] = yield* rows
      const { branch: _, ...columns } = outcome
      assert.deepStrictEqual<unknown>(applied, { ...columns, ok: true, parked: false, done: true })
      assert.deepStrictEqual([garbage?.id, garbage?.parked, garbage?.attempts], [parked, true, 0])
      assert.deepStrictEqual([paid?.done, paid?.attempts], [true, 0])
      const sql = yield* PgClient.PgClient
      assert.deepStrictEqual<unknown>(yield* sql`SELECT mileage FROM cars`, [{ mileage: "200" }])
    })
  )

  it.effect.each([
    { what: "a record that is missing", to: 200, reason: "entity_not_found: car 1" },
    { what: "a value that does not fit", to: "много", reason: "apply_failed: " }
  ])("writes down what fails again, in the same words each time: $what", ({ reason, to }) =>
    Effect.gen(function* () {
      yield* fresh
      if (to !== 200) yield* arriveQuietly(1)
      yield* insert({ description: mileage(1, to) })
      const [before] = yield* rows
      assert.isDefined(before)
      assert.include(before.reason, reason)
      for (const attempts of numbers(1, 5)) {
        yield* makeDue
        const [outcome] = yield* retry()
        assert.strictEqual(outcome?.attempts, attempts)
        // Nobody but the sweep made an attempt: the trigger would have begun anew at 0.
        assert.deepStrictEqual<unknown>(yield* rows, [{ ...before, ok: false, attempts }])
      }
    })
  )

  it.effect("waits as long as the policy says, and parks where it says so", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const [first] = yield* insert({ description: mileage(1) }, { description: mileage(2) })
      yield* makeDue
      const asked: Array<unknown> = []
      yield* retry((outcome) => {
        asked.push([outcome.id, outcome.attempts, outcome.reason])
        return Effect.succeed(outcome.id === first ? Duration.minutes(90) : null)
      })
      assert.deepStrictEqual(asked[0], [first, 1, "entity_not_found: car 1"])
      assert.deepStrictEqual(
        (yield* rows).map(({ parked }) => parked),
        [false, true]
      )
      // The transaction's now lies between the row's own and the present.
      const soon = yield* sql`SELECT FROM history WHERE id = ${first}::text::bigint
        AND next_attempt_at BETWEEN ts + interval '90 minutes' AND now() + interval '90 minutes'`
      assert.strictEqual(soon.length, 1)
    })
  )

  it.effect("never takes a row that another sweep is at work on", () =>
    Effect.gen(function* () {
      yield* fresh
      const ids = yield* insert(...numbers(1, 150).map((n) => ({ description: mileage(n) })))
      yield* makeDue
      const begun = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(
        retry(() => Effect.as(Effect.andThen(Deferred.succeed(begun, undefined), Deferred.await(end)), null))
      )
      yield* Deferred.await(begun)
      const second = yield* retry(park)
      assert.deepStrictEqual(yield* retry(park), [])
      yield* Deferred.succeed(end, undefined)
      const both = [...(yield* Fiber.join(first)), ...second].map(({ id }) => id)
      assert.deepStrictEqual([second.length, both.length], [50, 150])
      assert.sameMembers(both, ids)
      assert.isTrue((yield* rows).every(({ attempts, parked }) => parked && attempts === 1))
    })
  )
})

layer(tests, { excludeTestServices: true })("History.outcomes", (it) => {
  it.effect("says how rows stand, in the order of their ids", () =>
    Effect.gen(function* () {
      yield* fresh
      const history = yield* History
      const [waits, garbage, done] = yield* insert(
        { description: mileage(1) },
        { description: "Пользователь вошёл", branch: null },
        { description: "Анна Смит создала платёж №7, приход наличными 30.0USD" }
      )
      assert.isDefined(waits)
      assert.isDefined(garbage)
      assert.isDefined(done)
      const all = { processed: false, attempts: 0, branch: tbilisi, user_name: "Иван Петров" }
      const nobody = { entity_type: null, entity_id: null, user_name: null, branch: null }
      assert.deepStrictEqual<unknown>(
        yield* history.outcomes([done, garbage, HistoryId.make("9223372036854775807"), waits]),
        [
          { ...all, id: waits, entity_type: "car", entity_id: "1", reason: "entity_not_found: car 1" },
          { ...all, ...nobody, id: garbage, reason: 'unparsed_description: "Пользователь вошёл"' },
          {
            ...all,
            ...{ id: done, entity_type: "payment", entity_id: "7", user_name: "Анна Смит" },
            ...{ processed: true, reason: null }
          }
        ]
      )
      assert.deepStrictEqual(yield* history.outcomes([]), [])
    })
  )
})
