/** Several processes on one database, none of a cluster: one works, and the others stand by. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { allProcessed, events, until } from "../support/tables.ts"
import { asked, changed, isAsOne, kill, littleQuota, manyCars, shareOut, start } from "./processes.ts"
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
        const [one, other] = yield* shareOut(2)
        assert.deepStrictEqual([one?.role, one?.branches.length, one?.listens], ["working", 4, true])
        assert.deepStrictEqual([other?.role, other?.pid], ["standing by", second.pid])

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
        yield* isAsOne()
        assert.deepStrictEqual([first.stderr(), second.stderr(), third.stderr()], ["", "", ""])
      }).pipe(Effect.scoped, Effect.provide(surroundings))
  )

  it.live(
    "takes over from one that is frozen, which calls nobody when it thaws and settles nothing twice",
    () =>
      Effect.gen(function* () {
        yield* manyCars
        // Its answer comes while the process that asked is frozen; the next one has to ask again.
        yield* Simulator.use(({ fault }) => fault(Fault.Slow({ delay: "5 seconds" }), { id: 141, times: 1 }))
        const given = { ...(yield* settings), ...littleQuota }
        const first = yield* serve(given)
        const second = yield* start(given)
        yield* standsBy(second)
        // The last ones wait for quota in the memory of the first process.
        yield* changed(141, 142, 143, 144, 145, 146, 147, 148)
        yield* until(events, (rows) => rows.filter(({ processed }) => processed).length >= 5)
        yield* first.signal("SIGSTOP")
        yield* said(second, "takes over")
        yield* allProcessed
        yield* first.signal("SIGCONT")
        yield* standsBy(first)
        // It ends what it has under way.
        yield* first.signal("SIGTERM")
        assert.deepStrictEqual(yield* first.exit, { code: 0, signal: null })
        assert.deepStrictEqual(
          (yield* events).map(({ attempts, ok }) => [ok, attempts]),
          Array.from({ length: 8 }, () => [true, 1])
        )
        assert.strictEqual(yield* asked, 9)
        yield* isAsOne("/cars/141")
        assert.deepStrictEqual([first.stderr(), second.stderr()], ["", ""])
      }).pipe(Effect.scoped, Effect.provide(surroundings))
  )
})
