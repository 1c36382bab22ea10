import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { type Call, inTime, json, key, kutaisi, makeStub, rentProg, tbilisi } from "./stub.ts"

const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)

const read = (branch = tbilisi) => RentProg.use((rentprog) => rentprog.searchLog(branch, 1))
const fetch = (id: number) => RentProg.use((rentprog) => rentprog.fetch(tbilisi, key("car", id)))
const isSearch = ({ path }: Call) => path === "/search_operations"
const answer = (call: Call) =>
  json(isSearch(call) ? { operations: { data: [] } } : { id: Number(call.path.slice("/cars/".length)) })

describe("the quota of searches", () => {
  it.effect("is the log's own, and each branch's", () => {
    const made = makeStub(answer)
    return Effect.gen(function* () {
      yield* inTime(Effect.replicateEffect(read(), 10))
      const times = made.reads.map(({ at }) => at)
      for (const at of numbers(0, 5)) {
        assert.isAtLeast((times[at + 4] ?? Number.NaN) - (times[at] ?? Number.NaN), 60_000)
      }
      const before = yield* Clock.currentTimeMillis
      yield* inTime(Effect.all([fetch(1), fetch(2), fetch(3), read(kutaisi)]))
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 1_000)
    }).pipe(Effect.provide(rentProg(made, 1_000_000, 4)))
  })

  it.effect("that RentProg says is used up holds up the log, and no record", () => {
    const made = makeStub((call) =>
      call.number === 0 ? json({}, 429, { "retry-after": "7" }) : answer(call)
    )
    return Effect.gen(function* () {
      yield* inTime(Effect.all([read(), Effect.delay(fetch(1), "1 second")], { concurrency: 2 }))
      const began = made.reads[0]?.at ?? Number.NaN
      assert.deepStrictEqual(
        made.reads.slice(1).map((call) => [isSearch(call), Math.floor((call.at - began) / 1000)]),
        [
          [false, 1],
          [true, 7]
        ]
      )
    }).pipe(Effect.provide(rentProg(made)))
  })

  it.effect("leaves what the reads are told to wait for to the reads", () => {
    const made = makeStub((call) =>
      call.number === 0 ? json({}, 429, { "retry-after": "60" }) : answer(call)
    )
    return Effect.gen(function* () {
      yield* inTime(Effect.all([fetch(1), Effect.delay(read(), "1 second")], { concurrency: 2 }))
      assert.deepStrictEqual(made.reads.map(isSearch), [false, true, false])
    }).pipe(Effect.provide(rentProg(made)))
  })
})
