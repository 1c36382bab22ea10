import { PgClient } from "@effect/sql-pg"
import { assert, beforeEach, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Redacted } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { inject } from "vitest"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { PgBouncer, pgbouncer } from "../support/PgBouncer.ts"
import { run } from "../support/refusing.ts"
import { emptyDatabase, migrated, TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { about, allProcessed, insert, mirror, until } from "../support/tables.ts"
import { allIsWell, processed, receive } from "./load.ts"
import { addressOf, type Program, ran, rentprogSettings, said, serve } from "./program.ts"

const simulator = Simulator.layer({ readsPerMinute: 100_000, tokensPerMinute: 100_000 })

/** The database through the pooler, and with `past` the way past it. */
const settings = Effect.fnUntraced(function* (past: boolean) {
  const direct = Redacted.value((yield* TestDatabase).url)
  return {
    DATABASE_URL: Redacted.value((yield* PgBouncer).url),
    ...(past && { JARVIS_LISTEN_URL: direct }),
    ...(yield* rentprogSettings)
  }
})

/** What the service says of its parts. */
const health = (program: Program) =>
  HttpClient.get(`${addressOf(program)}/health/ready`).pipe(
    Effect.flatMap((response) => response.text),
    Effect.provide(FetchHttpClient.layer)
  )

const post = (program: Program, id: number) =>
  HttpClientRequest.post(`${addressOf(program)}/webhooks/rentprog`).pipe(
    HttpClientRequest.bodyJsonUnsafe({ event: "car_update", payload: { id, company_id: 9247 } }),
    HttpClient.execute,
    Effect.flatMap(({ status }) => Effect.sync(() => assert.strictEqual(status, 200))),
    Effect.provide(FetchHttpClient.layer)
  )

const ignored = ["search_path", "lock_timeout", "random_page_cost"]

describe.concurrent("through a pooler in transaction mode", () => {
  beforeEach(({ skip }) => skip(pgbouncer() === null, "no PgBouncer here"))

  it.live(
    "with JARVIS_LISTEN_URL everything works, from the migration on, and no session keeps a setting",
    () =>
      Effect.gen(function* () {
        const { put } = yield* Simulator
        const ids = Array.from({ length: 40 }, (_, n) => n + 1)
        for (const id of ids) yield* put("car", { id, company_id: 9247, code: `Car ${id}` })
        // Nobody looks round: whatever is done, a notification has told of.
        const rarely = { EVENTS_FALLBACK_INTERVAL: "1 hour", HISTORY_FALLBACK_INTERVAL: "1 hour" }
        const program = yield* serve({ ...(yield* settings(true)), ...rarely })
        yield* Effect.forEach(ids, (id) => post(program, id), { concurrency: 10 })
        yield* insert(about("car_update", 1))
        yield* allProcessed
        assert.lengthOf(yield* mirror("car"), ids.length)
        yield* until(health(program), (text) => text.includes('"name":"notifications","state":"up"'))
        assert.notInclude(yield* health(program), '"down"')
        assert.strictEqual(program.stderr(), "")

        const looked = yield* ran(yield* settings(true), "doctor")
        assert.notInclude(looked.stdout, "✗")
        assert.match(looked.stdout, /^✓ connection +DATABASE_URL and JARVIS_LISTEN_URL take connections$/m)

        const { url } = yield* PgBouncer
        const left = yield* PgClient.PgClient.use(
          (sql) => sql`
          SELECT current_setting('lock_timeout') AS lock_timeout, current_setting('search_path') AS path,
            (SELECT count(*)::int FROM pg_prepared_statements) AS prepared
        `
        ).pipe(Effect.provide(PgClient.layer({ url, prepare: false })))
        assert.deepStrictEqual(left, [{ lock_timeout: "0", path: '"$user", public', prepared: 0 }])
        yield* program.signal("SIGTERM")
        assert.deepStrictEqual(yield* program.exit, { code: 0, signal: null })
      }).pipe(Effect.provide(Layer.provideMerge(PgBouncer.layer(), Layer.merge(emptyDatabase, simulator))))
  )

  it.live("that dies under load and comes back, no event is lost", () =>
    Effect.gen(function* () {
      const webhooks = 200
      const { restart } = yield* PgBouncer
      const program = yield* serve({ ...(yield* settings(true)), EVENTS_FALLBACK_INTERVAL: "500 millis" })
      const receiving = yield* Effect.forkScoped(receive(webhooks))
      for (const part of [4, 2]) {
        yield* until(processed, (count) => count >= webhooks / part / 2)
        yield* restart
      }
      yield* Fiber.join(receiving)
      yield* allIsWell(webhooks)
      assert.isTrue(program.isRunning())
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.provideMerge(PgBouncer.layer(), Layer.merge(testDatabase, simulator)))
    )
  )

  it.live("without it the start and doctor say in one line what to do", () =>
    Effect.gen(function* () {
      const given = yield* settings(false)
      const { code, stderr, stdout } = yield* ran(given)
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.match(
        stderr,
        /^jarvis: cannot connect to the database of DATABASE_URL: unsupported startup parameter: \w+\. It leads through a pooler: set JARVIS_LISTEN_URL to .+\n$/
      )
      const looked = yield* ran(given, "doctor")
      assert.strictEqual(looked.code, 1)
      assert.match(
        looked.stdout,
        /^✗ connection +cannot connect .+ It leads through a pooler: set JARVIS_LISTEN_URL to a direct connection to the same database$/m
      )
    }).pipe(Effect.provide(Layer.provideMerge(PgBouncer.layer(), Layer.merge(testDatabase, simulator))))
  )

  it.live(
    "that ignores what it does not know, the loss of notifications is noticed, and the sweep goes on",
    () =>
      Effect.gen(function* () {
        const given = yield* settings(false)
        // Only there the tables are found without a search path.
        if (inject("schema") !== "public") {
          const { code, stderr } = yield* ran(given)
          assert.strictEqual(code, 1)
          assert.match(stderr, /^jarvis: cannot connect .+ is ignored\. .+ set JARVIS_LISTEN_URL to .+\n$/)
          return
        }
        yield* run("UPDATE jarvis_functions SET checksum = ''")
        const { code, stderr } = yield* ran(given, "migrate")
        assert.strictEqual(code, 1)
        assert.match(
          stderr,
          /^jarvis: .*a migration needs a session of its own, .+ set JARVIS_LISTEN_URL to .+\n$/m
        )
        yield* migrated
        const shared = yield* ran({ ...given, JARVIS_CLUSTER: "127.0.0.1:1" })
        assert.strictEqual(shared.code, 1)
        assert.match(
          shared.stderr,
          /^jarvis: JARVIS_CLUSTER needs a session of its own, .+ set JARVIS_LISTEN_URL to .+\n$/m
        )
        yield* Simulator.use(({ put }) => put("car", { id: 1, company_id: 9247 }))
        const program = yield* serve({ ...given, EVENTS_FALLBACK_INTERVAL: "500 millis" })
        yield* said(program, "notifications do not arrive, as through a pooler: set JARVIS_LISTEN_URL")
        yield* until(health(program), (text) => text.includes('"name":"notifications","state":"down"'))
        const looked = yield* ran(given, "doctor")
        assert.strictEqual(looked.code, 1)
        assert.match(
          looked.stdout,
          /^✗ notifications +notifications do not arrive, as through a pooler: set JARVIS_LISTEN_URL to .+$/m
        )
        yield* insert(about("car_update", 1))
        yield* allProcessed
        yield* program.signal("SIGTERM")
        assert.deepStrictEqual(yield* program.exit, { code: 0, signal: null })
        // What the first one has locked in the pooler's sessions does not keep the next one from starting.
        yield* serve(given)
      }).pipe(
        Effect.provide(Layer.provideMerge(PgBouncer.layer(ignored), Layer.merge(testDatabase, simulator)))
      )
  )
})
