import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal, Schema } from "effect"
import { readJson } from "../../src/rentprog/Json.ts"

describe("readJson", () => {
  /** JavaScript does not know which of the whole numbers out there it was. */
  const unsafe = (_: string, value: unknown) =>
    Number.isInteger(value) &&
    !Number.isSafeInteger(value) &&
    /^[^e]{16}/.test(String(value).replace(/[-.]/g, ""))
      ? String(value)
      : value

  it.effect.prop(
    "reads any JSON as JavaScript does, where that changes no number",
    { json: Schema.Json },
    ({ json }) =>
      Effect.gen(function* () {
        for (const text of [JSON.stringify(json), JSON.stringify(json, null, 2)]) {
          assert.deepStrictEqual(yield* readJson(text), JSON.parse(text, unsafe))
        }
      })
  )

  it.effect.each<readonly [string, string | number]>([
    ["9007199254740993", "9007199254740993"],
    ["-12345678901234567890", "-12345678901234567890"],
    ["1234567890.123456789", "1234567890.123456789"],
    ["1e131071", "1e131071"],
    ["9".repeat(400), "9".repeat(400)],
    ["1234567890123456", 1234567890123456],
    ["0.30000000000000004", 0.30000000000000004],
    ["680.50", 680.5],
    ["1e3", 1000],
    ["-0.5E-2", -0.005]
  ])("reads the number %s as %j", ([number, read]) =>
    Effect.gen(function* () {
      assert.deepStrictEqual<unknown>(yield* readJson(`{"a":[${number},1],"${number}":"${number}"}`), {
        a: [read, 1],
        [number]: number
      })
    })
  )

  it.effect("leaves alone what only looks like a number", () =>
    Effect.gen(function* () {
      const odd = { a: '12345678901234567890, "12345678901234567890" \\', "12345678901234567890": 1 }
      assert.deepStrictEqual<unknown>(yield* readJson(JSON.stringify(odd)), odd)
    })
  )

  it.effect("reads a text of any length", () =>
    Effect.gen(function* () {
      const json = `{"a":"${"\\u0418".repeat(5_000_000)}","b":9007199254740993}`
      const read = yield* readJson(json)
      assert.isTrue(Equal.equals(read, { a: "И".repeat(5_000_000), b: "9007199254740993" }))
    })
  )

  it.effect.each(["", "{", "[\\n, 9007199254740993]", '{"id": 1, "na', "nope", "1.2.3", '"'])(
    "fails on %j",
    (text) =>
      Effect.gen(function* () {
        assert.isTrue(yield* Effect.isFailure(readJson(text)))
      })
  )
})
