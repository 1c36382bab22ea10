/** What the operations log costs: its sentences read, and applied by the trigger. */
import type { PgClient } from "@effect/sql-pg"
import type { Array as Arr } from "effect"
import { Duration, Effect } from "effect"
import { bare } from "../contestants/bare.ts"
import { jarvis } from "../contestants/jarvis.ts"
import { BenchError, Extent, inRounds, type Part, perSecond, pick, rows, Server, timed } from "../Part.ts"
import type { Figure } from "../Results.ts"

/** Of each kind of record the mirror has so many. */
const records = 1000

/** A sentence about the n-th record, as SQL; `i` is the number of one that the mirror has. */
const oneForm = "format('Иван Петров изменил , mileage с %s на %s в авто № %s', n, n + 1, i)"
const tenForms = `CASE n % 10
  WHEN 0 THEN ${oneForm}
  WHEN 1 THEN format('Иван Петров выдал авто, бронь № %s', i)
  WHEN 2 THEN format('Мария Ли , приняла авто, бронь №%s', i)
  WHEN 3 THEN format('Мария Ли изменила start_place с Аэропорт на Отель , в брони №%s', i)
  WHEN 4 THEN format('Иван Петров изменил car_class с Средний на Эконом, в авто № %s - Mini 4x4 S Red 919', i)
  WHEN 5 THEN format('Иван Петров создал платёж №%s, расход наличными 60.0GEL', n)
  WHEN 6 THEN format('Анна Смит создала платёж №%s, приход картой 1 030,50 USD', n)
  WHEN 7 THEN format('Пётр Ли , принял от Анна Смит 400.0 GEL, платежи №%s/%s', 10000000 + n, 20000000 + n)
  WHEN 8 THEN format('Иван Петров завершил обслуживание №%s в объекте №%s закрепить бачок, течёт', n, i)
  ELSE format('Anna Smith changed phone from +995 555 01 to +995 555 %s in client # %s', n, i)
END`

const sentence = (sql: PgClient.PgClient, form: string) =>
  sql.literal(`(SELECT ${form} FROM (SELECT 1 + (n * 7919) % ${records} AS i) AS record)`)

/** Entries that were to apply and did not would have cost something else. */
const allApplied = (sql: PgClient.PgClient) =>
  Effect.flatMap(
    sql<{ readonly description: string; readonly reason: string | null }>`
      SELECT history.description, history.reason FROM history WHERE NOT coalesce(history.processed AND history.ok, false) LIMIT 1
    `,
    ([row]) =>
      row === undefined
        ? Effect.void
        : Effect.fail(new BenchError({ message: `not applied: ${row.description}: ${row.reason}` }))
  )

const insert = (
  sql: PgClient.PgClient,
  table: "history" | "bare.history",
  form: string,
  from: number,
  count: number
) => sql`
  INSERT INTO ${sql(table)} (branch, operation_id, description)
  SELECT 'tbilisi', n::text, ${sentence(sql, form)} FROM generate_series(${from}::int, ${from + count - 1}::int) AS n
`

export const history: Part = {
  title: "The operations log through its trigger",
  measure: Effect.gen(function* () {
    const { database } = yield* Server
    const { share } = yield* Extent
    const url = yield* database()
    const { clear, sql } = yield* jarvis(url)
    const table = yield* bare(url)
    const [many, small, large] = [yield* rows(5000), yield* rows(2000), yield* rows(20_000)]

    const anew = Effect.gen(function* () {
      yield* clear
      for (const mirror of ["cars", "clients", "bookings"]) {
        yield* sql`INSERT INTO ${sql(mirror)} (rentprog_id, branch) SELECT n::text, 'tbilisi' FROM generate_series(1, ${records}::int) AS n`
      }
      yield* sql`ANALYZE`
    })
    const each = (form: string, count: number) =>
      Effect.gen(function* () {
        yield* anew
        const took = yield* timed(insert(sql, "history", form, 1, count))
        yield* allApplied(sql)
        return took / count
      })

    const rounds = yield* inRounds(
      Effect.all({
        table: Effect.andThen(table.clear, timed(insert(sql, "bare.history", oneForm, 1, many))),
        one: each(oneForm, many),
        ten: each(tenForms, many),
        single: Effect.gen(function* () {
          yield* anew
          const rate = yield* perSecond(1, 1500 * share, (n) => insert(sql, "history", tenForms, n, 1))
          yield* allApplied(sql)
          return rate
        }),
        small: each(oneForm, small),
        large: each(oneForm, large)
      }).pipe(
        Effect.map(({ large, one, single, small, table, ten }) => ({
          ...{ single, table: (many * 1000) / table, one: 1000 / one, ten: 1000 / ten, growth: large / small }
        }))
      )
    )
    const bareTable = { "bare table": pick(rounds, "table") }
    return [
      {
        what: "one INSERT of 5,000 changes",
        unit: "rows/s",
        better: "more",
        rounds: { ...bareTable, Jarvis: pick(rounds, "one") },
        goal: { is: "at least", value: 6000 }
      },
      {
        what: "one INSERT of 5,000 entries, ten forms mixed",
        unit: "rows/s",
        better: "more",
        rounds: { Jarvis: pick(rounds, "ten") },
        goal: { is: "at least", value: 3500 }
      },
      {
        what: "ten forms mixed, a transaction each",
        unit: "rows/s",
        better: "more",
        rounds: { Jarvis: pick(rounds, "single") },
        goal: { is: "at least", value: 2000 }
      },
      {
        what: "a row of 20,000 at once, against one of 2,000",
        unit: "times the cost",
        better: "less",
        rounds: { Jarvis: pick(rounds, "growth") },
        goal: { is: "at most", value: 1.2 }
      }
    ]
  })
}

const parsed = Effect.fnUntraced(function* (sql: PgClient.PgClient, form: "one form" | "ten forms") {
  const [took, [row]] = yield* Effect.timed(
    sql<{ readonly all: number; readonly read: number }>`
      SELECT count(*)::int AS all, count(parse_history_description(sentences.description))::int AS read
      FROM sentences WHERE sentences.form = ${form}
    `
  )
  if (row === undefined || row.all !== row.read) {
    return yield* new BenchError({ message: "some sentences do not read" })
  }
  return (row.all * 1000) / Duration.toMillis(took)
})

export const parsing: Part = {
  title: "The operations log's sentences, read alone",
  measure: Effect.gen(function* () {
    const { database } = yield* Server
    const { sql } = yield* jarvis(yield* database())
    yield* sql`CREATE TABLE sentences (form text, description text)`
    for (const [form, of] of [["one form", oneForm] as const, ["ten forms", tenForms] as const]) {
      yield* sql`INSERT INTO sentences SELECT ${form}, ${sentence(sql, of)} FROM generate_series(1, ${yield* rows(20_000)}::int) AS n`
    }
    const rounds = yield* inRounds(
      Effect.all({ one: parsed(sql, "one form"), ten: parsed(sql, "ten forms") })
    )
    const figure = (what: string, values: Arr.NonEmptyReadonlyArray<number>): Figure => ({
      ...{ what, unit: "sentences/s", better: "more", rounds: { Jarvis: values } },
      goal: { is: "at least", value: 45_000 }
    })
    return [
      figure("reading sentences, one form", pick(rounds, "one")),
      figure("reading sentences, ten forms mixed", pick(rounds, "ten"))
    ]
  })
}
