import { readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { inspect } from "../../src/simulator/Webhook.ts"
import { insertEvents, isPending } from "../support/events.ts"
import { size } from "../support/size.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const Line = Schema.fromJsonString(
  Schema.Struct({
    body: Schema.Struct({ event: Schema.String, payload: Schema.Json }),
    expect: Schema.Struct({
      type: Schema.String,
      branch: Schema.String,
      ext_id: Schema.String,
      payload: Schema.Json
    })
  })
)
const webhooks = readFileSync(new URL("../fixtures/webhooks.jsonl", import.meta.url), "utf8")
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => Schema.decodeUnknownSync(Line)(line))

/** What `read_payload` makes of each text. */
const read = Effect.fnUntraced(function* (texts: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ readonly read: unknown }>`
    SELECT read_payload(to_jsonb(said)) AS read
    FROM unnest(${texts}::text[]) WITH ORDINALITY AS texts (said, n) ORDER BY n
  `
  return rows.map((row) => row.read)
})

/** Ruby's text, and what it means; null where it is no hash. */
const ruby: ReadonlyArray<readonly [text: string, meaning: unknown]> = [
  ["{}", {}],
  [" { } ", {}],
  ['{"a"=>1}', { a: 1 }],
  ['{"a" => 1, "b" => 2}', { a: 1, b: 2 }],
  ['{\n  "a"=>1\n}', { a: 1 }],
  // Values.
  ['{"a"=>nil, "b"=>true, "c"=>false}', { a: null, b: true, c: false }],
  ['{"a"=>-1, "b"=>1.5, "c"=>1.0e+21, "d"=>-2.5e-07}', { a: -1, b: 1.5, c: 1e21, d: -2.5e-7 }],
  ['{"a"=>0.6e2, "b"=>[], "c"=>{}}', { a: 60, b: [], c: {} }],
  ['{"a"=>[nil, [1, {"b"=>[nil]}]]}', { a: [null, [1, { b: [null] }]] }],
  // Nothing means anything inside a string.
  ['{"a"=>"b => c"}', { a: "b => c" }],
  ['{"a"=>"nil"}', { a: "nil" }],
  ['{"nil"=>"=>"}', { nil: "=>" }],
  ['{"a"=>"b: :c, {d}"}', { a: "b: :c, {d}" }],
  ['{"a"=>"say \\"hi\\""}', { a: 'say "hi"' }],
  ['{"a"=>"ends in \\\\"}', { a: "ends in \\" }],
  ['{"a"=>"\\#{b} #{c} \\#$d \\#@e"}', { a: "#{b} #{c} #$d #@e" }],
  ['{"a"=>"it\'s"}', { a: "it's" }],
  ['{"a"=>""}', { a: "" }],
  ['{"a=>1"=>{"b\\"=>"=>2}}', { "a=>1": { 'b"=>': 2 } }],
  ['{"a"=>"Mon, 03 Nov 2025"}', { a: "Mon, 03 Nov 2025" }],
  // Escapes.
  ['{"a"=>"\\n\\t\\r\\f\\b\\v\\a\\e"}', { a: "\n\t\r\f\b\v\u0007\u001b" }],
  ['{"a"=>"\\u0410\\u{1F697}\\u{41}\\x41"}', { a: "А🚗AA" }],
  ['{"a"=>"\\s\\/"}', { a: "s/" }],
  ['{"a"=>"one\ntwo\tthree"}', { a: "one\ntwo\tthree" }],
  // Symbols.
  ["{:id=>1, :state=>:active}", { id: 1, state: "active" }],
  ['{:"two words"=>:"say \\"hi\\""}', { "two words": 'say "hi"' }],
  ["{:empty?=>true, :save!=>nil}", { "empty?": true, "save!": null }],
  ["{:имя=>:Иван}", { имя: "Иван" }],
  ["{:nil=>nil, :true=>true}", { nil: null, true: true }],
  // Ruby 3.4.
  ['{id: 1, name: "Иван", at: nil}', { id: 1, name: "Иван", at: null }],
  [
    '{"a" => 1, b: :c, "two words": "x", "say \\"hi\\"": 2}',
    { a: 1, b: "c", "two words": "x", 'say "hi"': 2 }
  ],
  ["{nil: nil, true: true, empty?: [], имя: {}}", { nil: null, true: true, "empty?": [], имя: {} }],
  // Dates, as Ruby and Rails print them.
  ['{"a"=>Mon, 03 Nov 2025, "b"=>1}', { a: "Mon, 03 Nov 2025", b: 1 }],
  ...[
    "Mon, 03 Nov 2025 10:00:00.000000000 +04 +04:00",
    "Mon, 03 Nov 2025 10:00:00 UTC +00:00",
    "2025-11-03 10:00:00.123 +04 +04:00",
    "2025-11-03 10:00:00 +0400",
    "2025-11-03 10:00:00 UTC",
    "2025-11-03"
  ].map((date) => [`{"a"=>[nil, ${date}]}`, { a: [null, date] }] as const),
  // Objects are what they print, whatever stands in them; decimals are numbers, to the last digit.
  ['{"a"=>#<Price id: 1, amount: 5>, "b"=>2}', { a: "#<Price id: 1, amount: 5>", b: 2 }],
  ...[
    '#<Foo:0x000 @a="x > y">',
    '#<Foo:0x000 @a="say \\"hi\\" >", @b={"c"=>#<Bar @d=nil, @e=[1, 2]>}>',
    "#<Mail to: <anna@example.com>>",
    "#<struct Point x=1,\n y=2>",
    "#<Set: {1, 2}>",
    "#<Иван>",
    "#<>"
  ].map((object) => [`{"a"=>[nil, ${object}], "b"=>"#<"}`, { a: [null, object], b: "#<" }] as const),
  [
    '{"a"=>BigDecimal("1.5"), "b"=>[BigDecimal("0.15e1"), 0.15e1, BigDecimal("-2")]}',
    { a: 1.5, b: [1.5, 1.5, -2] }
  ],
  ['{"a"=>BigDecimal("NaN"), "b"=>BigDecimal("1e9999")}', { a: "NaN", b: "1e9999" }],
  [
    "{\"a\"=>#<BigDecimal:7f8b,'0.15E1',9(18)>, \"b\"=>#<BigDecimal:7f8b,'NaN',9(9)>}",
    { a: 1.5, b: "#<BigDecimal:7f8b,'NaN',9(9)>" }
  ],
  // Mixed with JSON.
  ['{"a": [1, null], "b"=>nil}', { a: [1, null], b: null }],
  // No hash.
  ...[
    ...[
      "",
      " ",
      "hello",
      "nil",
      "null",
      "1",
      "true",
      '"a"',
      '"{}"',
      "[1]",
      '[{"a"=>1}]',
      "=>",
      ":",
      '"',
      ':"'
    ],
    ...["{", "}", '{"a"=>', '{"a"=>1', '{"a"=>"b}', '{"a"=>1}}', '{"a"=>1} b', '{"a"=>1, }', '{"a"}', "{a}"],
    ...[
      '{"a"=>b}',
      ...[
        '{"a"=>#<Car}',
        '{"a"=>#<Car>>}',
        '{"a"=><1>}',
        '{"a"=>#<Car "x>}',
        "{#<Car>}",
        '{"a"=>BigDecimal(1)}'
      ],
      '{"a"=>NaN}',
      '{"a"=>1 2}',
      '{"a"=>Infinity}',
      "{\\}",
      "{'a'=>1}"
    ],
    // What jsonb cannot hold.
    ...['{"a"=>"\\u0000"}', '{"a"=>"\\0"}', '{"a"=>"\\uD800"}', '{"a"=>"\\u{D800}"}', '{"a"=>"\\u{110000}"}'],
    '{"a":"\\u0000"}'
  ].map((text) => [text, null] as const)
]

