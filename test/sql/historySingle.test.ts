/** A single change that is applied at once leaves what the statements that look first leave. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { begin, samples } from "../support/history.ts"
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
const Step = Schema.Union([
  Entry,
  Entry,
  Entry,
  Schema.Struct({ step: Schema.Literals(["fetch", "delete", "restore"]), at: minutes })
])
const Story = Schema.Array(Step).check(Schema.isMinLength(1), Schema.isMaxLength(8))

const minute = (at: number) => new Date(Date.UTC(2026, 0, 1, 0, at)).toISOString()

const take = Effect.fnUntraced(function* (step: typeof Step.Type) {
  const sql = yield* PgClient.PgClient
  if (step.step === "entry") {
    const said = [...new Set(step.fields)].map((field) => `${field} с 1 на ${step.value}`).join(", ")
    yield* sql`
      INSERT INTO history (branch, description, operation_id, user_name, created_at)
      VALUES (
        ${step.branch}, ${`Мария Ли изменила ${said} в ${step.noun} №${step.id}`}, ${step.number}, ${step.user},
        ${step.at === null ? "-infinity" : minute(step.at)}::timestamptz
      )
    `
  } else if (step.step === "fetch") {
    yield* sql`UPDATE cars SET fetched_at = ${minute(step.at)}::timestamptz, mileage = '1', data = '{"mileage": 1, "note": 2}'`
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

layer(testDatabase, { excludeTestServices: true })("a single change", (it) => {
  it.effect("comes to the same at once", () => same)

  it.effect("comes to the same at once where the columns are of the company's own types", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`ALTER TABLE cars ALTER tank_value TYPE numeric(2, 1), ALTER code TYPE varchar(12), ALTER year TYPE bigint`
      yield* same
      yield* sql`ALTER TABLE bookings ALTER car_id TYPE bigint USING car_id::bigint`
      yield* sql`ALTER TABLE cars ALTER mileage TYPE text`
      yield* same
    })
  )
})
