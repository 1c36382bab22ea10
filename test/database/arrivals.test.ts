import { assert, it } from "@effect/vitest"
import { Schema } from "effect"
import { arrivals, rowSize } from "../../src/database/arrivals.ts"

const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20_000 })))
const Room = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40_000 }))

it.prop(
  "each row is taken once, those of a post in their order, and no more than has room, or one",
  [Schema.Array(Sizes), Room],
  ([posts, room]) => {
    const { add, next } = arrivals((row: string) => row)
    const brought = posts.map((sizes) =>
      add(
        sizes.map((size) => "x".repeat(size)),
        0
      )
    )
    const taken = new Map(brought.map((post) => [post, [] as string[]]))
    for (let batch = next(room); batch.length > 0; batch = next(room)) {
      const size = batch.reduce((sum, { row }) => sum + row.length + rowSize, 0)
      assert.isTrue(batch.length === 1 || size <= room)
      for (const { post, row } of batch) taken.get(post)?.push(row)
    }
    for (const [post, rows] of taken) assert.deepStrictEqual(rows, post.rows)
  }
)