/** The same value, without what jsonb cannot hold: NUL, half characters and the sign of zero. */
const holdable = (value: Schema.Json): Schema.Json => {
  if (typeof value === "string") return value.replaceAll("\0", "").toWellFormed()
  if (typeof value === "number") return value === 0 ? 0 : value
  if (value === null || typeof value === "boolean") return value
  if (Array.isArray(value)) return value.map(holdable)
  return holdableObject(value)
}
const holdableObject = (object: object): Schema.JsonObject =>
  Object.fromEntries(
    Object.entries(object).map(([key, field]) => [key.replaceAll("\0", "").toWellFormed(), holdable(field)])
  )

/** What the trigger makes of an object: every array becomes its last element. */
const lastOfArrays = (object: Schema.JsonObject): Schema.JsonObject =>
  Object.fromEntries(
    Object.entries(object).map(([key, field]) => [key, Array.isArray(field) ? (field.at(-1) ?? null) : field])
  )

/** Texts made of all that means something to a parser of Ruby. */
const pieces = [
  ...['"', "\\", "=>", "nil", ":", "#{", "}", "{", "[", "]", ",", " ", "\n", "\t", "\v", "\u0007", "\u001b"],
  ...[
    "\u007f",
    "\u2028",
    "'",
    "a",
    "u0041",
    "x41",
    "id:",
    ":id",
    "Mon, 03 Nov 2025",
    "é",
    "Ж",
    "😀",
    "\\u{",
    "0"
  ],
  ...["-", "e", ".", "null", '":', ':"', "\\#", "@", "$", "b", "#<", "<", ">", "BigDecimal("]
] as const
const hostile = Arbitrary.array(Arbitrary.schema(Schema.Literals(pieces)), { maxLength: 12 }).pipe(
  Arbitrary.map((parts) => parts.join(""))
)
const hostileField = Arbitrary.all([hostile, hostile, hostile, Arbitrary.schema(Schema.Json)]).pipe(
  Arbitrary.map(([key, was, is, more]) => [key, [was, [is, { [is]: more }]]] as const)
)
const objects = Arbitrary.all([
  Arbitrary.array(hostileField, { maxLength: 3 }),
  Arbitrary.schema(Schema.Record(Schema.String, Schema.Json))
]).pipe(Arbitrary.map(([fields, object]) => holdableObject({ ...object, ...Object.fromEntries(fields) })))

