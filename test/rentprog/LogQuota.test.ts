import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { type Call, inTime, json, key, kutaisi, makeStub, rentProg, tbilisi } from "./stub.ts"

const numbers = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, n) => first + n)

const read = (branch = tbilisi) => RentProg.use((rentprog) => rentprog.readLog(branch, 0, 1))
const fetch = (id: number) => RentProg.use((rentprog) => rentprog.fetch(tbilisi, key("car", id)))
const answer = (call: Call) =>
  json(call.path === "/history_items" ? [] : { id: Number(call.path.slice("/cars/".length)) })

describe("the quota", () => {
  it.effect("is one for the log and the records of a branch", () => {
    const made = makeStub(answer)
    return Effect.gen(function* () {
      yield* inTime(Effect.forEach(numbers(1, 4), (id) => Effect.andThen(fetch(id), read())))
      const times = made.reads.map(({ at }) => at)
      assert.lengthOf(times, 8)
      for (const at of numbers(0, 3)) {
        assert.isAtLeast((times[at + 4] ?? Number.NaN) - (times[at] ?? Number.NaN), 60_000)
      }
      const before = yield* Clock.currentTimeMillis
      yield* inTime(read(kutaisi))
      assert.isBelow((yield* Clock.currentTimeMillis) - before, 1_000)
    }).pipe(Effect.provide(rentProg(made, 4)))
  })

  it.effect("that RentProg says is used up holds up the log, and the records with it", () => {
    const made = makeStub((call) =>
      call.number === 0 ? json({}, 429, { "retry-after": "7" }) : answer(call)
    )
    return Effect.gen(function* () {
      yield* inTime(Effect.all([read(), Effect.delay(fetch(1), "1 second")], { concurrency: 2 }))
      const [refused = Number.NaN, ...others] = made.reads.map(({ at }) => at)
      assert.lengthOf(others, 2)
      for (const at of others) {
        assert.isAtLeast(at, refused + 7_000)
        assert.isBelow(at, refused + 8_000)
      }
    }).pipe(Effect.provide(rentProg(made)))
  })
})
