import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Layer, Option, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as Database from "../../src/database/Database.ts"
import { embedded, embeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"
import { Log } from "../actors/world.ts"
import { endedProcess, jarvis, listening, newDirectory, runningIn, urlIn } from "../support/embedded.ts"
import { until } from "../support/tables.ts"

describe("embeddedPostgres", () => {
  it.live("starts on a fresh directory, stops with the last who leaves, and keeps the data", () =>
    Effect.gen(function* () {
      const directory = join(yield* newDirectory, "data", "of jarvis")
      const first = yield* jarvis(directory)
      assert.deepStrictEqual(yield* first.sql`SELECT 1 AS one`, [{ one: 1 }])
      assert.strictEqual(statSync(join(directory, "database-url")).mode & 0o777, 0o600)
      const server = runningIn(directory)
      assert.isNotNull(server)

      const second = yield* jarvis(directory)
      assert.strictEqual(runningIn(directory), server)
      yield* second.sql`CREATE TABLE kept AS SELECT 42 AS answer`
      yield* first.close
      assert.strictEqual(runningIn(directory), server)
      assert.deepStrictEqual(yield* second.sql`SELECT answer FROM kept`, [{ answer: 42 }])
      yield* second.close
      assert.isNull(runningIn(directory))

      const third = yield* jarvis(directory)
      assert.notStrictEqual(runningIn(directory), server)
      assert.deepStrictEqual(yield* third.sql`SELECT answer FROM kept`, [{ answer: 42 }])
      assert.strictEqual(statSync(join(directory, "database-url")).mode & 0o777, 0o600)
      yield* third.close
      assert.isNull(runningIn(directory))
    }).pipe(Effect.scoped)
  )

  it.live("psql's way in is the URL in the file, and nobody comes in without its password", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      yield* jarvis(directory)
      const url = new URL(urlIn(directory))
      assert.strictEqual(url.hostname, "127.0.0.1")
      const connect = (to: URL) =>
        Effect.result(
          Effect.flatMap(PgClient.PgClient, (sql) => sql`SELECT 1 AS one`).pipe(
            Effect.provide(Database.layer(Redacted.make(to.href)))
          )
        )
      assert.strictEqual((yield* connect(url))._tag, "Success")
      url.password = "guessed"
      assert.strictEqual((yield* connect(url))._tag, "Failure")
    }).pipe(Effect.scoped)
  )

  it.live("a server that somebody left running is adopted, and stopped at the end", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      // A scope that is never closed: whoever started the server was killed before it could stop it.
      const killed = yield* Scope.make()
      const url = yield* embeddedPostgres(directory).pipe(
        Scope.provide(killed),
        Effect.provide(NodeServices.layer)
      )
      const server = runningIn(directory)
      assert.isNotNull(server)
      const next = yield* jarvis(directory)
      assert.strictEqual(runningIn(directory), server)
      assert.strictEqual(urlIn(directory), Redacted.value(url))
      yield* next.close
      assert.isNull(runningIn(directory))
    }).pipe(Effect.scoped)
  )

  it.live("a directory that was left half-made is not taken for a whole one", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      mkdirSync(join(directory, "postgres.new-left", "base"), { recursive: true })
      writeFileSync(join(directory, "postgres.new-left", "PG_VERSION"), "18\n")
      const { sql } = yield* jarvis(directory)
      assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
    }).pipe(Effect.scoped)
  )

  it.live("two that start at once share one server", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      const both = yield* Effect.all([jarvis(directory), jarvis(directory)], { concurrency: 2 })
      for (const { sql } of both) assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
      yield* both[0].close
      assert.isNotNull(runningIn(directory))
      yield* both[1].close
      assert.isNull(runningIn(directory))
    }).pipe(Effect.scoped)
  )

  it.live("letters of every alphabet are letters", () =>
    Effect.gen(function* () {
      const { sql } = yield* jarvis(yield* newDirectory)
      assert.deepStrictEqual(yield* sql`SELECT 'Ёлка' ILIKE 'ёЛКА' AS same`, [{ same: true }])
    }).pipe(Effect.scoped)
  )

  it.live("a directory that cannot be used is said, and not the password", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      writeFileSync(join(directory, "file"), "")
      const error = yield* Effect.flip(Effect.scoped(jarvis(join(directory, "file"))))
      assert.strictEqual(error._tag, "EmbeddedPostgresError")
      assert.include(error.message, join(directory, "file"))
    }).pipe(Effect.scoped)
  )

  it.live("one that is killed is started again where it was", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      const { keepRunning, url } = yield* Effect.provide(embedded(directory), NodeServices.layer)
      yield* Effect.forkScoped(keepRunning)
      const sql = Context.get(yield* Layer.build(Database.layer(url)), PgClient.PgClient)
      yield* sql`CREATE TABLE kept AS SELECT 42 AS answer`
      const server = runningIn(directory) ?? 0
      process.kill(server, "SIGKILL")
      const kept = Effect.option(sql`SELECT answer FROM kept`)
      yield* until(
        Effect.sync(() => runningIn(directory)),
        (pid) => pid !== null && pid !== server
      )
      yield* until(kept, Option.isSome)
      assert.strictEqual(new URL(urlIn(directory)).port, new URL(Redacted.value(url)).port)
    }).pipe(Effect.scoped)
  )

  it.live.runIf(process.platform === "linux")(
    "one that has ended and was not waited for is started again",
    () =>
      Effect.gen(function* () {
        const directory = yield* newDirectory
        const { keepRunning } = yield* Effect.provide(embedded(directory), NodeServices.layer)
        const server = runningIn(directory) ?? 0
        const ended = yield* endedProcess(statSync(join(directory, "postgres")).uid)
        const lockFile = join(directory, "postgres", "postmaster.pid")
        const lock = readFileSync(lockFile, "utf8")
        process.kill(server, "SIGKILL")
        writeFileSync(lockFile, lock.replace(/^\d+/, String(ended)))
        yield* Effect.forkScoped(keepRunning)
        yield* until(
          Effect.sync(() => runningIn(directory)),
          (pid) => pid !== null && pid !== ended
        )
        yield* until(Effect.option((yield* jarvis(directory)).sql`SELECT 1 AS one`), Option.isSome)
      }).pipe(Effect.scoped)
  )

  it.live("that its port is taken is said once, however often it is tried", () =>
    Effect.gen(function* () {
      const { lines } = yield* Log
      const directory = yield* newDirectory
      const { keepRunning, url } = yield* Effect.provide(embedded(directory), NodeServices.layer)
      const port = Number(new URL(Redacted.value(url)).port)
      process.kill(runningIn(directory) ?? 0, "SIGKILL")
      // The port is free when the server is gone.
      const other = yield* until(Effect.option(listening(port)), Option.isSome)
      const clock = yield* TestClock.make()
      yield* Effect.forkScoped(Effect.provideService(keepRunning, Clock.Clock, clock))
      const tries = Effect.sync(
        () => readFileSync(join(directory, "postgres.log"), "utf8").match(/could not bind/g)?.length ?? 0
      )
      yield* until(Effect.andThen(clock.adjust("1 minute"), tries), (count) => count >= 3)
      const said = lines.filter(({ level }) => level === "Error")
      assert.lengthOf(said, 1)
      if (Option.isSome(other)) other.value.close()
      yield* until(
        Effect.andThen(
          clock.adjust("1 minute"),
          Effect.sync(() => lines)
        ),
        (all) => all.some(({ message }) => message === "embedded PostgreSQL runs again")
      )
    }).pipe(Effect.scoped, Effect.provide(Log.layer))
  )
})
