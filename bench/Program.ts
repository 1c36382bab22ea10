/** A program in a process of its own: Jarvis's service, or a peer's worker. */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { openSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { Effect, type Scope } from "effect"
import { BenchError } from "./Part.ts"

/** A running program. */
export interface Program {
  /** The resident memory in megabytes, as the system counts it: on Linux the most that it ever was, elsewhere what it is now. */
  readonly megabytes: Effect.Effect<number, BenchError>
  /** Each line that it prints, where it prints for us. */
  readonly onLine: (listener: (line: string) => void) => void
  /** Fails once it has ended by itself. */
  readonly ended: Effect.Effect<never, BenchError>
}

interface Start {
  /** The file to run, from the root of the sources. */
  readonly file: string
  readonly args?: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  /** Where its output goes; without one it prints for us. */
  readonly log?: string
}

const root = new URL("../", import.meta.url)

const peak = (pid: number) =>
  Effect.try({
    try: () => readFileSync(`/proc/${pid}/status`, "utf8"),
    catch: (cause) => new BenchError({ message: `${pid} has ended: ${String(cause)}` })
  }).pipe(Effect.map((status) => Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) / 1024))

const rss = (pid: number) =>
  Effect.callback<number, BenchError>((resume) => {
    execFile("ps", ["-o", "rss=", "-p", String(pid)], (error, output) =>
      resume(
        error === null
          ? Effect.succeed(Number(output) / 1024)
          : Effect.fail(new BenchError({ message: `ps cannot tell of ${pid}: ${error.message}` }))
      )
    )
  })

/** Starts a program; it is killed when the scope closes, because what it leaves behind is thrown away. */
export const start = ({
  args = [],
  env,
  file,
  log
}: Start): Effect.Effect<Program, BenchError, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const output = log === undefined ? "pipe" : openSync(log, "a")
        return spawn(process.execPath, [fileURLToPath(new URL(file, root)), ...args], {
          env: { PATH: process.env["PATH"], ...env },
          stdio: ["ignore", output, log === undefined ? "inherit" : output]
        })
      }),
      kill
    )
    const { pid } = child
    if (pid === undefined) return yield* new BenchError({ message: `${file} cannot be started` })
    const listeners: Array<(line: string) => void> = []
    let rest = ""
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = `${rest}${text}`.split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) for (const listener of listeners) listener(line)
    })
    return {
      megabytes: process.platform === "linux" ? peak(pid) : rss(pid),
      onLine: (listener) => listeners.push(listener),
      ended: Effect.callback<never, BenchError>((resume) => {
        const tell = () =>
          resume(
            Effect.fail(
              new BenchError({ message: `${file} ended${log === undefined ? "" : `, see ${log}`}` })
            )
          )
        if (hasEnded(child)) tell()
        else child.once("exit", tell)
      })
    }
  })

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

const kill = (child: ChildProcess) =>
  Effect.callback<void>((resume) => {
    if (hasEnded(child)) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })
