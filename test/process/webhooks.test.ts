import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Ref, Schedule, Schema } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { until } from "../support/tables.ts"
import { PostgresServer, restartable } from "./PostgresServer.ts"
import { addressOf, serve, settings } from "./program.ts"

const webhooks = 2000

const Received = Schema.Struct({ receipts: Schema.Array(Schema.String) })

/** Posts a webhook about a car; answers its receipt, or null where nobody said that it was committed. */
const post = Effect.fnUntraced(
  function* (address: string, id: number) {
    const response = yield* HttpClientRequest.post(`${address}/webhooks/rentprog`).pipe(
      HttpClientRequest.bodyJsonUnsafe({ event: "car_update", payload: { id, company_id: 9247 } }),
      HttpClient.execute
    )
    if (response.status === 503) {
      assert.match(response.headers["retry-after"] ?? "", /^\d+$/)
      return null
    }
    assert.strictEqual(response.status, 200)
    const { receipts } = yield* HttpClientResponse.schemaBodyJson(Received)(response)
    assert.lengthOf(receipts, 1)
    return receipts[0] ?? null
  },
  // A connection that broke says nothing either.
  Effect.catchTag("HttpClientError", () => Effect.succeed(null))
)

it.live(
  "2,000 webhooks at once, and a database that is restarted meanwhile: what was answered 200 is there, once",
  () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const postgres = yield* PostgresServer
      const address = addressOf(yield* serve(yield* settings))
      const answers = yield* Ref.make<ReadonlyArray<string | null>>([])

      const posting = yield* Effect.forEach(
        Array.from({ length: webhooks }, (_, n) => n + 1),
        (id) => Effect.tap(post(address, id), (receipt) => Ref.update(answers, (all) => [...all, receipt])),
        { concurrency: "unbounded" }
      ).pipe(Effect.forkScoped)
      yield* until(Ref.get(answers), ({ length }) => length >= webhooks / 10)
      yield* postgres.kill
      // Some have to hear of it.
      yield* until(Ref.get(answers), (all) => all.includes(null))
      const before = (yield* Ref.get(answers)).length
      yield* postgres.start
      const receipts = yield* Fiber.join(posting)
      const after = (yield* Ref.get(answers)).slice(before)
      assert.isAbove(after.filter((receipt) => receipt !== null).length, 0)

      const rows = yield* sql<{ readonly receipt: string; readonly id: number }>`
        SELECT receipt, ext_id::int AS id FROM events
      `.pipe(Effect.retry(Schedule.spaced("50 millis")))
      const ids = new Map(rows.map(({ id, receipt }) => [receipt, id]))
      assert.strictEqual(ids.size, rows.length)
      assert.strictEqual(new Set(ids.values()).size, rows.length)
      for (const [n, receipt] of receipts.entries()) {
        if (receipt !== null) assert.strictEqual(ids.get(receipt), n + 1)
      }
    }).pipe(Effect.scoped, Effect.provide([restartable, Simulator.layer(), FetchHttpClient.layer]))
)

it.live("a database that is away: 503 and when to come again, never 200", () =>
  Effect.gen(function* () {
    const postgres = yield* PostgresServer
    const address = addressOf(yield* serve(yield* settings))
    assert.isNotNull(yield* post(address, 1))
    yield* postgres.kill
    assert.isNull(yield* post(address, 2))
    yield* postgres.start
    yield* until(post(address, 2), (receipt) => receipt !== null)
  }).pipe(Effect.scoped, Effect.provide([restartable, Simulator.layer(), FetchHttpClient.layer]))
)
