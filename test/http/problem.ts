import { assert } from "@effect/vitest"
import { Effect, Schema } from "effect"
import type { Answer } from "./server.ts"

const Problem = Schema.fromJsonString(
  Schema.Struct({
    type: Schema.Literal("about:blank"),
    status: Schema.Int,
    title: Schema.String,
    detail: Schema.optionalKey(Schema.String)
  })
)

/** Sees that an answer is a problem as RFC 9457 has it, and answers its detail. */
export const problem = Effect.fnUntraced(function* (answer: Answer, status: number) {
  assert.strictEqual(answer.status, status, answer.text.slice(0, 500))
  assert.strictEqual(answer.headers["content-type"], "application/problem+json")
  const said = yield* Schema.decodeUnknownEffect(Problem)(answer.text)
  assert.strictEqual(said.status, status)
  return said.detail ?? ""
})
