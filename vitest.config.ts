import { defineConfig } from "vitest/config"
import { ownSchema } from "./test/support/ownSchema.ts"

const patience = { testTimeout: 60_000, hookTimeout: 120_000 }

export default defineConfig({
  test: {
    globalSetup: "test/support/globalSetup.ts",
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
          // Loads take as long in any schema.
          exclude: ["test/sql/historyLoad.test.ts"],
          provide: { schema: ownSchema }
        }
      }
    ]
  }
})
