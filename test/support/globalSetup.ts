/**
 * One PostgreSQL server for the whole run: that of `TEST_DATABASE_URL` where it is set, a container where Docker runs,
 * else an embedded server. Says which.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { NodeServices } from "@effect/platform-node"
import { PostgreSqlContainer } from "@testcontainers/postgresql"
import { Effect, Exit, Redacted, Scope } from "effect"
import { getContainerRuntimeClient } from "testcontainers"
import type { TestProject } from "vitest/node"
import { embeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"

declare module "vitest" {
  export interface ProvidedContext {
    /** A superuser's URL of the server that the tests share. */
    readonly serverUrl: string
  }
}

const start = async (): Promise<{ which: string; url: string; stop: () => Promise<unknown> }> => {
  const given = process.env["TEST_DATABASE_URL"]
  if (given) return { which: "TEST_DATABASE_URL", url: given, stop: async () => undefined }

  const docker = await getContainerRuntimeClient().catch(() => null)
  if (docker !== null) {
    const image = "postgres:18"
    const container = await new PostgreSqlContainer(image).start()
    return {
      which: `Testcontainers, ${image}`,
      url: container.getConnectionUri(),
      stop: () => container.stop()
    }
  }

  const directory = mkdtempSync(join(tmpdir(), "jarvis-test-"))
  const scope = await Effect.runPromise(Scope.make())
  const url = await Effect.runPromise(
    embeddedPostgres(directory).pipe(Scope.provide(scope), Effect.provide(NodeServices.layer))
  )
  return {
    which: "embedded",
    url: Redacted.value(url),
    stop: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void).pipe(Effect.provide(NodeServices.layer)))
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await start()
  process.stdout.write(`PostgreSQL of the tests: ${server.which}\n`)
  project.provide("serverUrl", server.url)
  return async () => {
    await server.stop()
  }
}
