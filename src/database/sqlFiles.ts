/** The SQL of sql/, as files: what each is for, and how it becomes statements for one schema. */
import { createHash } from "node:crypto"
import { Effect, FileSystem, Path, type PlatformError, Schema } from "effect"
import { root } from "../root.ts"
import type { SchemaName } from "./SchemaName.ts"

const directory = new URL("sql/", root)

export interface SqlFile {
  /** `sql/migrations/0001_baseline.sql` */
  readonly path: string
  readonly text: string
}

/** A file of sql/migrations: it runs once, and its text never changes. */
export interface Migration extends SqlFile {
  readonly id: number
  readonly name: string
  readonly checksum: string
  /**
   * False where its first line says `-- no transaction`: its statements run one by one, and each of them can be repeated.
   * A statement ends with a semicolon at the end of a line; lines that begin with `--` belong to none.
   */
  readonly inTransaction: boolean
}

/** The files of sql/functions: one current text, applied as a whole. */
export interface Functions {
  readonly files: ReadonlyArray<SqlFile>
  /** Of names and texts together. */
  readonly checksum: string
  /** Raised with every change of a text that has landed: the higher one is the newer one. */
  readonly version: number
}

export interface SqlFiles {
  /** What the migrator keeps its books in. */
  readonly bookkeeping: SqlFile
  readonly migrations: ReadonlyArray<Migration>
  readonly functions: Functions
}

/** A checkout on Windows may have other ends of lines. */
const checksumOf = (...texts: ReadonlyArray<string>): string =>
  createHash("sha256").update(texts.join("\0").replaceAll("\r\n", "\n")).digest("hex")

const Version = Schema.fromJsonString(Schema.Struct({ version: Schema.Int, checksum: Schema.String }))

/** Reads sql/. That it can be read is part of the installation. */
export const readSqlFiles: Effect.Effect<
  SqlFiles,
  PlatformError.PlatformError | Schema.SchemaError,
  FileSystem.FileSystem | Path.Path
> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const base = yield* Effect.orDie(path.fromFileUrl(directory))
  const read = Effect.fnUntraced(function* (folder: string) {
    const names = (yield* fs.readDirectory(path.join(base, folder))).filter((name) => name.endsWith(".sql"))
    return yield* Effect.forEach(names.sort(), (name) =>
      Effect.map(fs.readFileString(path.join(base, folder, name)), (text) => ({
        name,
        path: `sql/${folder}/${name}`,
        text
      }))
    )
  })

  const migrations = (yield* read("migrations")).flatMap(({ name, path, text }): Array<Migration> => {
    const [, id, title] = /^(\d+)_(\w+)\.sql$/.exec(name) ?? []
    if (id === undefined || title === undefined) return []
    const inTransaction = !/^-- no transaction\r?\n/.test(text)
    return [{ id: Number(id), name: title, path, text, checksum: checksumOf(text), inTransaction }]
  })
  const files = yield* read("functions")
  const { version } = yield* Schema.decodeEffect(Version)(
    yield* fs.readFileString(path.join(base, "functions/version.json"))
  )
  const checksum = checksumOf(...files.flatMap(({ name, text }) => [name, text]))
  const bookkeeping = {
    path: "sql/bookkeeping.sql",
    text: yield* fs.readFileString(path.join(base, "bookkeeping.sql"))
  }
  return { bookkeeping, migrations, functions: { files, checksum, version } }
})

/** Where a text is to work: in a schema, or among the temporary tables of a session. */
export type Place = SchemaName | "pg_temp"

/** A schema's name as SQL has it. */
export const quoted = (place: Place): string => (place === "pg_temp" ? place : `"${place}"`)

/** What stands before the names of a schema's channels. */
export const channelPrefix = (place: Place): string => (place === "public" ? "" : `${place}.`)

/** The text for a schema: `:SCHEMA` is its name, `:CHANNEL.` what the names of its channels begin with. */
const textIn = (place: Place, text: string): string =>
  text.replaceAll(":SCHEMA", quoted(place)).replaceAll(":CHANNEL.", channelPrefix(place))

/** The SQL that makes the roles for a schema. */
export const readRoles = Effect.fnUntraced(function* (schema: SchemaName) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const file = yield* path.fromFileUrl(new URL("roles.sql", directory))
  return textIn(schema, yield* fs.readFileString(file))
}, Effect.orDie)

/**
 * A file as one statement: the protocol that sql-pg speaks takes one at a time, and a DO block executes them all. The two
 * dollar quotes are ones that no file uses. Where nothing can run concurrently, nothing has to.
 */
export const asOneStatement = (place: Place, { text }: SqlFile): string =>
  `DO $jarvis_do$ BEGIN EXECUTE $jarvis_file$${withoutConcurrently(textIn(place, text))}$jarvis_file$; END $jarvis_do$`

/** The statements of a file that runs outside a transaction. */
export const statementsOf = (place: Place, { text }: SqlFile): ReadonlyArray<string> =>
  textIn(place, text)
    .replaceAll(/^[ \t]*--.*$/gm, "")
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "")

export const withoutConcurrently = (statement: string): string => statement.replaceAll(" CONCURRENTLY", "")
