/** Where a run of the tests keeps its databases and whatever else it writes. */
import { mkdirSync, readdirSync, rmSync, statfsSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const memory = "/dev/shm"

/** Whether this machine keeps files in memory, and has room there for the databases of a run. */
const hasMemory = (): boolean => {
  try {
    const { bavail, bsize } = statfsSync(memory)
    return bavail * bsize > 4 * 1024 ** 3
  } catch {
    return false
  }
}

/** A table or a database costs half as much where no disk is behind it. */
const usual = () => process.env["TMPDIR"] ?? (hasMemory() ? memory : tmpdir())

/** Also where it is somebody else's. */
const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/**
 * Makes a directory for this process, and removes what killed runs have left: memory is dear. A PostgreSQL that still runs
 * there ends within a minute, when it notices.
 */
export const runDirectory = (base: string = usual()): string => {
  for (const name of readdirSync(base)) {
    const [, pid] = /^jarvis-run-([0-9]+)$/.exec(name) ?? []
    if (pid !== undefined && !isRunning(Number(pid))) remove(join(base, name))
  }
  const directory = join(base, `jarvis-run-${process.pid}`)
  mkdirSync(directory, { recursive: true })
  return directory
}

/** Removes it, as far as that goes. */
export const remove = (directory: string): void => {
  try {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  } catch {
    // Somebody else's, or still written to: the next run tries again.
  }
}
