import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { makeReceipts } from "../../src/http/receipts.ts"

const entry = (says: string, operationId: string | null = null) => ({
  ...{ branch: "tbilisi", companyId: null, operationId },
  raw: JSON.stringify(says)
})

/** A post: how often it says the same in entries without a number, and what becomes of each try until one is confirmed. */
const Post = Schema.Struct({
  says: Schema.Literals(["one", "other"]),
  times: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3 })),
  unconfirmed: Schema.Array(Schema.Literals(["written", "lost"])).check(Schema.isMaxLength(3))
})

it.prop(
  "who comes again until it is confirmed has its rows once, whoever else says the same",
  [Schema.Array(Post)],
  ([posts]) => {
    const receipts = makeReceipts()
    const written = new Set<string>()
    const tries = posts.map((post) => ({ ...post, left: [...post.unconfirmed] }))
    // In turns: everybody's first try, then the second of those who were not confirmed.
    for (let waiting = tries; waiting.length > 0; ) {
      waiting = waiting.filter(({ left, says, times }) => {
        const sent = Array.from({ length: times }, () => entry(says)).map((entry) => ({
          ...entry,
          receipt: receipts.of(entry)
        }))
        const outcome = left.shift()
        if (outcome !== "lost") for (const { receipt } of sent) written.add(receipt)
        if (outcome !== undefined) receipts.keep(sent)
        return outcome !== undefined
      })
    }
    assert.strictEqual(
      written.size,
      posts.reduce((sum, { times }) => sum + times, 0)
    )
  }
)

it("an entry that has a number has one receipt, confirmed or not", () => {
  const receipts = makeReceipts()
  const receipt = receipts.of(entry("one", "7"))
  receipts.keep([{ ...entry("one", "7"), receipt }])
  assert.strictEqual(receipts.of(entry("one", "7")), receipt)
  assert.strictEqual(receipts.of(entry("one", "7")), receipt)
  assert.notStrictEqual(receipts.of(entry("other", "7")), receipt)
})
