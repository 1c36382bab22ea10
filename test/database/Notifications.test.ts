import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Queue, Stream } from "effect"
import { Notifications, type Signal } from "../../src/database/Notifications.ts"
import { channel, testDatabase } from "../support/TestDatabase.ts"

const listening: Signal = { _tag: "Listening" }
const notified = (payload: string): Signal => ({ _tag: "Notified", payload })

/** What a listener says, one after the other. */
const listen = Effect.fnUntraced(function* (name: string, rests = false) {
  const notifications = yield* Notifications
  const signals = yield* Queue.unbounded<Signal>()
  yield* Effect.forkScoped(
    Stream.runForEach(notifications.listen(name, { rests }), (signal) => Queue.offer(signals, signal))
  )
  return Queue.take(signals)
})

/** Ends every session that listens, as an administrator or a restart would. Answers how many there were. */
const cutOff = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'
  `
  return rows.length
})

layer(Notifications.layer.pipe(Layer.provideMerge(testDatabase)), { excludeTestServices: true })(
  "Notifications",
  (it) => {
    it.effect("says that it listens, then what is notified, in order", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const next = yield* listen("one")
        assert.deepStrictEqual(yield* next, listening)
        for (const payload of ["1|a", "", "Ж"]) yield* sql.notify(channel("one"), payload)
        yield* sql.notify(channel("two"), "for somebody else")
        yield* sql.notify(channel("one"), "last")
        for (const payload of ["1|a", "", "Ж", "last"]) assert.deepStrictEqual(yield* next, notified(payload))
      })
    )

    it.effect("two listeners of one channel hear the same", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const listeners = [yield* listen("both"), yield* listen("both")]
        for (const next of listeners) assert.deepStrictEqual(yield* next, listening)
        yield* sql.notify(channel("both"), "x")
        for (const next of listeners) assert.deepStrictEqual(yield* next, notified("x"))
      })
    )

    it.effect("a connection that is cut says so and is opened anew, again and again", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const next = yield* listen("cut")
        assert.deepStrictEqual(yield* next, listening)
        for (const payload of ["first", "second", "third"]) {
          assert.isAtLeast(yield* cutOff, 1)
          const lost = yield* next
          assert.include(lost._tag === "Lost" ? lost.why : "", "terminating connection")
          assert.deepStrictEqual(yield* next, listening)
          yield* sql.notify(channel("cut"), payload)
          assert.deepStrictEqual(yield* next, notified(payload))
        }
      })
    )

    it.effect("one that rests does so when it is told very often, says so, and listens again", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const next = yield* listen("often", true)
        assert.deepStrictEqual(yield* next, listening)
        for (let n = 0; n < 3; n += 1) {
          yield* sql`SELECT pg_notify(${channel("often")}, n::text) FROM generate_series(1, 25) AS n`
          for (let heard = 1; heard <= 25; heard += 1)
            assert.deepStrictEqual(yield* next, notified(String(heard)))
          assert.deepStrictEqual(yield* next, { _tag: "Rested" })
        }
        yield* sql.notify(channel("often"), "seldom")
        assert.deepStrictEqual(yield* next, notified("seldom"))
      })
    )

    it.effect("what comes while its reader is busy comes together", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const notifications = yield* Notifications
        const arrays = yield* Queue.unbounded<ReadonlyArray<Signal>>()
        const goOn = yield* Queue.unbounded<void>()
        const other = yield* listen("busy")
        assert.deepStrictEqual(yield* other, listening)
        yield* Effect.forkScoped(
          Stream.runForEachArray(notifications.listen("busy", { rests: false }), (signals) =>
            Effect.andThen(Queue.offer(arrays, signals), Queue.take(goOn))
          )
        )
        assert.deepStrictEqual(yield* Queue.take(arrays), [listening])
        const payloads = Array.from({ length: 100 }, (_, n) => String(n))
        for (const payload of payloads) yield* sql.notify(channel("busy"), payload)
        // Both connections hear the same: what this one was told, the other one was as well, or is about to be.
        for (const payload of payloads) assert.deepStrictEqual(yield* other, notified(payload))
        yield* Queue.offer(goOn, undefined)
        const heard: Array<Signal> = []
        let times = 0
        while (heard.length < payloads.length) {
          heard.push(...(yield* Queue.take(arrays)))
          times += 1
          yield* Queue.offer(goOn, undefined)
        }
        assert.deepStrictEqual(heard, payloads.map(notified))
        assert.isBelow(times, 10)
      })
    )
  }
)
