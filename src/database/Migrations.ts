/**
 * The way of a database to what this program expects of it: sql/migrations/ once each, then sql/functions/ as a whole
 * wherever their text is another one.
 *
 * Whoever writes meanwhile is held up for a moment at most: a statement that waits 100 ms for a table gives up, and its
 * transaction begins again a little later.
 */
import { PgClient } from "@effect/sql-pg"
import { Data, Duration, Effect, type FileSystem, type Path, Schedule, Schema } from "effect"
import { Reactivity } from "effect/reactivity"
import type { SqlError } from "effect/sql"
import type { Catalog } from "./catalog.ts"
import { sayWhy, whatAPoolerNeeds } from "./Database.ts"
import { ddl } from "./ddl.ts"
import { readExpected } from "./expected.ts"
import { findOwnOutdated, replaceFunctions } from "./functions.ts"
import { isBook } from "./preflight/Comparison.ts"
import { anywhere, type Finding, worstFirst } from "./preflight/Finding.ts"
import { refusal } from "./preflight/report.ts"
import { findInstead, inspect, type Plan, survey } from "./preflight.ts"
import type { SchemaName } from "./SchemaName.ts"
import {
  asOneStatement,
  type Migration,
  quoted,
  readSqlFiles,
  type SqlFiles,
  statementsOf,
  withoutConcurrently
} from "./sqlFiles.ts"

/** Why a database is not brought up to date. */
export class MigrationError extends Schema.TaggedError<MigrationError>()("MigrationError", {
  message: Schema.String
}) {}

/** The preflight found something fatal: nothing has changed. */
export class Unfit extends Data.TaggedError("Unfit")<{ readonly plan: Plan; readonly message: string }> {}

const functionsName = "functions"
const nameOf = ({ id, name }: Migration): string => `${String(id).padStart(4, "0")}_${name}`

/** What the database says has run in it. */
const Ran = Schema.Struct({
  migrations: Schema.Array(
    Schema.Struct({
      id: Schema.Int,
      name: Schema.String,
      /** Null of the early migrations, whose place the baseline takes. */
      checksum: Schema.NullOr(Schema.String),
      at: Schema.String
    })
  ),
  functions: Schema.NullOr(Schema.Struct({ version: Schema.Int, checksum: Schema.String }))
})
type Ran = typeof Ran.Type
const decodeRan = Schema.decodeUnknownEffect(Ran)

/** One session for all: its lock is the session's, and so is its search path. */
const session = (pool: PgClient.PgClient, schema: SchemaName) =>
  PgClient.makeClient({
    ...pool.config,
    // In the texts of sql/ a backslash is one, whatever a database says.
    startupParameters: { search_path: quoted(schema), standard_conforming_strings: "on" }
  }).pipe(Effect.provide(Reactivity.layer))

/** A pooler that ignores what is asked of a session lends another one to each statement. */
const isOurs = (sql: PgClient.PgClient, schema: SchemaName) =>
  sql<{ readonly path: string }>`SELECT current_setting('search_path') AS path`.pipe(
    Effect.map(([row]) => row?.path === quoted(schema))
  )

/** One process at a time. It asks again and again, because whoever waits in a statement keeps indexes from being built. */
const exclusively = Effect.fnUntraced(function* (sql: PgClient.PgClient, schema: SchemaName) {
  const key = sql`hashtextextended('jarvis migrates ' || ${schema}, 0)`
  // A session that a pooler lends out outlives us.
  yield* Effect.addFinalizer(() => Effect.ignore(sql`SELECT pg_advisory_unlock(${key})`))
  yield* sql<{ readonly locked: boolean }>`SELECT pg_try_advisory_lock(${key}) AS locked`.pipe(
    Effect.repeat({ until: ([row]) => row?.locked === true, schedule: Schedule.spaced("100 millis") }),
    Effect.timeoutOrElse({
      duration: Duration.minutes(30),
      orElse: () => new MigrationError({ message: "another process has been migrating for half an hour" })
    })
  )
})

const readRan = Effect.fnUntraced(function* (sql: PgClient.PgClient, actual: Catalog) {
  const has = (name: string) =>
    actual.relations.some((relation) => relation.name === name && isBook(relation))
  const rows = has("jarvis_migrations")
    ? yield* sql`
        SELECT coalesce((ran.row ->> 'id')::int, (ran.row ->> 'migration_id')::int) AS id, ran.row ->> 'name' AS name,
          ran.row ->> 'checksum' AS checksum, coalesce(ran.row ->> 'applied_at', ran.row ->> 'created_at') AS at
        FROM (SELECT to_jsonb(jarvis_migrations.*) AS row FROM jarvis_migrations) AS ran
        ORDER BY 1
      `
    : []
  const [functions = null] = has("jarvis_functions")
    ? yield* sql`SELECT jarvis_functions.version, jarvis_functions.checksum FROM jarvis_functions`
    : []
  return yield* Effect.orDie(decodeRan({ migrations: rows, functions }))
})

