/** Several processes on one database, none of a cluster: one works, and the others stand by. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { allProcessed, events, until } from "../support/tables.ts"
import { asked, changed, isAsOne, kill, littleQuota, manyCars, present, start } from "./processes.ts"
import { addressOf, type Program, said, serve, settings } from "./program.ts"

const simulator = Simulator.layer({ readsPerMinute: 100_000, tokensPerMinute: 100_000 })
const surroundings = Layer.mergeAll(testDatabase, simulator, FetchHttpClient.layer)

const standsBy = (program: Program) => said(program, "stands by, because")

/** As a process says whether it is ready. */
const ready = (program: Program) =>
  Effect.map(HttpClient.get(`${addressOf(program)}/health/ready`), ({ status }) => status)

describe.concurrent("a process that stands by", () => {
  it.live(
    "takes webhooks, is ready, calls nobody, and takes over from one that is killed, and from one that ends",
    () =>
      Effect.gen(function* () {
        yield* manyCars
        const given = { ...(yield* settings), ...littleQuota }
        const first = yield* serve(given)
        const second = yield* start(given)
        yield* standsBy(second)
        yield* until(ready(second), (status) => status === 200)
        for (const id of [141, 142, 143]) {
          const { status } = yield* HttpClientRequest.post(`${addressOf(second)}/webhooks/rentprog`).pipe(
            HttpClientRequest.bodyJsonUnsafe({ event: "car_update", payload: { id, company_id: 9247 } }),
            HttpClient.execute
          )
          assert.strictEqual(status, 200)
        }
        yield* allProcessed
        assert.deepStrictEqual(
          (yield* present).map(({ branches, listens, role }) => [role, branches.length, listens]),
          [
            ["working", 4, true],
            ["standing by", 0, false]
          ]
        )

        yield* kill(first)
        yield* said(second, "takes over")
        yield* changed(144, 145)
        yield* allProcessed

        const third = yield* start(given)
        yield* standsBy(third)
        yield* second.signal("SIGTERM")
        assert.deepStrictEqual(yield* second.exit, { code: 0, signal: null })
        yield* said(third, "takes over")
        yield* changed(146)
        yield* allProcessed
        yield* isAsOne
        assert.deepStrictEqual([first.stderr(), second.stderr(), third.stderr()], ["", "", ""])
      }).pipe(Effect.scoped, Effect.provide(surroundings))
  )

  it.live("takes over from one that is frozen, which calls nobody when it thaws", () =>
    Effect.gen(function* () {
      yield* manyCars
      const given = { ...(yield* settings), ...littleQuota }
      const first = yield* serve(given)
      const second = yield* start(given)
      yield* standsBy(second)
      // The last ones wait for quota in the memory of the first process.
      yield* changed(141, 142, 143, 144, 145, 146, 147)
      yield* until(events, (rows) => rows.filter(({ processed }) => processed).length >= 4)
      yield* first.signal("SIGSTOP")
      yield* said(second, "takes over")
      yield* allProcessed
      yield* first.signal("SIGCONT")
      yield* standsBy(first)
      yield* changed(148)
      yield* allProcessed
      assert.strictEqual(yield* asked, 8)
      yield* isAsOne
      yield* first.signal("SIGTERM")
      assert.deepStrictEqual(yield* first.exit, { code: 0, signal: null })
      assert.deepStrictEqual([first.stderr(), second.stderr()], ["", ""])
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )
})
