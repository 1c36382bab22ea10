/** A pooler that gives each transaction whichever session is free. */
import { execFileSync, spawn } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Context, Effect, Layer, Redacted } from "effect"
import { freePort } from "../../src/database/freePort.ts"
import { TestDatabase } from "./TestDatabase.ts"
import { until } from "./tables.ts"

/** Debian's packages, unpacked: nothing is installed. */
const cache = fileURLToPath(new URL("../../node_modules/.cache/pgbouncer", import.meta.url))
const packages = ["pgbouncer", "libevent-2.1-7", "libc-ares2"]

const runs = (program: string): boolean => {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore", env: environment })
    return true
  } catch {
    return false
  }
}

const libraries = () =>
  existsSync(join(cache, "usr/lib"))
    ? readdirSync(join(cache, "usr/lib"), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith("-linux-gnu"))
        .map((name) => join(cache, "usr/lib", name))
    : []
const environment = { ...process.env, LD_LIBRARY_PATH: libraries().join(":") }

const unpacked = join(cache, "usr/sbin/pgbouncer")

const unpack = (): void => {
  const draft = mkdtempSync(join(tmpdir(), "pgbouncer-"))
  try {
    execFileSync("apt-get", ["download", ...packages], { cwd: draft, stdio: "ignore", timeout: 20_000 })
    for (const name of readdirSync(draft)) {
      execFileSync("dpkg", ["-x", name, "root"], { cwd: draft, stdio: "ignore" })
    }
    mkdirSync(join(cache, ".."), { recursive: true })
    execFileSync("cp", ["-a", join(draft, "root"), `${cache}.${process.pid}`])
    renameSync(`${cache}.${process.pid}`, cache)
    environment.LD_LIBRARY_PATH = libraries().join(":")
  } catch {
    // Then there is none.
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

let found: string | null | undefined

/** The machine's own, else Debian's, which is fetched for whoever asks first; null where there is neither. */
export const pgbouncer = (): string | null => {
  const here = () => ["pgbouncer", unpacked].find(runs) ?? null
  if (found === undefined) {
    found = here()
    if (found === null) {
      unpack()
      found = here()
    }
  }
  return found
}

const answers = (port: number) =>
  Effect.callback<boolean>((resume) => {
    const socket = connect(port, "127.0.0.1", () => resume(Effect.succeed(true)))
    socket.on("error", () => resume(Effect.succeed(false)))
    return Effect.sync(() => socket.destroy())
  })

/** The test's database through PgBouncer; `ignored` are the startup parameters that it leaves out and does not refuse. */
export class PgBouncer extends Context.Service<
  PgBouncer,
  {
    readonly url: Redacted.Redacted
    /** Ends it without a word, as a crash does, and starts it again. */
    readonly restart: Effect.Effect<void>
  }
>()("test/PgBouncer") {
  static readonly layer = (ignored: ReadonlyArray<string> = []) =>
    Layer.effect(
      PgBouncer,
      Effect.gen(function* () {
        const server = new URL(Redacted.value((yield* TestDatabase).url))
        const port = yield* freePort()
        const directory = yield* Effect.acquireRelease(
          Effect.sync(() => mkdtempSync(join(tmpdir(), "jarvis-pgbouncer-"))),
          (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
        )
        const settings = join(directory, "pgbouncer.ini")
        const { hostname, password, username } = server
        const lines = [
          "[databases]",
          `* = host=${hostname} port=${server.port} user=${username} password=${password}`,
          "[pgbouncer]",
          ...["pool_mode = transaction", "auth_type = any", "default_pool_size = 4", "unix_socket_dir ="],
          ...["listen_addr = 127.0.0.1", `listen_port = ${port}`],
          ...(ignored.length === 0 ? [] : [`ignore_startup_parameters = ${ignored.join(", ")}`])
        ]
        writeFileSync(settings, lines.join("\n"))
        // It refuses to run as root.
        const user = process.getuid?.() === 0 ? ["-u", "nobody"] : []
        const start = () =>
          spawn(pgbouncer() ?? "pgbouncer", ["-q", ...user, settings], { stdio: "ignore", env: environment })
        let child = start()
        yield* Effect.addFinalizer(() => Effect.sync(() => child.kill("SIGKILL")))
        yield* until(answers(port), (does) => does)
        const restart = Effect.gen(function* () {
          child.kill("SIGKILL")
          yield* until(answers(port), (does) => !does)
          child = start()
          yield* until(answers(port), (does) => does)
        })
        return {
          restart,
          url: Redacted.make(Object.assign(new URL(server), { host: `127.0.0.1:${port}` }).href)
        }
      })
    )
}