/** Stops what would do harm: a program that is older than the database, and a migration that changed after it ran. */
const check = Effect.fnUntraced(function* (ran: Ran, { functions, migrations }: SqlFiles) {
  for (const { at, checksum, id, name } of ran.migrations) {
    if (checksum === null) continue
    const file = migrations.find((one) => one.id === id)
    if (file === undefined) {
      return yield* new MigrationError({
        message: `a newer version of Jarvis has migrated this database (${id} ${name}, on ${at}): run that version, or a later one`
      })
    }
    if (file.checksum !== checksum) {
      return yield* new MigrationError({
        message: `${file.path} is not the file that ran here on ${at}: a migration that has landed never changes. Take it back to what it was, and write what is new into a file of its own`
      })
    }
  }
  if (ran.functions !== null && ran.functions.version > functions.version) {
    return yield* new MigrationError({
      message: `a newer version of Jarvis has put its functions into this database (version ${ran.functions.version}; this one has ${functions.version}): run that version, or a later one`
    })
  }
})

const isPending = (ran: Ran) => (migration: Migration) =>
  !ran.migrations.some(({ checksum, id }) => id === migration.id && checksum !== null)

const hasOtherFunctions = (ran: Ran, { functions }: SqlFiles): boolean =>
  ran.functions?.checksum !== functions.checksum || ran.functions.version !== functions.version

/** Up to this size, in bytes, a table is indexed in a moment. */
const small = 8 * 1024 * 1024

const IndexStatement = /^CREATE (?:UNIQUE )?INDEX CONCURRENTLY IF NOT EXISTS (\w+)\s+ON \S+?\.(\w+)/

/**
 * Runs a statement outside of transactions. An index that an earlier try left unfinished is made anew. One on a small table
 * is not made concurrently, which would wait for every transaction of the database.
 */
const runAlone = Effect.fnUntraced(function* (sql: PgClient.PgClient, schema: SchemaName, statement: string) {
  const [, index, table] = IndexStatement.exec(statement) ?? []
  if (index === undefined || table === undefined) return yield* sql.unsafe(statement)
  const [state] = yield* sql<{ readonly unfinished: boolean; readonly small: boolean }>`
    SELECT coalesce(
        (SELECT NOT pg_index.indisvalid FROM pg_index WHERE pg_index.indexrelid = to_regclass(${`${quoted(schema)}.${index}`})),
        false
      ) AS unfinished,
      pg_relation_size(to_regclass(${`${quoted(schema)}.${table}`})) <= ${small}::bigint AS small
  `
  if (state?.unfinished) yield* sql.unsafe(`DROP INDEX CONCURRENTLY ${quoted(schema)}.${index}`)
  return yield* state?.small ? ddl(sql)(sql.unsafe(withoutConcurrently(statement))) : sql.unsafe(statement)
})

/** Makes sure of the books, in the transaction of what is written down there: what fails leaves those of an early program. */
const openBooks = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  schema: SchemaName,
  { bookkeeping }: SqlFiles
) {
  const [row] = yield* sql<{ readonly missing: boolean }>`
    SELECT to_regnamespace(quote_ident(${schema})) IS NULL AS missing
  `
  // IF NOT EXISTS would ask for a right on the database in any case.
  if (row?.missing) yield* sql.unsafe(`CREATE SCHEMA ${quoted(schema)}`)
  yield* sql.unsafe(asOneStatement(schema, bookkeeping))
})

const runMigration = Effect.fnUntraced(
  function* (sql: PgClient.PgClient, schema: SchemaName, files: SqlFiles, migration: Migration) {
    const record = sql`
      INSERT INTO jarvis_migrations (id, name, checksum)
      VALUES (${migration.id}, ${migration.name}, ${migration.checksum})
    `
    if (!migration.inTransaction) {
      yield* ddl(sql)(openBooks(sql, schema, files))
      yield* Effect.forEach(
        statementsOf(schema, migration),
        (statement) => runAlone(sql, schema, statement),
        { discard: true }
      )
      return yield* record
    }
    return yield* ddl(sql)(
      Effect.gen(function* () {
        yield* openBooks(sql, schema, files)
        yield* sql.unsafe(asOneStatement(schema, migration))
        // The early migrations, whose place it takes.
        yield* sql`DELETE FROM jarvis_migrations WHERE jarvis_migrations.checksum IS NULL`
        yield* record
      })
    )
  },
  (effect, _sql, _schema, _files, migration) =>
    Effect.mapError(effect, (error) => new MigrationError({ message: `${migration.path}: ${sayWhy(error)}` }))
)

