import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { about, allProcessed, insert, until } from "../support/tables.ts"
import { allIsWell, processed, receive } from "./load.ts"
import { PostgresServer, restartable } from "./PostgresServer.ts"
import { said, serve, settings } from "./program.ts"

const simulator = Simulator.layer({ readsPerMinute: 100_000, tokensPerMinute: 100_000 })

describe.concurrent("a database", () => {
  it.live("that is restarted under load costs no event, and the service goes on", () =>
    Effect.gen(function* () {
      const webhooks = 300
      const postgres = yield* PostgresServer
      const program = yield* serve({ ...(yield* settings), EVENTS_FALLBACK_INTERVAL: "500 millis" })
      const receiving = yield* Effect.forkScoped(receive(webhooks))
      yield* until(processed, (count) => count >= webhooks / 5)
      yield* postgres.kill
      yield* postgres.start
      yield* Fiber.join(receiving)
      yield* allIsWell(webhooks)
      assert.isTrue(program.isRunning())
      yield* program.signal("SIGTERM")
      assert.deepStrictEqual(yield* program.exit, { code: 0, signal: null })
    }).pipe(Effect.scoped, Effect.provide([restartable, simulator]))
  )

  it.live("that is gone for a while does not end the service", () =>
    Effect.gen(function* () {
      const postgres = yield* PostgresServer
      const { put } = yield* Simulator
      yield* put("car", { id: 1, company_id: 9247 })
      yield* put("car", { id: 2, company_id: 9247 })
      const program = yield* serve({ ...(yield* settings), EVENTS_FALLBACK_INTERVAL: "500 millis" })
      yield* insert(about("car_update", 1))
      yield* allProcessed
      yield* postgres.kill
      yield* said(program, "listener lost its connection, connects again")
      yield* said(program, "event fallback failed, starts again in")
      yield* postgres.start
      yield* said(program, "Event processor listens again, sweeps what it missed")
      yield* insert(about("car_update", 2))
      yield* allProcessed
      assert.isTrue(program.isRunning())
    }).pipe(Effect.scoped, Effect.provide([restartable, simulator]))
  )
})