/** Many samples at once, each run another; what fails names the sample itself. */
const samples = <A>(arbitrary: Arbitrary.Arbitrary<A>, count: number) =>
  Arbitrary.sampleEffect(arbitrary, { count, seed: crypto.randomUUID() })

layer(testDatabase, { excludeTestServices: true })("payload", (it) => {
  it.effect.each(webhooks)("a webhook of the field: $body.event $body.payload", ({ body, expect }) =>
    Effect.gen(function* () {
      const [row] = yield* insertEvents([{ type: body.event, payload: body.payload }])
      assert.isDefined(row)
      assert.deepStrictEqual(
        { type: row.type, branch: row.branch, ext_id: row.ext_id, payload: row.payload },
        { ...expect }
      )
      assert.deepStrictEqual(row.payload_received, body.payload)
      assert.isTrue(isPending(row))
    })
  )

  it("there are webhooks of the field", () => assert.isAbove(webhooks.length, 5))

  it.effect.each(ruby)("Ruby: %s", ([text, meaning]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read([text]), [meaning])
    })
  )

  it.effect(
    "whatever Ruby's inspect prints is read back, and means the same as JSON text and as an object",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const values = yield* samples(objects, 2000)
        const rows = values.map((object) => ({
          object,
          json: JSON.stringify(object),
          ruby: inspect(object),
          last: lastOfArrays(object)
        }))
        // Compared where they are read: on its way here a value would pass through another parser.
        const wrong = yield* sql`
        SELECT json, ruby, read_payload(to_jsonb(ruby))::text AS read
        FROM jsonb_to_recordset(${sql.json(rows)}) AS row (object jsonb, json text, ruby text, last jsonb)
        WHERE (read_payload(object), read_payload(to_jsonb(json)), read_payload(to_jsonb(ruby)))
            IS DISTINCT FROM (object, object, object)
          OR last_of_arrays(object) IS DISTINCT FROM last
      `
        assert.deepStrictEqual(wrong, [])
      })
  )

  it.effect("no text raises, and no text is read as anything but an object", () =>
    Effect.gen(function* () {
      const texts = yield* samples(hostile, 1500)
      const framed = texts.flatMap((text) => [text, `{"a"=>${text}}`, `{${text}=>1}`, `{"a"=>"${text}"}`])
      const readBack = yield* read(framed)
      assert.strictEqual(readBack.length, framed.length)
      for (const value of readBack) assert.isTrue(value === null || !Array.isArray(value))
      assert.isTrue(readBack.some((value) => value !== null))
      assert.isTrue(readBack.some((value) => value === null))
    })
  )

  // A parser whose time grows with the square of the length outlasts the test.
  const length = size({ long: 1_000_000, usual: 200_000 })

  it.effect.each([
    ...['"', "{", '{"a"=>', '"a"=>1, ', "Mon, 03 Nov ", ":a", "a", "=>"].map((piece) => ["", piece] as const),
    ...["#<", ">", "#<a> ", 'BigDecimal("'].map((piece) => ['{"a"=>', piece] as const),
    ...["\\", "\\u{1}", '\\"', "Ж"].map((piece) => ['{"a"=>"', piece] as const)
  ])("a long text of %s%s is read", ([start, piece]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read([start + piece.repeat(length / piece.length)]), [null])
    })
  )

  it.effect("a decimal keeps all its digits", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const digits = "12345678901234567890.123456789012345678901"
      const hash = `{"a"=>BigDecimal("${digits}")}`
      const rows = yield* sql`SELECT read_payload(to_jsonb(${hash}::text)) ->> 'a' AS a`
      assert.deepStrictEqual<unknown>(rows, [{ a: digits }])
    })
  )

  it.effect("an object of ten thousand fields is read", () =>
    Effect.gen(function* () {
      const object = Object.fromEntries(
        Array.from({ length: 10_000 }, (_, n) => [`field "${n}"`, [n, "=> nil"]])
      )
      assert.deepStrictEqual(yield* read([inspect(object), JSON.stringify(object)]), [object, object])
    })
  )
})
