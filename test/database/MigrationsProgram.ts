/** A program whose sql/ is another one. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Effect, FileSystem, Layer } from "effect"
import { migrate } from "../../src/database/Migrations.ts"
import { readSqlFiles } from "../../src/database/sqlFiles.ts"
import { schema } from "../support/TestDatabase.ts"

/** Texts by their path below sql/: more of them, or others. Null where the program has no such file. */
export type Texts = { readonly [path: string]: string | null }

const parts = /(?:.*\/)?sql\/(\w+)(?:\/(.*))?$/

/** The services that such a program reads its files with. */
export const programWith = (texts: Texts) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) => ({
      ...fs,
      readDirectory: (path, options) =>
        Effect.map(fs.readDirectory(path, options), (names) => {
          const [, folder] = parts.exec(path) ?? []
          const added = Object.keys(texts).flatMap((text) => {
            const [above, name] = text.split("/")
            return above === folder && name !== undefined ? [name] : []
          })
          return [...new Set([...names, ...added])].filter((name) => texts[`${folder}/${name}`] !== null)
        }),
      readFileString: (path, encoding) => {
        const [, folder, name] = parts.exec(path) ?? []
        const text = texts[`${folder}/${name}`]
        return typeof text === "string" ? Effect.succeed(text) : fs.readFileString(path, encoding)
      }
    }))
  ).pipe(Layer.provideMerge(NodeServices.layer))

/** What stands in sql/. */
export const sqlFiles = Effect.provide(readSqlFiles, NodeServices.layer)

/** Migrates as that program does. */
export const migrateAs = (texts: Texts) =>
  Effect.flatMap(schema, migrate).pipe(Effect.provide(programWith(texts), { local: true }))

/** What the migrator has written down, but for the times. */
export const readBooks = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return {
    migrations: yield* sql`SELECT id, name, checksum FROM jarvis_migrations ORDER BY id`,
    functions: yield* sql`SELECT version, checksum FROM jarvis_functions`
  }
})
