import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"
import { ownSchema } from "./test/support/ownSchema.ts"
import { remove, runDirectory } from "./test/support/runDirectory.ts"

// Workers, and what they start, take these over. What Node has compiled once need not be compiled by each worker and each
// program of a test.
const directory = runDirectory()
process.once("exit", () => remove(directory))
process.env["TMPDIR"] = directory
process.env["NODE_COMPILE_CACHE"] ??= fileURLToPath(new URL("node_modules/.cache/node", import.meta.url))

/**
 * The test files of a worker share the program's modules: to load them takes longer than most files do. Programs that start
 * side by side each take as much longer.
 */
const shared = { testTimeout: 120_000, hookTimeout: 120_000, maxConcurrency: 3, isolate: false }

export default defineConfig(({ mode }) => ({
  test: {
    globalSetup: "test/support/globalSetup.ts",
    // Most tests wait for something.
    maxWorkers: 4,
    projects: [
      {
        test: {
          ...shared,
          name: "public",
          include: ["test/**/*.test.ts"],
          provide: { schema: "public", long: mode === "long" }
        }
      },
      /** What touches the database runs again in a schema of its own, beside hostile neighbours. */
      {
        test: {
          ...shared,
          name: "own schema",
          include: ["test/{sql,database,process}/**/*.test.ts"],
          // Not what is about no schema in particular: settings, the guide, the embedded server, loads, early databases, one test for
          // each kind of finding, and what cluster.test.ts and Lease.test.ts show of several processes.
          exclude: [
            "test/process/{adoption,clusterPort,settings,standBy}.test.ts",
            "test/database/{EmbeddedPostgres,embeddedUser,tls}.test.ts",
            "test/sql/historyLoad.test.ts",
            "test/database/upgrade*.test.ts",
            "test/database/{preflight,functions,Migrations}?*.test.ts"
          ],
          provide: { schema: ownSchema, long: mode === "long" }
        }
      }
    ]
  }
}))
