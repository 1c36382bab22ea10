/** What is applied at once leaves what the statements that look first leave. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { begin, insertHistory, samples } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const minutes = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))
const values = [
  "7",
  "0012",
  "-3",
  "7,4",
  "1e5",
  "99999999999",
  "true",
  "false",
  "yes",
  "red",
  "очень длинный текст",
  "NaN"
] as const

const fields = [
  "mileage",
  "mileage",
  "code",
  "year",
  "state",
  "clean_state",
  "tank_value",
  "phone",
  "days",
  "active",
  "start_place",
  "car_id",
  "start_date",
  "seats",
  "note",
  "abs",
  "company_id",
  "deleted_at",
  "branch",
  "data"
] as const

const Entry = Schema.Struct({
  step: Schema.Literal("entry"),
  noun: Schema.Literals(["авто", "клиенте", "брони"]),
  id: Schema.Literals(["5", "5", "5", "6"]),
  fields: Schema.Array(Schema.Literals(fields)).check(Schema.isMinLength(1), Schema.isMaxLength(2)),
  value: Schema.Literals(values),
  /** None where its time does not read. */
  at: Schema.NullOr(minutes),
  number: Schema.NullOr(Schema.Literals(["1", "2", "03", "x"])),
  user: Schema.NullOr(Schema.Literals(["", "Анна Смит"])),
  branch: Schema.NullOr(Schema.Literal("tbilisi"))
})
/** What is done to a booking, and what payments and maintenance are known by. */
const Deed = Schema.Struct({
  step: Schema.Literal("deed"),
  said: Schema.Literals([
    "Мария Ли выдала авто, бронь № 5",
    "Мария Ли , приняла авто, бронь №5",
    "Мария Ли отменила бронь №5",
    "Бронь №5 отменена",
    "Мария Ли изменила active с true на false, в брони №5",
    "Мария Ли создала платёж №7, расход наличными 60.0GEL",
    "Мария Ли создала платёж №8, приход картой 1 030,50 USD",
    "Мария Ли создала платёж №7, приход 5 USD, бронь №5",
    "Мария Ли создала платёж №7",
    "Пётр Ли , принял от Анна Смит 400.0 GEL, платежи №8/7",
    "Мария Ли удалила платёж №7",
    "Мария Ли изменила sum с 1 на 2, в платеже №7",
    "Мария Ли создала обслуживание №9 в объекте №5 закрепить бачок, течёт",
    "Мария Ли завершила обслуживание №9 в объекте №6",
    "Мария Ли создала обслуживание №9"
  ]),
  at: Schema.NullOr(Schema.Union([minutes, Schema.Literal(-20_000_000)])),
  number: Schema.NullOr(Schema.Literals(["1", "2", "03", "x"])),
  user: Schema.NullOr(Schema.Literals(["", "Анна Смит"])),
  branch: Schema.NullOr(Schema.Literals(["tbilisi", "batumi"]))
})
const Step = Schema.Union([
  Entry,
  Entry,
  Deed,
  Deed,
  Schema.Struct({ step: Schema.Literals(["fetch", "delete", "restore"]), at: minutes })
])
const Story = Schema.Array(Step).check(Schema.isMinLength(1), Schema.isMaxLength(8))

const minute = (at: number) => new Date(Date.UTC(2026, 0, 1, 0, at)).toISOString()

