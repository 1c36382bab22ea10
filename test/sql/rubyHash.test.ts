/** The quick way through the text of a usual Ruby hash comes to what its tokens come to. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { inspect } from "../../src/simulator/Webhook.ts"
import { run } from "../support/refusing.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const fragments = [
  ...[
    "{",
    "}",
    "[",
    "]",
    "=>",
    "=",
    ">",
    ",",
    " ",
    ", ",
    "-",
    "+",
    ".",
    '"',
    "\\",
    ":",
    "\n",
    "\t",
    "#",
    "#<"
  ],
  ...[
    "nil",
    "true",
    "false",
    "nul",
    "e",
    "0",
    "1",
    "-1",
    "1.50",
    "12",
    "2025-11-03",
    "9-",
    "Mon, 03 Nov 2025"
  ],
  ...[
    '"a"',
    '"a"=>',
    '"id"=>65311',
    '"nil"',
    '"=>"',
    '"Ж \u2028\u0001"',
    '""',
    '"a\\"b"',
    '"#<A>"',
    ":a",
    "a: 1",
    ":a=>"
  ],
  ...["#<A b: 1>", 'BigDecimal("1.5")', "10:00:00", "null", "Ж", "NaN", "Infinity", "\u00a0"]
] as const
const fragment = Arbitrary.schema(Schema.Literals(fragments))
const words = Arbitrary.array(fragment, { maxLength: 6 })

/** Values as webhooks have them. */
const value = Arbitrary.all([
  fragment,
  Arbitrary.schema(Schema.Json),
  Arbitrary.schema(Schema.Literals(["text", "pair", "json", "number"]))
]).pipe(
  Arbitrary.map(([text, json, form]) =>
    form === "text" ? text : form === "pair" ? [null, text] : form === "number" ? text.length / 2 : json
  )
)
const hash = Arbitrary.array(Arbitrary.all([fragment, value]), { maxLength: 4 }).pipe(
  Arbitrary.map((fields) => inspect(Object.fromEntries(fields)))
)
/** A hash, one in which a piece was replaced, and one made of nothing but pieces. */
const text = Arbitrary.all([
  hash,
  words,
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 60 }))),
  Arbitrary.schema(Schema.Literals([0, 0, 1, 2, 5])),
  Arbitrary.schema(Schema.Literals(["whole", "changed", "changed", "words", "field"]))
]).pipe(
  Arbitrary.map(([hash, words, at, gone, form]) => {
    if (form === "whole") return hash
    if (form === "words") return words.join("")
    if (form === "field") return `{"a"=>${words.slice(0, 3).join("")}}`
    return hash.slice(0, at) + words.slice(0, 2).join("") + hash.slice(at + gone)
  }),
  Arbitrary.map((text) => text.replaceAll("\u0000", "").toWellFormed())
)

layer(testDatabase, { excludeTestServices: true })("the quick way through a Ruby hash", (it) => {
  // The first of all: a session keeps what it has once read of a function.
  it.effect("reads a hash for a session whose strings know escapes", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const rows = yield* Effect.andThen(
        sql`SET LOCAL standard_conforming_strings = off`,
        sql`
          INSERT INTO events (type, branch, payload)
          VALUES ('car_update', 'tbilisi', to_jsonb(${'{"id"=>7, "mileage"=>[1, 2]}'}::text))
          RETURNING ext_id, reason
        `
      ).pipe(sql.withTransaction)
      assert.deepStrictEqual(rows, [{ ext_id: "7", reason: null }])
    })
  )

  it.effect("reads and refuses what its tokens read and refuse", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* run(`
        CREATE FUNCTION tried(said text, quickly boolean) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
          RETURN CASE WHEN quickly THEN parse_ruby_hash(said) ELSE read_ruby_hash(said) END;
        EXCEPTION WHEN OTHERS THEN
          RETURN SQLSTATE || ' ' || SQLERRM;
        END
        $$
      `)
      const texts = yield* Arbitrary.sampleEffect(text, { count: 4000, seed: crypto.randomUUID() })
      const rows = yield* sql<{ readonly said: string; readonly quick: string; readonly slow: string }>`
        SELECT texts.said, tried(texts.said, true) AS quick, tried(texts.said, false) AS slow
        FROM unnest(${texts}::text[]) AS texts (said)
      `
      assert.deepStrictEqual(
        rows.filter(({ quick, slow }) => quick !== slow),
        []
      )
      const read = rows.filter(({ slow }) => slow?.startsWith("{"))
      assert.isTrue(read.length > 500 && read.length < 3500, String(read.length))
    })
  )
})
