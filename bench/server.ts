/** The PostgreSQL that the contestants share: an embedded one, gone afterwards, or that of `DATABASE_URL`. */
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, FileSystem, Layer, Option, Redacted } from "effect"
import { Reactivity } from "effect/reactivity"
import { embeddedPostgres } from "../src/database/EmbeddedPostgres.ts"
import { Server } from "./Part.ts"

/** A pool of so many connections, of nobody in particular. */
export const connect = (url: Redacted.Redacted, maxConnections = 1) =>
  PgClient.make({ url, maxConnections, applicationName: "bench" }).pipe(Effect.provide(Reactivity.layer))

const databaseOf = (url: Redacted.Redacted) => new URL(Redacted.value(url)).pathname.slice(1)

/** Databases beside that of `DATABASE_URL`, which itself is left alone; its user has to be allowed to create them. */
export const server = Layer.effect(
  Server,
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const given = yield* Config.option(Config.Redacted("DATABASE_URL"))
    const url = Option.isSome(given)
      ? given.value
      : yield* embeddedPostgres(yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-bench-" }))
    const sql = yield* connect(url)
    return Server.of({
      sql,
      database: (template) =>
        Effect.gen(function* () {
          const name = `jarvis_bench_${crypto.randomUUID().replaceAll("-", "")}`
          const like =
            template === undefined ? sql`` : sql`TEMPLATE ${sql(databaseOf(template))} STRATEGY FILE_COPY`
          yield* Effect.acquireRelease(sql`CREATE DATABASE ${sql(name)} ${like}`, () =>
            Effect.orDie(sql`DROP DATABASE ${sql(name)} WITH (FORCE)`)
          )
          return Redacted.make(Object.assign(new URL(Redacted.value(url)), { pathname: `/${name}` }).href)
        })
    })
  })
)
