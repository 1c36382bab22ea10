/**
 * Rows that stood here before Jarvis came, made rows like any other in small transactions. Whoever writes meanwhile waits
 * for one of these at most. It goes on where it stopped, however it stopped.
 */
import { PgClient } from "@effect/sql-pg"
import { Clock, Duration, Effect, Schema } from "effect"
import { ddl } from "./ddl.ts"

/** How many rows a transaction takes: of the log's entries, each of which is read and applied, that is some tenths of a second. */
const batch = 250

const Unfinished = Schema.Struct({
  table: Schema.String,
  function: Schema.Literals(["adopt_records", "adopt_rows"])
})
const decodeUnfinished = Schema.decodeUnknownEffect(Schema.Array(Unfinished))

/** Records come first: of an entry of the log it has to be known whether its record is newer. */
const unfinished = PgClient.PgClient.use(
  (sql) => sql`
    SELECT adoptions.table_name AS "table",
      CASE WHEN adoptions.table_name IN ('events', 'history') THEN 'adopt_rows' ELSE 'adopt_records' END AS function
    FROM adoptions WHERE adoptions.finished_at IS NULL
    ORDER BY adoptions.table_name IN ('events', 'history'), adoptions.table_name
  `
).pipe(Effect.flatMap((rows) => Effect.orDie(decodeUnfinished(rows))))

/** Hears after each batch how many rows of a table have been adopted. */
type Tell = (table: string, rows: number) => Effect.Effect<void>

/** Passes on what it hears, once in an interval at most. */
export const seldom = Effect.fnUntraced(function* (interval: Duration.Duration, tell: Tell) {
  let told = yield* Clock.currentTimeMillis
  return Effect.fnUntraced(function* (table: string, rows: number) {
    const now = yield* Clock.currentTimeMillis
    if (now - told < Duration.toMillis(interval)) return
    told = now
    yield* tell(table, rows)
  })
})

/** Adopts what can be adopted of a table. */
const adoptTable = Effect.fnUntraced(function* (
  { function: adopt, table }: typeof Unfinished.Type,
  tell: Tell
) {
  const sql = yield* PgClient.PgClient
  for (let rows = 0; ; ) {
    const [answer] = yield* sql<{ readonly rows: number }>`
      SELECT ${sql(adopt)}(${table}, ${batch}) AS rows
    `
    const adopted = answer?.rows ?? 0
    if (adopted === 0) return
    rows += adopted
    yield* tell(table, rows)
  }
})

/**
 * A table of the company's own may have let `processed` and `attempts` be null. Once no row has a null there, none may come:
 * proved first, without holding anybody up, then said.
 */
const tighten = Effect.fnUntraced(function* (table: "events" | "history") {
  const sql = yield* PgClient.PgClient
  const [state] = yield* sql<{ readonly loose: boolean }>`
    SELECT pg_has_role(pg_class.relowner, 'USAGE') AND EXISTS (
        SELECT FROM pg_attribute
        WHERE pg_attribute.attrelid = pg_class.oid AND pg_attribute.attname IN ('processed', 'attempts')
          AND NOT pg_attribute.attnotnull
      ) AND EXISTS (
        SELECT FROM adoptions WHERE adoptions.table_name = ${table} AND adoptions.finished_at IS NOT NULL
      ) AS loose
    FROM pg_class WHERE pg_class.oid = to_regclass(${table})
  `
  if (!state?.loose) return
  const named = sql`${sql(`${table}_adopted`)}`
  const change = ddl(sql)
  yield* change(sql`ALTER TABLE ${sql(table)} DROP CONSTRAINT IF EXISTS ${named}`)
  yield* change(sql`
    ALTER TABLE ${sql(table)} ADD CONSTRAINT ${named} CHECK (processed IS NOT NULL AND attempts IS NOT NULL) NOT VALID
  `)
  yield* sql`ALTER TABLE ${sql(table)} VALIDATE CONSTRAINT ${named}`
  yield* change(sql`
    ALTER TABLE ${sql(table)}
      ALTER COLUMN processed SET NOT NULL, ALTER COLUMN attempts SET NOT NULL, DROP CONSTRAINT ${named}
  `)
})

/**
 * Adopts all that can be adopted now. Answers the tables in which some are left, because somebody holds them or because
 * they refuse to be updated.
 */
export const adopt = Effect.fn("adopt")(function* (tell: Tell) {
  yield* Effect.forEach(yield* unfinished, (one) => adoptTable(one, tell), { discard: true })
  yield* Effect.forEach(["events", "history"] as const, tighten, { discard: true })
  return (yield* unfinished).map(({ table }) => table)
})
