import { readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import { readMoment } from "../../src/domain/Moment.ts"
import { testDatabase } from "../support/TestDatabase.ts"

/** What the SQL function makes of texts, to the millisecond. */
const read = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ readonly moment: string | null }>`
    SELECT to_char(date_trunc('milliseconds', read_moment(texts.said)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
      AS moment
    FROM unnest(${texts}::text[]) WITH ORDINALITY AS texts (said, n) ORDER BY texts.n
  `
  return rows.map(({ moment }) => moment)
})

const moments: ReadonlyArray<readonly [said: string, moment: string | null]> = [
  ["16-11-2025 5:30", "2025-11-16T01:30:00.000Z"],
  ["16-11-2025 05:30", "2025-11-16T01:30:00.000Z"],
  ["30-09-2025 9:05:10", "2025-09-30T05:05:10.000Z"],
  ["16-11-2025", "2025-11-15T20:00:00.000Z"],
  ["2025-11-16", "2025-11-15T20:00:00.000Z"],
  ["2025-09-30 23:33:37 +0400", "2025-09-30T19:33:37.000Z"],
  ["2025-09-30T23:33:37.697+04:00", "2025-09-30T19:33:37.697Z"],
  ["2025-09-30T23:33:37,697123+04", "2025-09-30T19:33:37.697Z"],
  ["2025-09-30t19:33z", "2025-09-30T19:33:00.000Z"],
  ["2025-11-20 10:00:00 UTC", "2025-11-20T10:00:00.000Z"],
  ["2025-11-20T10:00:00-03:30", "2025-11-20T13:30:00.000Z"],
  ["20250930T233337Z", "2025-09-30T23:33:37.000Z"],
  ["20250930T2333+0400", "2025-09-30T19:33:00.000Z"],
  ["20250930", "2025-09-29T20:00:00.000Z"],
  [" 2025-09-30 23:33 ", "2025-09-30T19:33:00.000Z"],
  ["2024-02-29", "2024-02-28T20:00:00.000Z"],
  ["2999-01-01T00:00:00Z", "2999-01-01T00:00:00.000Z"],
  ["2025-02-29", null],
  ["31-04-2025 10:00", null],
  ["2025-13-01", null],
  ["2025-11-20 24:00", null],
  ["2025-11-20 10:60", null],
  ["2025-11-20T10", null],
  ["2025-11-20 10:00 MSK", null],
  ["0000-01-01", null],
  ["11/12/2025", null],
  ["tomorrow", null],
  ["infinity", null],
  ["٢٠٢٥-٠١-٠١", null],
  ["", null]
]

/** What dates are made of, in and out of place. */
const Pieces = Schema.Array(
  Schema.Literals(
    "2025- 2025 11- 16- 30 31-02-2024 29-02-2024 2024-02-29 20250930 T t 9:05 23:33 :37 10 00 233337 .5 ,697123 Z z UTC +04 +0400 -03:30 +15:00".split(
      " "
    )
  ).pipe((piece) => Schema.Union([piece, Schema.Literal(" ")]))
)

layer(testDatabase)("read_moment", (it) => {
  it.effect("reads every form of RentProg's, and nothing that is none", () =>
    Effect.gen(function* () {
      const texts = moments.map(([said]) => said)
      const meant = moments.map(([, moment]) => moment)
      assert.deepStrictEqual(yield* read(texts), meant)
      assert.deepStrictEqual(
        texts.map((said) => Option.getOrNull(readMoment(said))),
        meant
      )
    })
  )

  it.effect.prop(
    "says what TypeScript says, whatever the text is",
    { many: Schema.Array(Pieces).check(Schema.isMaxLength(100)) },
    ({ many }) =>
      Effect.gen(function* () {
        const texts = many.map((pieces) => pieces.join(""))
        assert.deepStrictEqual(
          yield* read(texts),
          texts.map((said) => Option.getOrNull(readMoment(said)))
        )
      })
  )

  it("has the patterns of TypeScript", () => {
    const inSql = readFileSync(
      new URL("../../sql/functions/01_moments.sql", import.meta.url),
      "utf8"
    ).replaceAll(/'\s*'/g, "")
    const source = readFileSync(new URL("../../src/domain/Moment.ts", import.meta.url), "utf8")
    const patterns = Array.from(
      source.matchAll(/(?:\[|= *\n? +)\/(\^?[(].*)\/[,\n]/g),
      ([, pattern = ""]) => pattern
    )
    assert.isAtLeast(patterns.length, 4)
    for (const pattern of patterns) assert.include(inSql, `'${pattern}'`)
  })
})
