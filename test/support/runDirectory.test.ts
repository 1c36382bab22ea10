import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { runDirectory } from "./runDirectory.ts"

it.effect("what killed runs have left is removed; those that run, and all else, are left alone", () =>
  Effect.gen(function* () {
    const base = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "jarvis-test-"))),
      (base) => Effect.sync(() => rmSync(base, { recursive: true }))
    )
    const { pid } = spawnSync(process.execPath, ["--version"])
    const killed = join(base, `jarvis-run-${pid}`)
    const others = [`jarvis-run-${process.ppid}`, "jarvis-run-", `jarvis-run-${pid}x`].map((name) =>
      join(base, name)
    )
    for (const directory of [killed, ...others]) {
      mkdirSync(directory)
      writeFileSync(join(directory, "file"), "")
    }
    const own = runDirectory(base)
    assert.isFalse(existsSync(killed))
    for (const directory of [own, ...others]) assert.isTrue(existsSync(directory))
  })
)
