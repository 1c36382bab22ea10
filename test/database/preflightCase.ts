/** What the preflight says of tables that stand already. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { migrate, plan } from "../../src/database/Migrations.ts"
import type { Finding } from "../../src/database/preflight/Finding.ts"
import { schema } from "../support/TestDatabase.ts"

/** What `jarvis migrate --dry-run` has to say. */
export const planned = Effect.flatMap(schema, plan).pipe(Effect.provide(NodeServices.layer))

/** What is worse than harmless, as `fatal column events.id`. */
export const worse = (findings: ReadonlyArray<Finding>): ReadonlyArray<string> =>
  findings.filter(({ level }) => level !== "harmless").map(({ level, object }) => `${level} ${object}`)

/** Whether there is something that Jarvis cannot work with. */
export const isFatal = (findings: ReadonlyArray<Finding>): boolean =>
  findings.some(({ level }) => level === "fatal")

export const run = Effect.fnUntraced(function* (...statements: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  for (const statement of statements) yield* sql.unsafe(statement)
})

/** Empties the schema, or makes it. */
export const emptySchema = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const name = sql`${sql(yield* schema)}`
  yield* sql`DROP SCHEMA IF EXISTS ${name} CASCADE`
  yield* sql`CREATE SCHEMA ${name}`
})

export interface Case {
  readonly what: string
  /** The statements that make it. */
  readonly given: ReadonlyArray<string>
  /** All that is worse than harmless: `fatal column events.id`. */
  readonly found: ReadonlyArray<string>
}

/** A whole statement, and no advice. */
const isStatement = ({ todo }: Finding): boolean =>
  /^(ALTER|DROP|CREATE|REINDEX) /.test(todo) && !/, (or|and) /.test(todo)

/** What Jarvis writes, in tables in which nothing was found that could keep it from that. */
const writes = [
  `INSERT INTO events (type, payload) VALUES ('car.update', '{"id": 7, "company_id": 9247}')`,
  "INSERT INTO history (branch, description) VALUES ('tbilisi', 'Анна Ли создала платёж №18, приход наличными 30.0USD')",
  "INSERT INTO cars (rentprog_id, branch, fetched_at) VALUES ('7', 'tbilisi', now()) ON CONFLICT (rentprog_id) DO NOTHING"
]

const standing = Effect.fnUntraced(function* () {
  const sql = yield* PgClient.PgClient
  return yield* sql`
    SELECT (SELECT count(*) FROM events WHERE events.branch = 'tbilisi' AND events.reason IS NULL)::int AS events,
      (SELECT count(*) FROM history WHERE history.processed)::int AS history,
      (SELECT count(*) FROM cars WHERE cars.rentprog_id = '7')::int AS cars
  `
})

/**
 * Makes the tables of a case and sees what is found; that what is not fatal can be migrated, and works where nothing was
 * found; and that whatever statement is advised, cures it.
 */
export const check = Effect.fnUntraced(function* ({ found, given }: Case) {
  yield* emptySchema
  yield* run(...given)
  const { findings } = yield* planned
  assert.deepStrictEqual(worse(findings), [...found].sort(byLevel))
  const curable = findings.filter((finding) => finding.level !== "harmless" && isStatement(finding))
  if (!isFatal(findings)) {
    yield* Effect.flatMap(schema, (schema) => migrate(schema)).pipe(Effect.provide(NodeServices.layer))
    const after = (yield* planned).findings
    assert.deepStrictEqual(
      [isFatal(after), worse(after).filter((finding) => !found.includes(finding))],
      [false, []]
    )
    if (found.length === 0) {
      yield* run(...writes)
      assert.deepStrictEqual(yield* standing(), [{ events: 1, history: 1, cars: 1 }])
    }
  }
  if (curable.length === 0) return findings
  yield* run(...curable.map(({ todo }) => todo))
  const left = worse((yield* planned).findings)
  const cured = worse(curable).filter((finding) => left.includes(finding))
  assert.deepStrictEqual(cured, [], "what was advised does not cure it")
  return findings
})

/** `fatal` comes before `risk`, and that is the order of the alphabet, too. */
const byLevel = (one: string, other: string): number => (one < other ? -1 : 1)
