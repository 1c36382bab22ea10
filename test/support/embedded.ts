/** Embedded servers in directories that are gone afterwards, and what stands in these. */
import { spawn } from "node:child_process"
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync
} from "node:fs"
import { createServer, type Server } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import * as Database from "../../src/database/Database.ts"
import { embeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"

/** A directory that is gone afterwards, and the server in it, should one still run. */
export const newDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "jarvis-embedded-"))),
  (directory) =>
    Effect.sync(() => {
      const pid = runningIn(directory)
      if (pid !== null) process.kill(pid, "SIGINT")
      rmSync(directory, { recursive: true, force: true, maxRetries: 50, retryDelay: 100 })
    })
)

/** The process id of the server that runs there, or null. */
export const runningIn = (directory: string): number | null => {
  const file = join(directory, "postgres", "postmaster.pid")
  return existsSync(file) ? Number(readFileSync(file, "utf8").split("\n")[0]) : null
}

/** One Jarvis: the server, and a pool on it. */
export const jarvis = Effect.fnUntraced(function* (directory: string) {
  const scope = yield* Scope.make()
  const close = Scope.close(scope, Exit.void)
  yield* Effect.addFinalizer(() => close)
  const context = yield* Layer.buildWithScope(
    Layer.unwrap(Effect.map(embeddedPostgres(directory), Database.layer)).pipe(
      Layer.provide(NodeServices.layer)
    ),
    scope
  )
  return { sql: Context.get(context, PgClient.PgClient), close }
})

/** Whose a directory is, and who may do what there. */
export const standing = (directory: string) => {
  const { gid, mode, uid } = statSync(directory)
  return { uid, gid, mode: mode & 0o7777 }
}

/** A directory that nobody but its owner may enter, and whose group is handed on. */
export const closed = (directory: string, owner = 0) => {
  mkdirSync(directory, { recursive: true })
  chownSync(directory, owner, 12345)
  chmodSync(directory, 0o2700)
  return standing(directory)
}

/** Another program that listens there. */
export const listening = (port: number) =>
  Effect.callback<Server, Error>((resume) => {
    const server = createServer()
    server.on("error", (error) => resume(Effect.fail(error)))
    server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
  })

export const urlIn = (directory: string) => readFileSync(join(directory, "database-url"), "utf8")

/** The number of a process of that user that has ended, while its parent does not ask for its end. */
export const endedProcess = (uid: number) =>
  Effect.acquireRelease(
    // The shell, which would have asked, is another program by then.
    Effect.sync(() => spawn("sh", ["-c", "sleep 1 & echo $!; exec sleep 600"], { uid })),
    (parent) => Effect.sync(() => parent.kill())
  ).pipe(
    Effect.flatMap((parent) =>
      Effect.callback<number>((resume) => {
        parent.stdout.once("data", (line) => resume(Effect.succeed(Number(line))))
      })
    )
  )
