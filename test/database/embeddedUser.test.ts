import { execFileSync } from "node:child_process"
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Log } from "../actors/world.ts"
import { closed, jarvis, newDirectory, runningIn, standing, urlIn } from "../support/embedded.ts"

const isRoot = process.getuid?.() === 0

describe.runIf(isRoot)("an embedded server that root starts (skipped for others)", () => {
  it.live("started by root, its SQL has the rights of somebody else", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      const secret = join(directory, "secret")
      const { sql } = yield* jarvis(directory)
      writeFileSync(secret, "root's own", { mode: 0o600 })
      yield* sql`CREATE TABLE said (line text)`
      yield* sql`COPY said FROM PROGRAM 'id -nu; sed -n "s/NoNewPrivs:.//p" /proc/self/status'`
      assert.deepStrictEqual(yield* sql`SELECT line FROM said`, [{ line: "nobody" }, { line: "1" }])
      for (const statement of [
        `COPY said FROM PROGRAM 'cat ${secret}'`,
        `COPY said TO PROGRAM 'cat > ${secret}'`,
        `COPY said FROM '${secret}'`
      ]) {
        yield* Effect.flip(sql.unsafe(statement))
      }
      assert.strictEqual(readFileSync(secret, "utf8"), "root's own")
    }).pipe(Effect.scoped)
  )

  it.live("where nobody else reaches its directory, it warns of what its SQL may do", () =>
    Effect.gen(function* () {
      const { lines } = yield* Log
      const directory = join(yield* newDirectory, "closed to others")
      const asItIs = closed(directory)
      const { sql } = yield* jarvis(directory)
      assert.deepStrictEqual(standing(directory), asItIs)
      assert.deepStrictEqual(yield* sql`SELECT 1 AS one`, [{ one: 1 }])
      assert.deepStrictEqual(
        lines.map(({ level }) => level),
        ["Warn"]
      )
      assert.include(lines[0]?.message, "can reach root's files")
    }).pipe(Effect.scoped, Effect.provide(Log.layer))
  )

  it.live("a directory that is closed to others is opened to the server's group alone", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      const { mode, uid } = closed(directory, 12345)
      yield* jarvis(directory)
      const { gid } = statSync(join(directory, "postgres"))
      assert.deepStrictEqual(standing(directory), { uid, gid, mode: mode | 0o010 })
    }).pipe(Effect.scoped)
  )

  it.live("one with other files in it is not opened", () =>
    Effect.gen(function* () {
      const { lines } = yield* Log
      const directory = yield* newDirectory
      writeFileSync(join(directory, "another's"), "")
      const asItIs = closed(directory)
      yield* jarvis(directory)
      assert.deepStrictEqual(standing(directory), asItIs)
      assert.include(lines[0]?.message, "can reach root's files")
    }).pipe(Effect.scoped, Effect.provide(Log.layer))
  )

  it.live("a directory postgres that is no data of PostgreSQL stays its owner's", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      const file = join(directory, "postgres", "another's")
      mkdirSync(join(directory, "postgres"))
      writeFileSync(file, "")
      const error = yield* Effect.flip(Effect.scoped(jarvis(directory)))
      assert.include(error.message, `${join(directory, "postgres")} is there, and is no data of PostgreSQL`)
      assert.strictEqual(statSync(file).uid, 0)
    }).pipe(Effect.scoped)
  )

  it.live("data that an earlier Jarvis kept as root's are handed over", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      const first = yield* jarvis(directory)
      yield* first.sql`CREATE TABLE kept AS SELECT 42 AS answer`
      yield* first.close
      execFileSync("chown", ["-R", "0:0", directory])
      const { sql } = yield* jarvis(directory)
      assert.deepStrictEqual(yield* sql`SELECT answer FROM kept`, [{ answer: 42 }])
      assert.notStrictEqual(statSync(join(directory, "postgres")).uid, 0)
    }).pipe(Effect.scoped)
  )

  it.live("a link in its data leads it to no file of root's", () =>
    Effect.gen(function* () {
      const directory = yield* newDirectory
      const secret = join(yield* newDirectory, "secret")
      writeFileSync(secret, "roots-own", { mode: 0o600 })
      yield* (yield* jarvis(directory)).close
      const password = join(directory, "postgres", "jarvis.password")
      rmSync(password)
      symlinkSync(secret, password)
      const error = yield* Effect.flip(Effect.scoped(jarvis(directory)))
      assert.include(error.message, "jarvis.password: Permission denied")
      assert.notInclude(error.message + urlIn(directory), "roots-own")
      process.kill(runningIn(directory) ?? 0, "SIGINT")
    }).pipe(Effect.scoped)
  )
})
