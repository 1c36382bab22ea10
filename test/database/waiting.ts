/** Rows of `history` that wait, as tests of the repository write and read them. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer } from "effect"
import { History } from "../../src/database/History.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { HistoryId } from "../../src/domain/History.ts"
import { testDatabase } from "../support/TestDatabase.ts"

export const tbilisi = Branch.make("tbilisi")
export const kutaisi = Branch.make("kutaisi")

export const fresh = PgClient.PgClient.use(
  (sql) => sql`TRUNCATE history, history_progress, events, cars, clients, payments, entity_timeline`
)

export const mileage = (car: number, to: number | string = 200) =>
  `Иван Петров изменил , mileage с 100 на ${to} в авто № ${car}`

interface NewRow {
  readonly description: string
  readonly branch?: string | null
  readonly created_at?: string
}

/** Inserts rows, one after the other, and answers their ids. */
export const insert = Effect.fnUntraced(function* (...rows: ReadonlyArray<NewRow>) {
  const sql = yield* PgClient.PgClient
  const inserted = yield* sql<{ readonly id: string }>`
    INSERT INTO history (branch, description, created_at)
    SELECT branch, description, coalesce(created_at, now())
    FROM jsonb_to_recordset(${sql.json(rows.map((row) => ({ branch: tbilisi, ...row })))})
      AS row (branch text, description text, created_at timestamptz)
    RETURNING id::text
  `
  return inserted.map(({ id }) => HistoryId.make(id))
})

interface Row {
  readonly id: string
  readonly processed: boolean
  readonly ok: boolean | null
  readonly reason: string | null
  readonly attempts: number
  readonly parked: boolean
  readonly done: boolean
  readonly entity_type: string | null
  readonly entity_id: string | null
  readonly user_name: string | null
}

export const rows = PgClient.PgClient.use(
  (sql) => sql<Row>`
    SELECT id::text, processed, ok, reason, attempts, coalesce(next_attempt_at = 'infinity', false) AS parked,
      processed_at IS NOT NULL AND next_attempt_at IS NULL AS done, entity_type, entity_id, user_name
    FROM history ORDER BY history.id
  `
)

/** Ends the wait of all rows that are not parked. */
export const makeDue = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`
    UPDATE history SET revision = revision + 1, next_attempt_at = now() - interval '1 second'
    WHERE NOT processed AND next_attempt_at < 'infinity'
  `
})

/** A car that no waiting row is told of. */
export const arriveQuietly = Effect.fnUntraced(function* (car: number) {
  const sql = yield* PgClient.PgClient
  yield* sql.withTransaction(
    Effect.andThen(
      sql`SET LOCAL session_replication_role = replica`,
      sql`INSERT INTO cars (rentprog_id, branch, mileage, data) VALUES (${String(car)}, 'tbilisi', 100, '{}')`
    )
  )
})

export const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

export const tests = History.layer.pipe(Layer.provideMerge(testDatabase))
