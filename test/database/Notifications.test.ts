import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Queue, Stream } from "effect"
import { Notifications, type Signal } from "../../src/database/Notifications.ts"
import { emptyDatabase } from "../support/TestDatabase.ts"

const listening: Signal = { _tag: "Listening" }
const notified = (payload: string): Signal => ({ _tag: "Notified", payload })

/** What a listener says, one after the other. */
const listen = Effect.fnUntraced(function* (channel: string) {
  const notifications = yield* Notifications
  const signals = yield* Queue.unbounded<Signal>()
  yield* Effect.forkScoped(
    Stream.runForEach(notifications.listen(channel), (signal) => Queue.offer(signals, signal))
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

layer(Notifications.layer.pipe(Layer.provideMerge(emptyDatabase)), { excludeTestServices: true })(
  "Notifications",
  (it) => {
    it.effect("says that it listens, then what is notified, in order", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const next = yield* listen("one")
        assert.deepStrictEqual(yield* next, listening)
        for (const payload of ["1|a", "", "Ж"]) yield* sql.notify("one", payload)
        yield* sql.notify("two", "for somebody else")
        yield* sql.notify("one", "last")
        for (const payload of ["1|a", "", "Ж", "last"]) assert.deepStrictEqual(yield* next, notified(payload))
      })
    )

    it.effect("two listeners of one channel hear the same", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const listeners = [yield* listen("both"), yield* listen("both")]
        for (const next of listeners) assert.deepStrictEqual(yield* next, listening)
        yield* sql.notify("both", "x")
        for (const next of listeners) assert.deepStrictEqual(yield* next, notified("x"))
      })
    )

    it.effect("a connection that is cut is opened anew, again and again, and says so", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const next = yield* listen("cut")
        assert.deepStrictEqual(yield* next, listening)
        for (const payload of ["first", "second", "third"]) {
          assert.isAtLeast(yield* cutOff, 1)
          assert.deepStrictEqual(yield* next, listening)
          yield* sql.notify("cut", payload)
          assert.deepStrictEqual(yield* next, notified(payload))
        }
      })
    )
  }
)
