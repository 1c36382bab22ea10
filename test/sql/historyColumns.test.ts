/** The statements that write all columns of a record do what those do that are made up for the fields at hand. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { begin, samples } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const field = Schema.Literals([
  ...([
    "mileage",
    "code",
    "year",
    "clean_state",
    "company_id",
    "seats",
    "abs",
    "crew",
    "branch",
    "id"
  ] as const),
  ...([
    "deleted_at",
    "start_date",
    "days",
    "in_rent",
    "number",
    "phone",
    "sum",
    "amount",
    "transmission"
  ] as const)
])
const value = Schema.Literals([
  ...(["", "200", "7,4", "-12", "far", "true", "false", "9506", "NaN", "99999999999"] as const),
  ...(["03-11-2026 9:30", "2026-11-03T09:30:00+04:00", "31-02-2026", "b c", "'", '"', "\\"] as const)
])
const deed = Schema.Literals([
  ...([
    "создала бронь",
    "удалила бронь",
    "выдала авто, бронь",
    "приняла авто, бронь",
    "отменила бронь"
  ] as const),
  ...(["создала клиента", "удалила авто", "изменила авто", "создала платёж", "удалила платёж"] as const),
  ...(["создала обслуживание", "завершила обслуживание", "удалила обслуживание"] as const)
])
const Entry = Schema.Struct({
  /** Changes of fields of a record, or else a deed. */
  changes: Schema.Array(Schema.Struct({ field, value })).check(Schema.isMaxLength(3)),
  thing: Schema.Literals(["авто", "брони", "клиенте", "платеже"]),
  deed,
  hour: Schema.Int.check(Schema.isBetween({ minimum: 10, maximum: 14 })),
  isTimed: Schema.Boolean
})

const describe = ({ changes, deed, thing }: typeof Entry.Type): string =>
  changes.length === 0
    ? `Мария Ли ${deed} №5`
    : `Мария Ли изменила ${changes.map(({ field, value }) => `${field} с 1 на ${value}`).join(", ")} в ${thing} №5`

/** What entries leave behind, without the numbers that PostgreSQL gives. */
const left = PgClient.PgClient.use(
  (sql) => sql`
    SELECT
      (SELECT jsonb_agg(to_jsonb(rows.*) - 'id' ORDER BY rows.rentprog_id) FROM cars AS rows) AS cars,
      (SELECT jsonb_agg(to_jsonb(rows.*) - 'id' ORDER BY rows.rentprog_id) FROM clients AS rows) AS clients,
      (SELECT jsonb_agg(to_jsonb(rows.*) - 'id' ORDER BY rows.rentprog_id) FROM bookings AS rows) AS bookings,
      (SELECT jsonb_agg(to_jsonb(rows.*) - 'id' ORDER BY rows.rentprog_id) FROM payments AS rows) AS payments,
      (SELECT jsonb_agg(to_jsonb(rows.*) - 'id' ORDER BY rows.rentprog_id) FROM maintenance AS rows) AS jobs,
      (SELECT jsonb_agg(to_jsonb(rows.*) - 'id' - 'source_id' ORDER BY rows.id) FROM entity_timeline AS rows) AS told,
      (SELECT jsonb_agg(to_jsonb(rows.*) - 'id' ORDER BY rows.id) FROM history AS rows) AS history
  `
)

const insert = Effect.fnUntraced(function* (entries: ReadonlyArray<typeof Entry.Type>) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO history (branch, operation_id, description, created_at)
    SELECT 'tbilisi', row.number, row.description, row.at
    FROM jsonb_to_recordset(${sql.json(
      entries.map((entry, n) => ({
        number: String(entries.length - n),
        description: describe(entry),
        at: entry.isTimed ? `2026-03-01T${entry.hour}:00:00Z` : "-infinity"
      }))
    )}) AS row (number text, description text, at timestamptz)
  `
  return yield* left
})

/** Entries in either way, in one transaction, so that both happen at one time. */
const bothWays = (entries: ReadonlyArray<typeof Entry.Type>) =>
  PgClient.PgClient.use((sql) =>
    Effect.gen(function* () {
      yield* sql`SAVEPOINT before`
      const planned = yield* insert(entries)
      yield* sql`ROLLBACK TO SAVEPOINT before`
      yield* sql`SELECT set_config('jarvis.by_name', 'yes', true)`
      const named = yield* insert(entries)
      yield* sql`ROLLBACK TO SAVEPOINT before`
      return { planned, named }
    }).pipe(sql.withTransaction)
  )

layer(testDatabase, { excludeTestServices: true })("an entry that is written with all columns", (it) => {
  it.effect.each<readonly [title: string, statements: ReadonlyArray<string>]>([
    ["as Jarvis made the tables", []],
    ["with a column that the company has added", ["ALTER TABLE cars ADD COLUMN crew int"]],
    [
      "with columns of other types",
      [
        "ALTER TABLE cars ALTER COLUMN mileage TYPE int",
        "ALTER TABLE cars ALTER COLUMN code TYPE varchar(9)",
        "ALTER TABLE bookings ALTER COLUMN start_date TYPE timestamp"
      ]
    ],
    [
      "without a column",
      ["ALTER TABLE cars DROP COLUMN transmission", "ALTER TABLE payments DROP COLUMN method"]
    ]
  ])("leaves behind what one leaves that is written field by field: %s", ([, statements]) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* begin
      for (const statement of statements) yield* sql.unsafe(statement)
      const stories = yield* samples(
        Arbitrary.array(Arbitrary.schema(Entry), { minLength: 1, maxLength: 8 }),
        60
      )
      for (const entries of stories) {
        const { named, planned } = yield* bothWays(entries)
        assert.deepStrictEqual(planned, named, entries.map(describe).join("\n"))
      }
    })
  )
})
