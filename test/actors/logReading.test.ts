/** The way of a reading through pages, against a log and a table in memory. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Health } from "../../src/actors/Health.ts"
import { readLog } from "../../src/actors/readLog.ts"
import { History } from "../../src/database/History.ts"
import { Branch } from "../../src/domain/Branch.ts"
import type { LogProgress } from "../../src/domain/LogProgress.ts"
import { type RentProgError, RentProgNotFound, RentProgUnavailable } from "../../src/domain/Reason.ts"
import type { LogPage } from "../../src/rentprog/Log.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"

const tbilisi = Branch.make("tbilisi")

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

/** A log of entries by number, and what was written down of it. */
const makeLog = (size: number) => {
  const entries: Array<number> = []
  const written = new Set<number>()
  let progress: LogProgress | undefined
  let asked: Array<number> = []
  let failAfter = Number.POSITIVE_INFINITY
  let beforePage: (page: number) => void = () => undefined
  let paused = false
  let isEmpty = false
  let isNowhere = false

  const search = (_: Branch, page: number) =>
    Effect.suspend((): Effect.Effect<LogPage, RentProgError> => {
      if (asked.length >= failAfter) return Effect.fail(new RentProgUnavailable({ detail: "away" }))
      asked.push(page)
      beforePage(page)
      if (isNowhere) return Effect.fail(new RentProgNotFound({ detail: "nowhere" }))
      if (isEmpty) return Effect.succeed({ length: 0, entries: [] })
      const sorted = entries.toSorted((one, other) => other - one)
      const ids = sorted.slice((page - 1) * size, page * size)
      return Effect.succeed({
        length: ids.length,
        entries: ids.map((id) => ({
          ...{ operationId: String(id), operationType: null, description: null, entityType: null },
          ...{ entityId: null, userName: null, createdAt: null, raw: {} }
        }))
      })
    })
  const layer = Layer.mergeAll(
    Health.layer,
    Layer.mock(History)({
      isPaused: () => Effect.sync(() => paused),
      logProgress: () => Effect.sync(() => Option.fromNullishOr(progress)),
      record: (_, page, reached) =>
        Effect.sync(() => {
          for (const { operationId } of page) written.add(Number(operationId))
          progress = reached
          return page.length
        })
    }),
    Layer.mock(RentProg)({
      searchLog: search,
      listLog: () => Effect.succeed({ length: 0, entries: [] }),
      userTokenEnds: () => Option.none(),
      branches: []
    })
  )
  /** Reads, and answers the pages asked for. */
  const read = (failing = Number.POSITIVE_INFINITY) =>
    Effect.map(
      Effect.suspend(() => {
        asked = []
        failAfter = failing
        return readLog(tbilisi)
      }),
      () => asked
    ).pipe(Effect.provide(layer))
  return {
    add: (...ids: ReadonlyArray<number>) => entries.push(...ids),
    /** So many entries, below so many newer ones. */
    lose: (below: number, count: number) => {
      const end = Math.max(entries.length - below, 0)
      entries.splice(Math.max(end - count, 0), Math.min(count, end))
    },
    missing: () => entries.filter((id) => !written.has(id)),
    progress: () => progress,
    read,
    before: (act: (page: number) => void) => {
      beforePage = act
    },
    empty: (empty: boolean) => {
      isEmpty = empty
    },
    nowhere: (nowhere: boolean) => {
      isNowhere = nowhere
    },
    pause: () => {
      paused = true
    },
    resume: () => {
      paused = false
    }
  }
}

