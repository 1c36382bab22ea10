import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"
import * as Database from "../../src/database/Database.ts"
import { migrate } from "../../src/database/Migrations.ts"

/** A database of its own for a test file, or for a test: created empty, dropped at the end. */
export class TestDatabase extends Context.Service<TestDatabase, { readonly url: Redacted.Redacted }>()(
  "test/TestDatabase"
) {
  static readonly layer = Layer.effect(
    TestDatabase,
    Effect.gen(function* () {
      const server = yield* PgClient.PgClient
      const name = `jarvis_${crypto.randomUUID().replaceAll("-", "")}`
      yield* Effect.acquireRelease(server`CREATE DATABASE ${server(name)}`, () =>
        Effect.orDie(server`DROP DATABASE ${server(name)} WITH (FORCE)`)
      )
      const url = new URL(inject("serverUrl"))
      url.pathname = `/${name}`
      return { url: Redacted.make(url.href) }
    })
  ).pipe(Layer.provide(Layer.suspend(() => Database.layer(Redacted.make(inject("serverUrl"))))))
}

/** A pool on an empty database. */
export const emptyDatabase = Layer.unwrap(TestDatabase.useSync(({ url }) => Database.layer(url))).pipe(
  Layer.provideMerge(TestDatabase.layer)
)

/** A pool on a migrated database. */
export const testDatabase = Layer.effectDiscard(Effect.provide(migrate, NodeServices.layer)).pipe(
  Layer.provideMerge(emptyDatabase)
)
