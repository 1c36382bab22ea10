/** Databases as early versions of Jarvis left them, and what became of them. */
import { readdirSync, readFileSync } from "node:fs"
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Redacted } from "effect"
import { inject } from "vitest"
import * as Database from "../../src/database/Database.ts"
import { migrate } from "../../src/database/Migrations.ts"
import { publicSchema } from "../../src/database/SchemaName.ts"
import { asOneStatement } from "../../src/database/sqlFiles.ts"
import { superuser } from "../support/TestDatabase.ts"
import { fill, type Rows, readRows } from "./upgradeRows.ts"

const folder = new URL("../fixtures/migrations/", import.meta.url)

export interface Early {
  /** The number of its last file. */
  readonly version: number
  /** Whether its table row_attempts was called attempts. */
  readonly attempts: boolean
}

/** Every version that has been somewhere. */
export const earlyVersions: ReadonlyArray<Early> = [
  ...Array.from({ length: 10 }, (_, n) => ({ version: n + 1, attempts: false })),
  { version: 9, attempts: true },
  { version: 10, attempts: true }
]

/** Who owns them: a superuser while an early version runs, nobody special afterwards. */
export class Owner extends Context.Service<
  Owner,
  {
    readonly url: URL
    readonly asSuperuser: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  }
>()("test/Owner") {
  static readonly layer = Layer.effect(
    Owner,
    Effect.gen(function* () {
      const server = yield* PgClient.PgClient
      const url = new URL(inject("superuserUrl"))
      url.username = `jarvis_early_${crypto.randomUUID().slice(0, 8)}`
      url.password = "early"
      const role = server(url.username)
      yield* Effect.acquireRelease(
        server`CREATE ROLE ${role} LOGIN PASSWORD ${server.literal(`'${url.password}'`)}`,
        () => Effect.orDie(server`DROP ROLE ${role}`)
      )
      return {
        url,
        asSuperuser: (effect) =>
          Effect.acquireUseRelease(
            Effect.orDie(server`ALTER ROLE ${role} SUPERUSER`),
            () => effect,
            () => Effect.orDie(server`ALTER ROLE ${role} NOSUPERUSER`)
          )
      }
    })
  ).pipe(Layer.provide(superuser))
}

/** A pool on a database of the owner's in which nothing has ever been. */
export const bareDatabase = Layer.unwrap(
  Effect.gen(function* () {
    const { url } = yield* Owner
    const server = yield* PgClient.PgClient
    const name = `jarvis_${crypto.randomUUID().replaceAll("-", "")}`
    yield* Effect.acquireRelease(
      server`CREATE DATABASE ${server(name)} OWNER ${server(url.username)} TEMPLATE template0`,
      () => Effect.orDie(server`DROP DATABASE ${server(name)} WITH (FORCE)`)
    )
    return Database.layer(Redacted.make(Object.assign(new URL(url), { pathname: `/${name}` }).href))
  })
).pipe(Layer.provide(superuser), Layer.fresh)

/** The files that a version ran, as it ran them. */
export const earlyFiles = ({ attempts, version }: Early) =>
  readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const [, id = "", name = "", early] = /^(\d+)_(\w+)(\.early)?\.sql$/.exec(file) ?? []
      if (Number(id) > version || (Number(id) === 9 && (early !== undefined) !== attempts)) return []
      const text = readFileSync(new URL(file, folder), "utf8")
      return [{ id: Number(id), name, statement: asOneStatement(publicSchema, { path: file, text }) }]
    })

/** Runs them, and writes them down as the migrator of that time did. */
export const runEarly = Effect.fnUntraced(function* (early: Early) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    CREATE TABLE jarvis_migrations (
      migration_id integer primary key,
      created_at timestamp with time zone not null default now(),
      name text not null
    )
  `
  for (const { id, name, statement } of earlyFiles(early)) {
    yield* sql.unsafe(statement)
    yield* sql`INSERT INTO jarvis_migrations ${sql.insert({ migration_id: id, name })}`
  }
})

export const migratePublic = Effect.provide(migrate(publicSchema), NodeServices.layer)

/** A database of an early version, with rows in flight, that has been upgraded. */
export class Upgraded extends Context.Service<
  Upgraded,
  { readonly early: Early; readonly before: Rows; readonly ran: ReadonlyArray<string>; readonly after: Rows }
>()("test/Upgraded") {
  static readonly from = (early: Early) =>
    Layer.effect(
      Upgraded,
      Effect.gen(function* () {
        const { asSuperuser } = yield* Owner
        yield* asSuperuser(Effect.andThen(runEarly(early), fill(early)))
        const before = yield* readRows
        const ran = yield* migratePublic
        return { early, before, ran, after: yield* readRows }
      })
    ).pipe(Layer.provideMerge(bareDatabase))
}