const failed = (message: string) => Effect.fail(new MigrationError({ message }))
const sqlFailed = (error: SqlError.SqlError) => failed(sayWhy(error))

const readPlan = Effect.fnUntraced(function* (sql: PgClient.PgClient, schema: SchemaName, files: SqlFiles) {
  const seen = yield* survey(sql, schema)
  const ran: Ran = seen.isBlind ? { migrations: [], functions: null } : yield* readRan(sql, seen.actual)
  yield* check(ran, files)
  const migrations = files.migrations.filter(isPending(ran))
  const functions = hasOtherFunctions(ran, files)
  const pending = [...migrations.map(nameOf), ...(functions ? [functionsName] : [])]
  const { expected, findings } = yield* inspect(
    sql,
    seen,
    schema,
    { files: pending.length === 0 ? [] : [files.bookkeeping, ...migrations], functions },
    ran.migrations.length > 0 || ran.functions !== null,
    readExpected(sql, files)
  )
  const plan: Plan = {
    schema,
    serverVersion: seen.server.version,
    findings,
    pending,
    instead: yield* findInstead(sql, seen, schema, findings)
  }
  return { actual: seen.actual, expected, plan, migrations, functions }
})

/** What the functions cannot be made anew for. */
const inTheWay = (message: string): Finding =>
  anywhere("fatal", "sql/functions", { is: "in use", must: "free to be made anew", todo: message })

/** What `migrate` would do, without doing it. */
export const plan = (
  schema: SchemaName
): Effect.Effect<Plan, MigrationError, PgClient.PgClient | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const sql = yield* session(yield* PgClient.PgClient, schema)
    const { actual, expected, functions, plan } = yield* readPlan(
      sql,
      schema,
      yield* Effect.orDie(readSqlFiles)
    )
    if (!functions) return plan
    return yield* findOwnOutdated(sql, schema, actual, expected).pipe(
      Effect.as(plan),
      Effect.catchTag("Dependent", ({ message }) =>
        Effect.succeed({ ...plan, findings: worstFirst([inTheWay(message), ...plan.findings]) })
      )
    )
  }).pipe(Effect.catchTag("SqlError", sqlFailed), Effect.scoped)

/**
 * Brings the database up to date and answers the names of what ran. Where nothing is fatal, `tell` hears the plan before
 * anything changes.
 */
export const migrate = (
  schema: SchemaName,
  tell: (plan: Plan) => Effect.Effect<void> = () => Effect.void
): Effect.Effect<
  ReadonlyArray<string>,
  MigrationError | Unfit,
  PgClient.PgClient | FileSystem.FileSystem | Path.Path
> =>
  Effect.gen(function* () {
    const files = yield* Effect.orDie(readSqlFiles)
    const sql = yield* session(yield* PgClient.PgClient, schema)
    const mayChange = yield* isOurs(sql, schema)
    if (mayChange) yield* exclusively(sql, schema)
    const { actual, expected, functions, migrations, plan } = yield* readPlan(sql, schema, files)
    if (plan.pending.length > 0 && !mayChange) {
      return yield* failed(
        `a migration needs a session of its own, which DATABASE_URL does not give. ${whatAPoolerNeeds}`
      )
    }
    if (plan.findings.some(({ level }) => level === "fatal")) {
      return yield* new Unfit({ plan, message: refusal(plan) })
    }
    yield* tell(plan)
    if (migrations.length === 0 && !functions) return []

    // What stands in the functions' way is found before anything changes.
    if (functions) yield* findOwnOutdated(sql, schema, actual, expected)
    yield* Effect.forEach(migrations, (migration) => runMigration(sql, schema, files, migration), {
      discard: true
    })
    if (!functions) return migrations.map(nameOf)
    yield* ddl(sql)(
      Effect.gen(function* () {
        yield* openBooks(sql, schema, files)
        yield* replaceFunctions(sql, schema, files.functions, actual, expected)
        yield* sql`DELETE FROM jarvis_functions`
        yield* sql`
          INSERT INTO jarvis_functions (version, checksum) VALUES (${files.functions.version}, ${files.functions.checksum})
        `
      })
    )
    return [...migrations.map(nameOf), functionsName]
  }).pipe(
    Effect.catchTags({ SqlError: sqlFailed, Dependent: ({ message }) => failed(message) }),
    Effect.scoped
  )
