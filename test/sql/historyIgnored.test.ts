/** Sentences that mean nothing for the mirror. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { sayWhy } from "../../src/database/Database.ts"
import {
  begin,
  everything,
  insertEntry,
  insertHistory,
  isApplied,
  isDueAgain,
  isParkedEntry,
  readHistory,
  touch,
  whileOpen
} from "../support/history.ts"
import { guest, testDatabase } from "../support/TestDatabase.ts"

const settled = { processed: true, ok: true, reason: "not_about_records", next_attempt_at: null }

const ignore = Effect.fnUntraced(function* (pattern: string) {
  const sql = yield* PgClient.PgClient
  yield* sql`INSERT INTO ignored_sentences (pattern) VALUES (${pattern})`
})
const forget = PgClient.PgClient.use((sql) => sql`DELETE FROM ignored_sentences WHERE note IS NULL`)

layer(testDatabase, { excludeTestServices: true })("the sentences that Jarvis brings", (it) => {
  it.effect.each([
    ...[
      "Пользователь вошёл в систему",
      "Мария Ли вошла в систему",
      "Иван вышел из системы",
      "Anna Smith logged in"
    ],
    ...["Мария Ли авторизовалась", "Anna Smith signed out"],
    ...[
      "Мария Ли экспортировала отчёт",
      "Иван Петров выгрузил финансовый отчет за март",
      "Anna Smith exported the report for 02.2026"
    ],
    ...[
      "Иван Петров изменил цены на сезон 2025",
      "Мария Ли создала сезон № 3",
      "Иван изменил настройки",
      "Anna Smith updated prices"
    ],
    ...[
      "Иван Петров изменил , price с 10 на 20 в тарифе № 7",
      "Anna Smith changed price from 10 to 20 in tariff #7"
    ],
    ...["Мария Ли обновила прайс-лист", "Иван удалил тариф Эконом"],
    ...[
      "Мария Ли отправила рассылку 12 клиентам",
      "Иван распечатал договор по брони № 5",
      "Anna Smith sent an email to client #5"
    ],
    ...[
      "Иван создал пользователя Анна Смит",
      "Мария Ли изменила права",
      "Anna Smith deleted the user Ivan",
      "Иван добавил нового сотрудника"
    ]
  ])("mean nothing: %s", (description) =>
    Effect.gen(function* () {
      yield* begin
      const before = yield* everything
      assert.deepInclude(yield* insertEntry({ description }), {
        ...settled,
        branch: "tbilisi",
        entity_type: null
      })
      assert.deepStrictEqual(yield* everything, before)
    })
  )

  it.effect.each([
    ...["Пользователь вошёл", "Иван вошёл в систему отопления авто № 5", "Иван вышел из авто"],
    ...[
      "Мария Ли изменила цену в брони № 5 и 6",
      "Иван изменил цены на авто № 5 и № 6",
      "Иван изменил тариф клиента № 5 и № 6"
    ],
    ...[
      "Мария Ли импортировала клиентов",
      "Иван отправил авто № 5 и № 6 в сервис",
      "Иван создал бронь № 5 и № 6"
    ],
    ...["Мария Ли создала авто", "Иван изменил ценность"],
    ...["Иван Петров изменил пользователя в брони № 5 и № 6", "отчёт"],
    ...[
      "Иван Петров отправил договор и удалил бронь № 5",
      "Иван распечатал акт, принял авто, бронь № 5",
      "Иван вошёл в систему. Удалил бронь 5",
      "Иван удалил бронь 5, вышел из системы",
      "Anna Smith exported the report, deleted booking #5",
      "Иван изменил цены, создал договор № 5",
      "Иван Петров изменил , price с 1 на 2 в тарифе № 7, удалил бронь 5",
      "Мария Ли удалила пользователя, передала Анна Смит 5 GEL"
    ]
  ])("leave to a person: %s", (description) =>
    Effect.gen(function* () {
      yield* begin
      const row = yield* insertEntry({ description })
      assert.isTrue(isParkedEntry(row))
      assert.match(row.reason ?? "", /^unparsed_description: /)
    })
  )

  it.effect("say what each of them is about", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      assert.lengthOf(yield* sql`SELECT FROM ignored_sentences WHERE ignored_sentences.note IS NULL`, 0)
    })
  )
})

layer(testDatabase, { excludeTestServices: true })("a sentence that a person adds", (it) => {
  it.effect("swallows none that is about a record", () =>
    Effect.gen(function* () {
      yield* begin
      yield* ignore("авто")
      const [read, unread] = yield* insertHistory(
        { description: "Мария Ли изменила mileage с 1 на 200 в авто №5" },
        { description: "Мария Ли вымыла авто №5" }
      )
      assert.isTrue(read && isApplied(read))
      assert.deepInclude(unread, settled)
      yield* forget
    })
  )

  it.effect("settles the parked rows that match it, and touches no other", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      const rows = yield* insertHistory(
        { description: "Мария Ли помыла полы" },
        { description: "Мария Ли помыла окна" },
        { description: "Мария Ли изменила авто № 6 - Camry помыла" },
        { description: null }
      )
      const ids = rows.map(({ id }) => id)
      const versions = sql<{ readonly version: string }>`
        SELECT xmin::text AS version FROM history WHERE history.id = ANY (${ids}::bigint[]) ORDER BY history.id
      `
      const [, ...before] = yield* versions
      yield* ignore("помыла полы$")
      const [first, ...others] = yield* readHistory(ids)
      assert.deepInclude(first, settled)
      assert.deepStrictEqual(others, rows.slice(1))
      assert.deepStrictEqual((yield* versions).slice(1), before)

      // One that is changed does the same.
      yield* sql`UPDATE ignored_sentences SET pattern = 'помыла' WHERE pattern = 'помыла полы$'`
      assert.deepStrictEqual(
        (yield* readHistory(ids)).map(({ reason }) => reason?.split(":")[0]),
        ["not_about_records", "not_about_records", "entity_not_found", "empty_description"]
      )
      yield* forget
    })
  )

  it.effect("is added where rows are locked or refuse, and leaves those as they are", () =>
    Effect.gen(function* () {
      yield* begin
      const sql = yield* PgClient.PgClient
      const [held, free] = yield* insertHistory(
        { description: "Мария Ли помыла полы" },
        { description: "Мария Ли помыла окна" }
      )
      assert.isDefined(held)
      assert.isDefined(free)
      yield* whileOpen(`SELECT FROM history WHERE id = ${held.id} FOR UPDATE`, ignore("помыла"))
      const rows = yield* readHistory([held.id, free.id])
      assert.deepStrictEqual(rows[0], held)
      assert.deepInclude(rows[1], settled)
      yield* sql`ALTER TABLE history ADD CONSTRAINT never_done CHECK (NOT processed) NOT VALID`
      yield* ignore("полы")
      assert.deepStrictEqual(yield* readHistory([held.id]), [held])
      yield* sql`ALTER TABLE history DROP CONSTRAINT never_done`
      yield* forget
    })
  )

  it.effect("is asked again soon where the patterns are locked, and a statement waits once for that", () =>
    Effect.gen(function* () {
      yield* begin
      // With a wait for each row this would outlast the test.
      const rows = yield* whileOpen(
        "LOCK TABLE ignored_sentences",
        insertHistory(...Array.from({ length: 50 }, () => ({ description: "Мария Ли экспортировала отчёт" })))
      )
      assert.isTrue(rows.every(isDueAgain))
      assert.isTrue(rows.every(({ reason }) => reason?.startsWith("database_error: ")))
      assert.deepInclude((yield* touch(...rows))[0], settled)
    })
  )

  it.effect("needs the right to add it, and no other", () =>
    Effect.gen(function* () {
      yield* begin
      const row = yield* insertEntry({ description: "Мария Ли помыла полы" })
      const { pool } = yield* guest("INSERT ON ignored_sentences")
      yield* Effect.provide(ignore("помыла"), pool)
      assert.deepInclude((yield* readHistory([row.id]))[0], settled)
      yield* forget
    })
  )

  it.effect.each([
    ["(", /^invalid regular expression: parentheses \(\) not balanced$/],
    ["[а", /^invalid regular expression: /],
    ["", /pattern_matches_not_everything/],
    [".*", /pattern_matches_not_everything/],
    ["вошёл|", /pattern_matches_not_everything/],
    ["(.+)(.+)\\2\\1x?$", /pattern_refers_not_back/]
  ] as const)(
    "is refused where it is no pattern, or one of everything, or may take for ever: %s",
    ([pattern, why]) =>
      Effect.gen(function* () {
        assert.match(sayWhy(yield* Effect.flip(ignore(pattern))), why)
      })
  )
})
