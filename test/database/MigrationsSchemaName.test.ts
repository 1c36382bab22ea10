import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Queue, Schema } from "effect"
import * as Database from "../../src/database/Database.ts"
import { migrate } from "../../src/database/Migrations.ts"
import { SchemaName } from "../../src/database/SchemaName.ts"
import { quoted } from "../../src/database/sqlFiles.ts"
import { insertEvent, isPending } from "../support/events.ts"
import { samples } from "../support/history.ts"
import { TestDatabase, testDatabase } from "../support/TestDatabase.ts"

const isName = Schema.is(SchemaName)

const first = Schema.Literals(["a", "Q", "_", "й", "Ж", "ß", "漢", "𐐷"])
const more = Schema.Literals(["b", "Z", "_", "-", "0", "9", "ю", "Э", "語", "٣"])
const wrong = Schema.Literals(['"', "'", ".", ";", " ", "$", "\\", "\0", "\n", "%", "(", "👍", ":", "|", ","])

const names = (maxLength: number) =>
  Arbitrary.all([Arbitrary.schema(first), Arbitrary.array(Arbitrary.schema(more), { maxLength })]).pipe(
    Arbitrary.map(([head, rest]) => [head, ...rest].join(""))
  )

describe("the name of a schema", () => {
  it.prop("is made of letters, digits, _ and -, in 35 bytes", { name: names(40) }, ({ name }) => {
    assert.strictEqual(isName(name), Buffer.byteLength(name) <= 35)
  })

  it.prop(
    "has nothing else in it, and begins with a letter",
    { before: names(2), after: names(2), wrong, head: Schema.Literals(["-", "0", "٣"]) },
    ({ after, before, head, wrong }) => {
      assert.isTrue(isName(before) && isName(`${before}${head}${after}`))
      assert.isFalse(
        [`${before}${wrong}${after}`, `${before}${wrong}`, `${wrong}${after}`, `${head}${after}`].some(isName)
      )
    }
  )

  it("is none of PostgreSQL's own", () => {
    const taken = [
      "",
      "pg_catalog",
      "pg_temp",
      "pg_x",
      "PG_x",
      "pg_",
      "information_schema",
      "Information_Schema"
    ]
    assert.deepStrictEqual(taken.filter(isName), [])
    assert.isTrue(
      ["public", "pg", "pgx", "information_schemas", "a".repeat(35), "й".repeat(17)].every(isName)
    )
    assert.isFalse(isName("й".repeat(18)))
  })

  it.live("means itself in quotes, and leaves room for the names of channels", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const all = [
        ...(yield* samples(names(30), 1000)),
        ...(yield* samples(Arbitrary.schema(Schema.String), 3000))
      ]
      const accepted = all.filter(isName)
      assert.isAbove(accepted.length, 300)
      const odd = yield* sql`
        SELECT name FROM jsonb_to_recordset(${sql.json(accepted.map((name) => ({ name, quoted: quoted(SchemaName.make(name)) })))})
          AS given (name text, quoted text)
        WHERE parse_ident(quoted) <> ARRAY[name] OR octet_length(name || '.rentprog_event_auto_process') > 63
      `
      assert.deepStrictEqual(odd, [])
    }).pipe(Effect.provide(testDatabase))
  )

  for (const name of ["й".repeat(17), `Rent-Prog_${"9".repeat(25)}`].map((name) => SchemaName.make(name))) {
    it.live(`may be ${name}`, () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const told = yield* sql.listen(`${name}.rentprog_event_auto_process`)
        assert.include(yield* migrate(name), "functions")
        const row = yield* insertEvent({ type: "car.update", company_id: 9247, payload: { id: 7 } })
        assert.isTrue(isPending(row))
        assert.strictEqual((yield* Queue.take(told)).payload, `${row.id}|tbilisi|car_update|7`)
        const [place] =
          yield* sql`SELECT schemaname AS name FROM pg_tables WHERE schemaname = ${name} AND tablename = 'events'`
        assert.deepStrictEqual(place, { name })
        assert.deepStrictEqual(yield* migrate(name), [])
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.unwrap(TestDatabase.useSync(({ url }) => Database.layer(url, name)))),
        Effect.provide([TestDatabase.layer, NodeServices.layer])
      )
    )
  }
})
