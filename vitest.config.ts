import { defineConfig } from "vitest/config"
import { ownSchema } from "./test/support/ownSchema.ts"

const patience = { testTimeout: 60_000, hookTimeout: 120_000 }

export default defineConfig({
  test: {
    globalSetup: "test/support/globalSetup.ts",
    // Most tests wait for something.
    maxWorkers: 4,
    projects: [
      {
        test: { ...patience, name: "public", include: ["test/**/*.test.ts"], provide: { schema: "public" } }
      },
      /** What touches the database runs again in a schema of its own, beside hostile neighbours. */
      {
        test: {
          ...patience,
          name: "own schema",
          include: ["test/{sql,database,process}/**/*.test.ts"],
          // Not what is about no schema in particular: loads, early databases, and one test for each kind of finding.
          exclude: [
            "test/sql/historyLoad.test.ts",
            "test/database/upgrade*.test.ts",
            "test/database/{preflight,functions,Migrations}?*.test.ts"
          ],
          provide: { schema: ownSchema }
        }
      }
    ]
  }
})
