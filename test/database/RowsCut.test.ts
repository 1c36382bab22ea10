/** Rows that are too large to show. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Rows } from "../../src/database/Rows.ts"
import { insertEvents } from "../support/events.ts"
import { fresh, quiet } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = Rows.layer.pipe(Layer.provideMerge(testDatabase), Layer.provideMerge(quiet))

/** What a few bytes of payload hold, and what PostgreSQL would print of it. */
const monsters: ReadonlyArray<readonly [what: string, field: string]> = [
  ["of numbers with very many digits", `"n": [${Array(3000).fill("1e131071").join()}]`],
  ["of numbers with as many below their point", `"n": [${Array(9000).fill("-1e-16383").join()}]`],
  ["of noughts with as many", `"n": [${Array(9000).fill("0e-16383").join()}]`],
  ["nested too deep to be walked through", `"n": ${"[".repeat(5000)}1${"]".repeat(5000)}`],
  ["of a megabyte", `"n": "${"x".repeat(1024 * 1024)}"`]
]

layer(tests, { excludeTestServices: true })("a payload", (it) => {
  it.effect.each(monsters)("%s is cut, and its row is found and shown all the same", ([, field]) =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const rows = yield* Rows
      const payload = `{"id": 5, "note": "sunroof", ${field}}`
      yield* sql`INSERT INTO events (branch, type, payload) VALUES ('tbilisi', 'car_update', ${payload}::jsonb)`
      yield* sql`
        INSERT INTO history (branch, description, raw_data)
        VALUES ('tbilisi', 'Иван Петров изменил авто №5', ${payload}::jsonb)
      `
      for (const [table, cut] of [
        ["events", ["payload", "payload_received"]],
        ["history", ["raw_data"]]
      ] as const) {
        for (const text of [undefined, "entity_not", "tbilisi", "zzz"]) {
          yield* rows.list(table, text === undefined ? {} : { text }, {})
        }
        const [listed] = (yield* rows.list(table, {}, {})).rows
        const row = Option.getOrThrow(yield* rows.one(table, listed?.id ?? ""))
        assert.deepStrictEqual(row.cut, cut)
        assert.isBelow(JSON.stringify(row).length, 50_000)
        for (const column of cut) assert.isNull(row.columns[column])
      }
    })
  )

  it.effect("as large as a webhook may be is shown whole, and searched", () =>
    Effect.gen(function* () {
      yield* fresh
      const rows = yield* Rows
      const note = "ж".repeat(125_000)
      const [event] = yield* insertEvents([
        { branch: "tbilisi", type: "car_update", ext_id: "5", payload: { note, price: 1.5e99, sunroof: 1 } }
      ])
      const row = Option.getOrThrow(yield* rows.one("events", event?.id ?? ""))
      assert.deepStrictEqual(row.cut, [])
      assert.deepStrictEqual(row.columns["payload"], { note, price: 1.5e99, sunroof: 1 })
      assert.lengthOf((yield* rows.list("events", { text: "sunroof" }, {})).rows, 1)
    })
  )

  it.effect("that is a text of a megabyte is shown as far as its beginning", () =>
    Effect.gen(function* () {
      yield* fresh
      const rows = yield* Rows
      const [event] = yield* insertEvents([
        { branch: "tbilisi", type: "car_update", ext_id: "5", payload: `no record${" ".repeat(1024 * 1024)}` }
      ])
      const row = Option.getOrThrow(yield* rows.one("events", event?.id ?? ""))
      assert.deepStrictEqual(row.cut, ["payload", "payload_received"])
      assert.match(String(row.columns["payload"]), /^no record {991}$/)
    })
  )
})