const take = Effect.fnUntraced(function* (step: typeof Step.Type) {
  const sql = yield* PgClient.PgClient
  if (step.step === "entry" || step.step === "deed") {
    const said =
      step.step === "deed"
        ? step.said
        : `Мария Ли изменила ${[...new Set(step.fields)].map((field) => `${field} с 1 на ${step.value}`).join(", ")} в ${step.noun} №${step.id}`
    yield* sql`
      INSERT INTO history (branch, description, operation_id, user_name, created_at)
      VALUES (
        ${step.branch}, ${said}, ${step.number}, ${step.user},
        ${step.at === null ? "-infinity" : minute(step.at)}::timestamptz
      )
    `
  } else if (step.step === "fetch") {
    yield* sql`UPDATE cars SET fetched_at = ${minute(step.at)}::timestamptz, mileage = '1', data = '{"mileage": 1, "note": 2}'`
    yield* sql`UPDATE bookings SET fetched_at = ${minute(step.at)}::timestamptz, state = 'Новая', data = '{"state": "Новая"}'`
  } else {
    const verb = step.step === "delete" ? "удалила" : "изменила цену, price с 1 на 2 в"
    yield* sql`
      INSERT INTO history (branch, description, created_at)
      SELECT 'tbilisi', ${`Мария Ли ${verb} `} || noun || ' №5', ${minute(step.at)}::timestamptz
      FROM unnest('{авто,бронь}'::text[]) AS noun
    `
  }
})

/** All that came of it, but for what each run has its own of. */
const outcome = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const own = sql.literal(
    `'{id,ts,created_at,updated_at,processed_at,next_attempt_at,source_id,log_entry}'::text[]`
  )
  const all = (table: string) =>
    sql`(SELECT jsonb_agg(to_jsonb(one.*) - ${own} ORDER BY one.id) FROM ${sql(table)} AS one)`
  return yield* sql`
    SELECT ${all("cars")} AS cars, ${all("clients")} AS clients, ${all("bookings")} AS bookings,
      ${all("payments")} AS payments, ${all("maintenance")} AS maintenance,
      ${all("entity_timeline")} AS timeline, ${all("history")} AS history
  `
})

/** Runs a story, by the statements that look first where `byName` is `yes`. */
const run = (story: typeof Story.Type, byName: "yes" | "") =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    yield* begin
    yield* sql`SELECT set_config('jarvis.by_name', ${byName}, true)`
    yield* Effect.forEach(story, take, { discard: true })
    return yield* outcome
  })

const same = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  for (const story of yield* samples(Arbitrary.schema(Story), 60)) {
    // In one transaction, so that it is the same time for both.
    const [quick, careful] = yield* sql.withTransaction(Effect.all([run(story, ""), run(story, "yes")]))
    assert.deepStrictEqual(quick, careful, JSON.stringify(story))
  }
})

layer(testDatabase, { excludeTestServices: true })("what most entries say", (it) => {
  it.effect("comes to the same at once", () => same)

  it.effect("comes to the same at once where the columns are of the company's own types", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`ALTER TABLE cars ALTER tank_value TYPE numeric(2, 1), ALTER code TYPE varchar(12), ALTER year TYPE bigint`
      yield* same
      yield* sql`ALTER TABLE bookings ALTER car_id TYPE bigint USING car_id::bigint`
      yield* sql`ALTER TABLE payments ALTER amount TYPE int, ALTER method TYPE varchar(20), ALTER paid_at TYPE date`
      yield* sql`ALTER TABLE maintenance ALTER opened_at TYPE timestamp`
      yield* same
      yield* sql`ALTER TABLE cars ALTER mileage TYPE text`
      yield* same
    })
  )
})

layer(testDatabase, { excludeTestServices: true })(
  "a field of a car, and what becomes of a booking",
  (it) => {
    it.effect("are written without the statements that look first", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        yield* begin
        yield* sql.unsafe(`
        CREATE OR REPLACE FUNCTION apply_carefully(
          entry history, said jsonb, made_at timestamptz, number text, entry_key text, OUT lacking text, OUT is_superseded boolean
        ) LANGUAGE plpgsql AS $$ BEGIN RAISE 'looked first'; END $$
      `)
        const rows = yield* insertHistory(
          { description: "Мария Ли изменила mileage с 1 на 2 в авто №5" },
          { description: "Мария Ли выдала авто, бронь № 5" },
          { description: "Мария Ли изменила mileage с 1 на 2, code с 1 на 2 в авто №5" }
        )
        assert.deepStrictEqual(
          rows.map(({ processed }) => processed),
          [true, true, false]
        )
      })
    )
  }
)
