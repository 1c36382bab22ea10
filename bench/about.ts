/** What the figures were measured on. */
import { execFileSync } from "node:child_process"
import os from "node:os"
import { fileURLToPath } from "node:url"
import { Effect, FileSystem, Schema } from "effect"
import { Server } from "./Part.ts"

const root = new URL("../", import.meta.url)

const Package = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const version = Effect.fnUntraced(function* (name: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* fs.readFileString(fileURLToPath(new URL(`node_modules/${name}/package.json`, root)))
  return (yield* Schema.decodeUnknownEffect(Package)(text)).version
})

/** The commit that is measured, and whether the sources differ from it. */
export const commit = Effect.try(() =>
  execFileSync("git", ["describe", "--always", "--dirty"], {
    cwd: fileURLToPath(root),
    encoding: "utf8"
  }).trim()
).pipe(Effect.orElseSucceed(() => "unknown"))

/** Settings of the server that make a difference. */
const settings = [
  ...["synchronous_commit", "fsync", "shared_buffers", "wal_buffers", "max_wal_size", "work_mem"],
  ...["effective_cache_size", "jit", "autovacuum"]
]

export const about = Effect.gen(function* () {
  const { sql } = yield* Server
  const [server] = yield* sql<{
    readonly version: string
  }>`SELECT current_setting('server_version') AS version`
  const found = yield* sql<{ readonly name: string; readonly value: string }>`
    SELECT name, current_setting(name) AS value FROM pg_settings WHERE ${sql.in("name", settings)} ORDER BY name
  `
  const cpus = os.cpus()
  return {
    machine: {
      processor: cpus[0]?.model.trim() ?? "unknown",
      cores: String(cpus.length),
      memory: `${Math.round(os.totalmem() / 2 ** 30)} GB`,
      system: `${os.type()} ${os.release()}`
    },
    versions: {
      PostgreSQL: server?.version ?? "unknown",
      Node: process.versions.node,
      effect: yield* version("effect"),
      "graphile-worker": yield* version("graphile-worker"),
      "pg-boss": yield* version("pg-boss")
    },
    postgres: Object.fromEntries(found.map(({ name, value }) => [name, value]))
  }
})
