import { assert, it } from "@effect/vitest"
import { DateTime, Option, Redacted } from "effect"
import { expiryOf } from "../../src/rentprog/Token.ts"

const base64url = (text: string) => Buffer.from(text).toString("base64url")

const expiry = (token: string) =>
  Option.getOrUndefined(Option.map(expiryOf(Redacted.make(token)), DateTime.formatIso))

it.each([
  { exp: 1_763_596_800, ends: "2025-11-20T00:00:00.000Z" },
  { exp: 1_763_596_800.25, ends: "2025-11-20T00:00:00.250Z" },
  { exp: "1763596800", ends: undefined },
  { exp: null, ends: undefined },
  { exp: 1e300, ends: undefined }
])("a JWT whose exp is $exp ends then", ({ ends, exp }) => {
  const claims = base64url(JSON.stringify({ user_id: 7, name: "Анна", exp }))
  assert.strictEqual(expiry(`${base64url('{"alg":"HS256"}')}.${claims}.c2lnbmF0dXJl`), ends)
})

it.each([
  "",
  "secret",
  "a.b.c",
  "..",
  `x.${base64url("no JSON")}.y`,
  `x.${base64url("[]")}.y`,
  `x.${base64url("{}")}.y`,
  `x.${base64url("null")}.y`
])("a token that is no JWT, or says nothing of its end, has none: %s", (token) => {
  assert.isUndefined(expiry(token))
})
