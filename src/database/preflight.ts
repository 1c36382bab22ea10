/**
 * The preflight: a company may have tables of Jarvis's names already. Before anything changes, whatever stands there and is
 * not as Jarvis expects it becomes a finding.
 */
import type { PgClient } from "@effect/sql-pg"
import { Effect } from "effect"
import type { SqlError } from "effect/sql"
import { type Catalog, readCatalog } from "./catalog.ts"
import { readBring } from "./preflight/bring.ts"
import type { Comparison } from "./preflight/Comparison.ts"
import { inspectColumns } from "./preflight/columns.ts"
import { type Finding, worstFirst } from "./preflight/Finding.ts"
import { findSchema, isCurable } from "./preflight/instead.ts"
import { inspectKeys } from "./preflight/keys.ts"
import { inspectBooks, inspectRights } from "./preflight/rights.ts"
import { inspectRoutines } from "./preflight/routines.ts"
import { inspectDoubles, inspectWaiting } from "./preflight/rows.ts"
import {
  canCompare,
  inspectServer,
  inspectTemporary,
  isTooOld,
  readServer,
  type ServerState
} from "./preflight/server.ts"
import { inspectShadows } from "./preflight/shadows.ts"
import { inspectTables } from "./preflight/tables.ts"
import { inspectNames } from "./preflight/takenNames.ts"
import { inspectTriggers } from "./preflight/triggers.ts"
import type { SchemaName } from "./SchemaName.ts"
import type { SqlFile } from "./sqlFiles.ts"

/** What `migrate` would meet, and do. */
export interface Plan {
  readonly schema: SchemaName
  readonly serverVersion: string
  /** The worst first. */
  readonly findings: ReadonlyArray<Finding>
  /** The names of what has not run here: `0002_indexes`, and `functions` where their text is another one. */
  readonly pending: ReadonlyArray<string>
  /** A schema in which nothing would be fatal; null where nothing is, or no schema cures it. */
  readonly instead: SchemaName | null
}

const nothing: Catalog = { relations: [], routines: [], others: [] }

/** What the server is, and what stands in the schema. */
export interface Survey {
  readonly server: ServerState
  readonly actual: Catalog
  /** Whether no more can be seen than this; then findings say why. */
  readonly isBlind: boolean
  readonly findings: ReadonlyArray<Finding>
}

/** Looks at what can be looked at whatever has run here. */
export const survey = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  schema: SchemaName
): Effect.fn.Return<Survey, SqlError.SqlError> {
  const server = yield* readServer(sql, schema)
  const actual = isTooOld(server) ? nothing : yield* readCatalog(sql, schema)
  const books = Array.from(inspectBooks(server, actual, schema))
  return {
    server,
    actual,
    isBlind: isTooOld(server) || books.length > 0,
    findings: [...inspectServer(server), ...books]
  }
})

/** What is to run: the files of migrations, and whether the functions are put in place. */
export interface Pending {
  readonly files: ReadonlyArray<SqlFile>
  readonly functions: boolean
}

/** Every difference between what stands there and what is expected, the worst first. */
export const inspect = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  { actual, findings, isBlind, server }: Survey,
  schema: SchemaName,
  { files, functions }: Pending,
  isOurs: boolean,
  readExpected: Effect.Effect<Catalog, SqlError.SqlError>
): Effect.fn.Return<
  { readonly expected: Catalog; readonly findings: ReadonlyArray<Finding> },
  SqlError.SqlError
> {
  // Where Jarvis lives already, its rows are.
  const here = (all: ReadonlyArray<Finding>) =>
    worstFirst(all.map((finding) => ({ ...finding, cured: finding.cured && !isOurs })))
  const isUpToDate = files.length === 0 && !functions
  const temporary = Array.from(inspectTemporary(server, isUpToDate))
  if (isBlind || !canCompare(server)) {
    return { expected: nothing, findings: here([...findings, ...temporary]) }
  }
  const expected = yield* readExpected
  const comparison: Comparison = {
    schema,
    actual,
    expected,
    brings: readBring(files),
    bringsFunctions: functions,
    isOurs
  }
  return {
    expected,
    findings: here([
      ...findings,
      ...temporary,
      ...inspectNames(comparison),
      ...inspectTables(comparison),
      ...inspectColumns(comparison),
      ...inspectKeys(comparison),
      ...inspectTriggers(comparison),
      ...inspectRoutines(comparison),
      ...(isUpToDate ? [] : inspectRights(server, comparison)),
      ...(yield* inspectShadows(sql, server, schema, expected)),
      ...(yield* inspectDoubles(sql, comparison)),
      ...(yield* inspectWaiting(sql, comparison))
    ])
  }
})

/** Where all that is fatal would be cured, if anywhere. */
export const findInstead = (
  sql: PgClient.PgClient,
  { server }: Survey,
  schema: SchemaName,
  findings: ReadonlyArray<Finding>
): Effect.Effect<SchemaName | null, SqlError.SqlError> =>
  isCurable(findings) ? findSchema(sql, server, schema) : Effect.succeed(null)
