/** The service that is told to stop while somebody uses its HTTP server. */
import { Agent, request } from "node:http"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer } from "effect"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"
import { addressOf, serve, settings } from "./program.ts"

const agent = Effect.acquireRelease(
  Effect.sync(() => new Agent({ keepAlive: true })),
  (agent) => Effect.sync(() => agent.destroy())
)

const post = (agent: Agent, url: string, body: string) =>
  Effect.callback<number | undefined, Error>((resume) => {
    const headers = { "content-type": "application/json" }
    request(url, { agent, method: "POST", headers }, (response) => {
      response.resume().once("end", () => resume(Effect.succeed(response.statusCode)))
    })
      .once("error", (error) => resume(Effect.fail(error)))
      .end(body)
  })

describe.concurrent("the service that is told to stop", () => {
  it.live("answers a post that is under way, whose rows are there, and closes its connection", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const program = yield* serve(yield* settings)
      const entries = Array.from({ length: 1000 }, (_, n) => ({
        id: n + 1,
        branch: "tbilisi",
        description: "Nobody fetches anything for this."
      }))
      const posting = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`LOCK TABLE history IN SHARE MODE`
          const posting = yield* Effect.forkScoped(
            post(yield* agent, `${addressOf(program)}/webhooks/history`, JSON.stringify(entries))
          )
          yield* until(
            sql<{ readonly waits: boolean }>`
              SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'history'::regclass AND NOT granted) AS waits
            `,
            ([row]) => row?.waits ?? false
          )
          yield* program.signal("SIGTERM")
          // The server listens no more.
          yield* until(
            Effect.result(post(yield* agent, `${addressOf(program)}/webhooks/history`, "[]")),
            ({ _tag }) => _tag === "Failure"
          )
          return posting
        })
      )
      assert.strictEqual(yield* Fiber.join(posting), 200)
      assert.deepStrictEqual(yield* program.exit, { code: 0, signal: null })
      const [row] = yield* sql<{ readonly count: number }>`SELECT count(*)::int AS count FROM history`
      assert.strictEqual(row?.count, entries.length)
      assert.strictEqual(program.stderr(), "")
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(testDatabase, Simulator.layer())))
  )

  it.live("ends the streams of those who watch, in order", () =>
    Effect.gen(function* () {
      const program = yield* serve(yield* settings)
      const watched = Deferred.makeUnsafe<void>()
      const watching = yield* Effect.callback<boolean, Error>((resume) => {
        request(`${addressOf(program)}/api/live`, (response) => {
          response.once("data", () => Deferred.doneUnsafe(watched, Effect.void))
          response.once("close", () => resume(Effect.succeed(response.complete)))
        })
          .once("error", (error) => resume(Effect.fail(error)))
          .end()
      }).pipe(Effect.forkScoped)
      yield* Deferred.await(watched)
      yield* program.signal("SIGTERM")
      // One that was cut is not complete.
      assert.isTrue(yield* Fiber.join(watching))
      assert.deepStrictEqual(yield* program.exit, { code: 0, signal: null })
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(testDatabase, Simulator.layer())))
  )

  it.live("does not wait for a post that never ends", () =>
    Effect.gen(function* () {
      const program = yield* serve(yield* settings)
      yield* Effect.callback<void, Error>((resume) => {
        const headers = { "content-length": "1000", expect: "100-continue" }
        const posting = request(`${addressOf(program)}/webhooks/rentprog`, { method: "POST", headers })
        posting.flushHeaders()
        posting.once("continue", () => {
          // The server reads. There comes half of it.
          posting.write("[".repeat(500))
          resume(Effect.void)
        })
        posting.on("error", (error) => resume(Effect.fail(error)))
        // Node sees one that is cut only where somebody listens.
        posting.on("response", (response) => response.resume().on("error", () => undefined))
      })
      yield* program.signal("SIGTERM")
      assert.deepStrictEqual(yield* program.exit, { code: 0, signal: null })
      assert.strictEqual(program.stderr(), "")
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(testDatabase, Simulator.layer())))
  )

  it.live("does not wait for quota: what has to be fetched stays due", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { calls } = yield* Simulator
      const program = yield* serve({ ...(yield* settings), RENTPROG_READS_PER_MINUTE: "8" })
      const entries = Array.from({ length: 1000 }, (_, n) => ({
        id: n + 1,
        branch: "tbilisi",
        description: `Иван Петров изменил , mileage с 1 на 2 в авто № ${90_000 + n}`
      }))
      const url = `${addressOf(program)}/webhooks/history`
      assert.strictEqual(yield* post(yield* agent, url, JSON.stringify(entries)), 200)
      yield* until(calls, (calls) => calls.filter(({ path }) => path.startsWith("/cars")).length >= 2)
      yield* program.signal("SIGTERM")
      assert.deepStrictEqual(yield* program.exit, { code: 0, signal: null })
      assert.strictEqual(program.stderr(), "")
      const rows = yield* sql`SELECT FROM events WHERE NOT events.processed AND events.attempts = 0`
      assert.isAbove(rows.length, 0)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(testDatabase, Simulator.layer())))
  )
})
