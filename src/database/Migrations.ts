/**
 * The tables, functions and triggers, from the numbered files of sql/. Effect's Migrator runs those that have not run
 * yet in one transaction, under a lock on its own table, so two processes that start together do not collide.
 */
import { Effect, FileSystem, Path, Schedule } from "effect"
import { Migrator, SqlClient, SqlError } from "effect/sql"

/** Where the files stand, seen from src/database and from dist/database alike. */
const directory = new URL("../../sql/", import.meta.url)

/**
 * The protocol that sql-pg speaks takes one statement at a time, and a file holds many: a DO block executes them all.
 * The two dollar quotes are ones that no migration uses.
 */
const asOneStatement = (file: string): string =>
  `DO $jarvis_do$ BEGIN EXECUTE $jarvis_file$${file}$jarvis_file$; END $jarvis_do$`

const loader: Migrator.Loader<FileSystem.FileSystem | Path.Path> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = yield* path.fromFileUrl(directory)
  const files = yield* fs.readDirectory(root)
  return files
    .map((file) => /^(\d+)_(\w+)\.sql$/.exec(file))
    .filter((match) => match !== null)
    .map(
      ([file, id, name = ""]): Migrator.ResolvedMigration => [
        Number(id),
        name,
        Effect.map(fs.readFileString(path.join(root, file)), (text) =>
          Effect.flatMap(SqlClient.SqlClient, (sql) => sql.unsafe(asOneStatement(text)))
        )
      ]
    )
    .sort(([a], [b]) => a - b)
}).pipe(
  Effect.mapError(
    (cause) =>
      new Migrator.MigrationError({
        kind: "ImportError",
        message: `cannot read ${directory.pathname}`,
        cause
      })
  )
)

const isLocked = (error: unknown): boolean => {
  if (error instanceof Migrator.MigrationError) return isLocked(error.cause)
  return SqlError.isSqlError(error) && error.reason._tag === "LockTimeoutError"
}

/**
 * Brings the database up to date and answers the migrations that ran: `[id, name]`. While another process migrates, or
 * somebody holds a table, it tries again for a minute.
 */
export const migrate = Migrator.make({})({ loader, table: "jarvis_migrations" }).pipe(
  Effect.retry({ while: isLocked, schedule: Schedule.spaced("500 millis"), times: 25 })
)
