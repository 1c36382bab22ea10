/** The state at a glance, once and as it changes. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Layer, Option, Redacted, Stream } from "effect"
import { inject } from "vitest"
import { Health } from "../../src/actors/Health.ts"
import * as Database from "../../src/database/Database.ts"
import { cars, fresh, quiet } from "../support/rows.ts"
import { TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { admin, client, withToken } from "./admin.ts"

const tests = admin.pipe(Layer.provideMerge(testDatabase), Layer.provideMerge(quiet))

/** Runs `effect` while nobody can reach the database. */
const whileAway = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const { url } = yield* TestDatabase
    const name = new URL(Redacted.value(url)).pathname.slice(1)
    const server = Layer.fresh(Database.layer(Redacted.make(inject("serverUrl"))))
    const allow = (allowed: boolean) =>
      Effect.provide(
        PgClient.PgClient.use(
          (sql) => sql`ALTER DATABASE ${sql(name)} WITH ALLOW_CONNECTIONS ${sql.literal(String(allowed))}`
        ),
        server
      )
    yield* allow(false)
    yield* Effect.provide(
      PgClient.PgClient.use(
        (sql) =>
          sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${name} AND backend_type = 'client backend'`
      ),
      server
    )
    return yield* Effect.ensuring(effect, Effect.orDie(allow(true)))
  })

layer(tests, { excludeTestServices: true })("/api/overview and /api/live", (it) => {
  it.effect("all of it at once", () =>
    Effect.gen(function* () {
      yield* fresh
      const api = yield* client
      const health = yield* Health
      yield* health.report("event listener", "down", "connection refused")
      yield* cars(2)
      const overview = yield* api.glance.overview()
      assert.deepInclude(overview.events, { pending: 2, waiting: 0, parked: 0, reasons: [] })
      assert.deepInclude(overview.history, { pending: 0, oldest: null })
      assert.strictEqual(overview.minutes.length, 60)
      assert.deepInclude(
        overview.components.find(({ name }) => name === "event listener"),
        { state: "down", detail: "connection refused" }
      )
      assert.deepInclude(
        overview.branches.find(({ branch }) => branch === withToken),
        { token: null, behind: null }
      )
      assert.deepStrictEqual(overview.logs, [{ branch: withToken, read_until: null }])
    })
  )

  it.effect("is told again and again, and one query serves all who watch", () =>
    Effect.gen(function* () {
      yield* fresh
      const api = yield* client
      const watch = Stream.unwrap(api.glance.live()).pipe(Stream.take(3), Stream.runCollect)
      const seen = yield* Effect.all(
        Array.from({ length: 5 }, () => watch),
        { concurrency: "unbounded" }
      )
      const times = new Set(seen.flat().map((told) => ("at" in told ? told.at.toString() : "away")))
      assert.isAtLeast(times.size, 3)
      assert.isAtMost(times.size, 4)
    })
  )

  it.effect("says that the database is away, and goes on by itself", () =>
    Effect.gen(function* () {
      yield* fresh
      const api = yield* client
      const told = Stream.unwrap(api.glance.live())
      const until = (isAway: boolean) =>
        told.pipe(
          Stream.filter((state) => "away" in state === isAway),
          Stream.runHead,
          Effect.map(Option.getOrThrow)
        )
      yield* until(false)
      const after = yield* Effect.forkChild(
        told.pipe(
          Stream.dropUntil((state) => "away" in state),
          Stream.filter((state) => "at" in state),
          Stream.runHead
        )
      )
      const away = yield* whileAway(until(true))
      assert.include("away" in away ? away.away : "", "The database does not answer")
      assert.isAtLeast(away.components.length, 1)
      // The same stream, on the same connection.
      assert.isTrue(Option.isSome(yield* Fiber.join(after)))
      assert.deepInclude((yield* api.glance.overview()).events, { pending: 0 })
    })
  )
})
