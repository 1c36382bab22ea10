/** The program itself, as a process of its own: `node dist/main.js`, as test/support/globalSetup.ts builds it. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { Deferred, Effect, Redacted } from "effect"
import { inject } from "vitest"
import { root } from "../../src/root.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { TestDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

const main = fileURLToPath(new URL("dist/main.js", root))

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface Program {
  readonly pid: number | undefined
  /** What it wrote so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Waits until it has ended. */
  readonly exit: Effect.Effect<Exit>
  readonly isRunning: () => boolean
}

export const started = "✅ Event processor started, listening for pg_notify events"

/** Starts the program that stands there with these settings and no others; the end of the scope kills it. */
export const runThere = (
  main: string,
  settings: Readonly<Record<string, string>>,
  ...args: ReadonlyArray<string>
) =>
  Effect.acquireRelease(
    Effect.sync((): Program => {
      const { NODE_COMPILE_CACHE = "", PATH = "" } = process.env
      const child = spawn(process.execPath, [main, ...args], {
        // Programs run side by side, so each takes a port that is free.
        env: { NODE_COMPILE_CACHE, PATH, JARVIS_PORT: "0", JARVIS_SCHEMA: inject("schema"), ...settings },
        stdio: ["ignore", "pipe", "pipe"]
      })
      const written = { stdout: "", stderr: "" }
      for (const name of ["stdout", "stderr"] as const) {
        child[name].setEncoding("utf8").on("data", (text: string) => {
          written[name] += text
        })
      }
      const ended = Deferred.makeUnsafe<Exit>()
      child.once("close", (code, signal) => Deferred.doneUnsafe(ended, Effect.succeed({ code, signal })))
      return {
        pid: child.pid,
        stdout: () => written.stdout,
        stderr: () => written.stderr,
        signal: (signal) => Effect.sync(() => child.kill(signal)),
        exit: Deferred.await(ended),
        isRunning: () => child.exitCode === null && child.signalCode === null
      }
    }),
    (program) => Effect.andThen(program.signal("SIGKILL"), program.exit)
  )

export const run = (settings: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
  runThere(main, settings, ...args)

/** Starts the program and waits until it has ended. */
export const ran = (settings: Readonly<Record<string, string>>, ...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const program = yield* run(settings, ...args)
    const exit = yield* program.exit
    return { ...exit, stdout: program.stdout(), stderr: program.stderr() }
  }).pipe(Effect.scoped)

/** Waits until the program has said something on stdout. */
export const said = (program: Program, text: string) =>
  until(
    Effect.sync(() => `${program.stdout()}${program.stderr()}`.slice(-2000)),
    () => program.stdout().includes(text)
  )

/** Where a program that was started answers HTTP. */
export const addressOf = (program: Program): string =>
  /HTTP server started, listening on (http:\/\/[\w.:]+)/.exec(program.stdout())?.[1] ?? "it said no address"

/** Settings for the simulated RentProg, with as much quota as a setting can give. */
export const rentprogSettings = Simulator.useSync(({ companyTokens, url }) => ({
  RENTPROG_BASE_URL: url,
  RENTPROG_TOKENS: JSON.stringify(companyTokens),
  RENTPROG_READS_PER_MINUTE: "6000"
}))

/** The same, and the test's database. */
export const settings = Effect.gen(function* () {
  const { url } = yield* TestDatabase
  return { DATABASE_URL: Redacted.value(url), ...(yield* rentprogSettings) }
})

/** Starts the service and waits until it listens, to notifications and to requests. */
export const serve = Effect.fnUntraced(function* (settings: Readonly<Record<string, string>>) {
  const program = yield* run(settings)
  yield* said(program, started)
  yield* said(program, "HTTP server started, listening on http://")
  return program
})