describe("a reading", () => {
  it.effect("ends with a whole page of what is known", () =>
    Effect.gen(function* () {
      const log = makeLog(100)
      log.add(...numbers(1, 250))
      // Nothing says where the log ends but a page that is short or empty.
      assert.deepStrictEqual(yield* log.read(), [1, 2, 3, 4])
      assert.deepStrictEqual(yield* log.read(), [1])
      log.add(251)
      assert.deepStrictEqual(yield* log.read(), [1, 2])
      log.add(...numbers(252, 400))
      assert.deepStrictEqual(yield* log.read(), [1, 2, 3])
      assert.isEmpty(log.missing())
    })
  )

  it.effect("finds what appears late, with a lower number", () =>
    Effect.gen(function* () {
      const log = makeLog(100)
      log.add(...numbers(1, 300).filter((id) => id !== 205))
      yield* log.read()
      log.add(205, 301)
      yield* log.read()
      assert.isEmpty(log.missing())
    })
  )

  it.effect("that fails is gone on with below what it wrote down", () =>
    Effect.gen(function* () {
      const log = makeLog(100)
      log.add(...numbers(1, 5000))
      yield* log.read()
      yield* TestClock.adjust("1 minute")
      const before = log.progress()?.readUntil
      log.add(...numbers(5001, 10_000))
      assert.lengthOf(yield* log.read(40), 40)
      assert.strictEqual(log.progress()?.readUntil, before)
      log.add(...numbers(10_001, 10_050))
      // Its newest page, one that is known, the last that is known, and what is below.
      assert.deepStrictEqual(yield* log.read(), [1, 2, ...numbers(40, 52)])
      assert.isEmpty(log.missing())
      assert.isAbove(log.progress()?.readUntil ?? 0, before ?? 0)
      assert.deepStrictEqual(yield* log.read(), [1])
    })
  )

  it.effect("closes a gap that is higher up than it was", () =>
    Effect.gen(function* () {
      const log = makeLog(100)
      log.add(...numbers(1, 5000))
      yield* log.read()
      log.add(...numbers(5001, 10_000))
      yield* log.read(40)
      log.lose(3000, 501)
      const pages = yield* log.read()
      assert.isEmpty(log.missing())
      assert.isAtMost(pages.length, 25)
    })
  )

  it.effect("takes a log that comes empty for no end of it", () =>
    Effect.gen(function* () {
      const log = makeLog(100)
      log.add(...numbers(1, 200))
      yield* log.read()
      log.add(...numbers(201, 800))
      yield* log.read(2)
      log.empty(true)
      assert.deepStrictEqual(yield* log.read(), [1])
      log.empty(false)
      yield* log.read()
      assert.isEmpty(log.missing())
    })
  )

  it.effect("closes a gap though the log was nowhere for once, and nothing was at the older address", () =>
    Effect.gen(function* () {
      const log = makeLog(100)
      log.add(...numbers(1, 200))
      yield* log.read()
      log.add(...numbers(201, 800))
      yield* log.read(2)
      const open = log.progress()?.stretches
      log.nowhere(true)
      yield* log.read()
      assert.deepStrictEqual(log.progress()?.stretches, open)
      log.nowhere(false)
      yield* log.read()
      assert.isEmpty(log.missing())
    })
  )

  it.effect("of a log that was always empty is one", () =>
    Effect.gen(function* () {
      const log = makeLog(100)
      assert.deepStrictEqual(yield* log.read(), [1])
      assert.strictEqual(log.progress()?.readUntil, 0)
      log.add(1)
      yield* log.read()
      assert.isEmpty(log.missing())
    })
  )

  it.effect("that fails again and again closes every gap", () =>
    Effect.gen(function* () {
      const log = makeLog(100)
      log.add(...numbers(1, 100))
      yield* log.read()
      for (let round = 0; round < 5; round += 1) {
        log.add(...numbers(101 + round * 1000, 1100 + round * 1000))
        yield* log.read(4)
      }
      let calls = 0
      while (log.missing().length > 0) calls += (yield* log.read(8)).length
      assert.isAtMost(calls, 60)
    })
  )

  it.effect("goes on though as many entries appeared meanwhile as a page holds", () =>
    Effect.gen(function* () {
      const log = makeLog(10)
      log.add(...numbers(1, 200))
      yield* log.read()
      log.add(...numbers(201, 260))
      log.before((page) => {
        if (page === 3) log.add(...numbers(261, 270))
      })
      yield* log.read()
      log.before(() => undefined)
      yield* log.read()
      assert.isEmpty(log.missing())
    })
  )

  it.effect("that a pause stops asks for no further page, and is gone on with", () =>
    Effect.gen(function* () {
      const log = makeLog(100)
      log.add(...numbers(1, 1000))
      log.before((page) => {
        if (page === 3) log.pause()
      })
      assert.deepStrictEqual(yield* log.read(), [1, 2, 3])
      assert.deepStrictEqual(yield* log.read(), [])
      log.resume()
      log.before(() => undefined)
      assert.deepStrictEqual(yield* log.read(), [1, ...numbers(3, 11)])
      assert.isEmpty(log.missing())
    })
  )

  const Step = Schema.Struct({
    fresh: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 90 })),
    /** After how many calls RentProg goes away. */
    calls: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 9 })),
    /** What appears while a page is on its way. */
    meanwhile: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 25 })),
    at: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
    /** Numbers that are another company's. */
    gap: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 })),
    /** How many RentProg deletes before the reading, and how far down. */
    gone: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 40 })),
    below: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 200 }))
  })
  it.effect.prop(
    "that goes well misses nothing, whatever went wrong before it and appeared meanwhile",
    { steps: Schema.Array(Step).check(Schema.isMaxLength(12)), size: Schema.Literals([10, 20]) },
    ({ size, steps }) =>
      Effect.gen(function* () {
        const log = makeLog(size)
        let last = 0
        const appear = (count: number, gap: number) => {
          for (let n = 0; n < count; n += 1) {
            last += gap
            log.add(last)
          }
        }
        for (const { at, below, calls, fresh, gap, gone, meanwhile } of steps) {
          appear(fresh, gap)
          log.lose(below, gone)
          let isOut = false
          log.before((page) => {
            if (page !== at || isOut) return
            isOut = true
            appear(meanwhile, gap)
          })
          yield* log.read(calls)
        }
        log.before(() => undefined)
        yield* log.read()
        assert.deepStrictEqual(log.missing(), [])
        assert.isAtMost((yield* log.read()).length, 2)
      })
  )
})
