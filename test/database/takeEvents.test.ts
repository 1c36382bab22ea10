/** Which rows a take finds, and how many it reads for that. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import { Events } from "../../src/database/Events.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { keyText } from "../../src/domain/Entity.ts"
import { run } from "../support/refusing.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tbilisi = Branch.make("tbilisi")
const tests = Events.layer.pipe(Layer.provideMerge(testDatabase))

/** Writes rows past the trigger. */
const pastTheTrigger = <E, R>(write: Effect.Effect<unknown, E, R>) =>
  Effect.andThen(
    run("ALTER TABLE events DISABLE TRIGGER USER", "TRUNCATE events, row_refusals RESTART IDENTITY"),
    write
  ).pipe(Effect.andThen(run("ALTER TABLE events ENABLE TRIGGER USER")))

/** How many rows of events this transaction has read. */
const rowsRead = Effect.map(
  PgClient.PgClient.use(
    (sql) => sql<{ readonly read: number }>`
      SELECT (its.seq_tup_read + its.idx_tup_fetch)::int AS read
      FROM pg_stat_xact_user_tables AS its WHERE its.relid = 'events'::regclass
    `
  ),
  ([row]) => row?.read ?? 0
)

/** A row in any state; `at` is when it is due, in hours from now, 0 for never. */
const Row = Schema.Struct({
  branch: Schema.Literals(["tbilisi", "tbilisi", "tbilisi", "batumi"]),
  type: Schema.Literals(["car_update", "car_destroy", "client_update", "car_explode"]),
  ext_id: Schema.Literals(["1", "2", "3", "a|b"]),
  attempts: Schema.Literals([0, 0, 1, 2]),
  ok: Schema.NullOr(Schema.Boolean),
  processed: Schema.Literals([false, false, false, true]),
  at: Schema.Literals([-2, -1, 1, 0]),
  refuses: Schema.Literals([false, false, false, true])
})
type Row = typeof Row.Type

const recordOf = ({ ext_id, type }: Row) => `${type.split("_")[0]}:${ext_id}`

/** What a take has to bring, in the words of the contract: the records of due events, with all that waits for them. */
const expected = (rows: ReadonlyArray<Row>, held: ReadonlyArray<string>) => {
  const waiting = rows
    .map((row, n) => ({ ...row, id: String(n + 1), record: recordOf(row) }))
    .filter(
      ({ at, attempts, branch, ext_id, ok, processed, refuses, type }) =>
        branch === "tbilisi" &&
        !processed &&
        at !== 0 &&
        !refuses &&
        (ok === null || attempts > 0) &&
        type !== "car_explode" &&
        ext_id !== "a|b"
    )
  const due = new Set(
    waiting.filter(({ at, record }) => at < 0 && !held.includes(record)).map(({ record }) => record)
  )
  return Object.fromEntries(
    Array.from(due, (record) => {
      const its = waiting.filter((row) => row.record === record)
      return [
        record,
        { ids: its.map(({ id }) => id), leastAttempts: Math.min(...its.map(({ attempts }) => attempts)) }
      ]
    })
  )
}

const write = Effect.fnUntraced(function* (rows: ReadonlyArray<Row>) {
  const sql = yield* PgClient.PgClient
  const numbered = rows.map((row, n) => ({ ...row, id: n + 1 }))
  yield* sql`
    WITH given AS (
      SELECT told.* FROM jsonb_to_recordset(${sql.json(numbered)}) AS told (
        id int, branch text, type text, ext_id text, attempts int, ok boolean, processed boolean, at float8, refuses boolean
      )
    ), refused AS (
      INSERT INTO row_refusals (source, source_id, attempts, next_attempt_at, why)
      SELECT 'event', given.id, 1, now() + interval '1 hour', '' FROM given WHERE given.refuses
    )
    INSERT INTO events (id, branch, type, ext_id, attempts, ok, processed, next_attempt_at, payload)
    SELECT given.id, given.branch, given.type, given.ext_id, given.attempts, given.ok, given.processed,
      coalesce(now() + nullif(given.at, 0) * interval '1 hour', 'infinity'), '{}'
    FROM given
  `
})

layer(tests, { excludeTestServices: true })("a take", (it) => {
  it.effect.prop(
    "brings the records of due events that are not held, each with all that waits for it",
    { rows: Schema.Array(Row), held: Schema.Array(Schema.Literals(["car:1", "client:2"])) },
    ({ held, rows }) =>
      Effect.gen(function* () {
        yield* pastTheTrigger(write(rows))
        const taken = yield* Events.use((events) => events.take(tbilisi, held))
        assert.deepStrictEqual(
          Object.fromEntries(
            taken.map(({ events, leastAttempts, record }) => [
              keyText(record),
              { ids: events.map(({ id }) => String(id)), leastAttempts }
            ])
          ),
          expected(rows, held)
        )
      })
  )

  it.effect("reads no more rows than it brings, though it was planned when there were none", () =>
    Effect.gen(function* () {
      yield* pastTheTrigger(run("ANALYZE events, row_refusals"))
      const sql = yield* PgClient.PgClient
      const [read] = yield* Effect.gen(function* () {
        const events = yield* Events
        assert.deepStrictEqual(yield* events.take(tbilisi, []), [])
        yield* run(`
          INSERT INTO events (branch, type, ext_id, payload)
          SELECT 'tbilisi', 'car_update', n, '{}' FROM generate_series(1, 3000) AS n
        `)
        const before = yield* rowsRead
        assert.lengthOf(yield* events.take(tbilisi, []), 500)
        return [(yield* rowsRead) - before]
      }).pipe(sql.withTransaction)
      // Each as one of the oldest, as one that waits for its record, and as it is brought; and the last of the table.
      assert.strictEqual(read, 3 * 500 + 1)
    })
  )
})
