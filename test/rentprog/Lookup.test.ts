import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Logger, References, Schema, Scope, Tracer } from "effect"
import { Branch } from "../../src/domain/Branch.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { elapse, inTime, json, key, makeStub, record, rentProg, tbilisi } from "./stub.ts"

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)

const fetch = Effect.fnUntraced(function* (id: number) {
  return yield* (yield* RentProg).fetch(tbilisi, key("car", id))
})
const fetchAll = (ids: ReadonlyArray<number>) =>
  Effect.forEach(ids, (id) => Effect.exit(fetch(id)), { concurrency: "unbounded" })

const isList = (path: string) => path === "/all_cars_full"

describe("lists", () => {
  const Page = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))).check(
    Schema.isMaxLength(25)
  )

  it.effect.prop(
    "end, whatever their pages hold, and every record that exists is found for a call more than itself at most",
    {
      pages: Schema.Array(Page).check(Schema.isMaxLength(8)),
      afterwards: Schema.Literals(["nothing", "the last page again", "strangers", "no list"]),
      enveloped: Schema.Boolean,
      wanted: Schema.UniqueArray(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))).check(
        Schema.isBetweenLength(8, 40)
      )
    },
    ({ afterwards, enveloped, pages, wanted }) => {
      const stub = makeStub((call) => {
        if (!isList(call.path)) return Number(call.path.split("/")[2]) > 50 ? json({}, 404) : record(call)
        const number = Number(call.params.get("page"))
        const after = {
          nothing: [],
          "the last page again": pages.at(-1) ?? [],
          strangers: numbers(number * 1_000, number * 1_000 + 24),
          "no list": "none"
        }
        const page = pages[number - 1] ?? after[afterwards]
        const body = Array.isArray(page) ? page.map((id) => ({ id, page: number })) : page
        return json(enveloped ? { data: body } : body)
      })
      return Effect.gen(function* () {
        const exits = yield* inTime(fetchAll(wanted))
        for (const [index, exit] of exits.entries()) {
          const id = wanted[index] ?? 0
          if (Exit.isSuccess(exit)) assert.strictEqual(exit.value.entityId, String(id))
          else assert.isAbove(id, 50)
        }
        const missing = exits.filter(Exit.isFailure).length
        assert.isAtMost(stub.reads.length, wanted.length + missing + 1)
      }).pipe(Effect.provide(rentProg(stub)))
    }
  )

  it.effect.each([
    { last: "short", pages: [numbers(1, 10), numbers(11, 20), numbers(21, 25)], calls: 3 },
    { last: "empty", pages: [numbers(1, 10), numbers(11, 20), []], calls: 3 },
    { last: "sent again", pages: [numbers(1, 10), numbers(11, 20), numbers(11, 20)], calls: 3 }
  ])("end with a page that is $last", ({ calls, pages }) => {
    const stub = makeStub((call) => {
      const page = pages[Number(call.params.get("page")) - 1] ?? []
      return isList(call.path) ? json(page.map((id) => ({ id }))) : record(call)
    })
    return Effect.gen(function* () {
      yield* inTime(fetchAll(numbers(1, 30)))
      assert.lengthOf(
        stub.reads.filter(({ path }) => isList(path)),
        calls
      )
    }).pipe(Effect.provide(rentProg(stub)))
  })

  it.effect("leave records out that do not read, and these fail alone", () => {
    const stub = makeStub(({ path }) =>
      isList(path)
        ? json([...numbers(1, 11).map((id) => ({ id })), { name: "no id" }, null])
        : json({ id: null })
    )
    return Effect.gen(function* () {
      const exits = yield* inTime(fetchAll(numbers(1, 12)))
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [...numbers(1, 11).map(() => true), false])
      assert.deepStrictEqual(
        stub.reads.map(({ path }) => path),
        ["/all_cars_full", "/cars/12"]
      )
    }).pipe(Effect.provide(rentProg(stub)))
  })

  it.effect("that are over quota fail their wants, and spend no more", () => {
    const stub = makeStub(() => json({}, 429, { "retry-after": "1" }))
    return Effect.gen(function* () {
      const exits = yield* inTime(fetchAll(numbers(1, 20)))
      assert.isTrue(exits.every(Exit.isFailure))
      assert.lengthOf(stub.reads, 4)
      const error = yield* inTime(Effect.flip(fetch(1)))
      assert.strictEqual(error._tag, "RentProgRateLimited")
    }).pipe(Effect.provide(rentProg(stub)))
  })
})

it.effect("an answer with another record's id is refused", () => {
  const stub = makeStub(() => json({ id: 2 }))
  return Effect.gen(function* () {
    const error = yield* inTime(Effect.flip(fetch(1)))
    assert.strictEqual(error._tag, "RentProgBadResponse")
    assert.include(error.detail, "car 2 instead")
  }).pipe(Effect.provide(rentProg(stub)))
})

it.effect("a want of a branch without a token is not gathered, so that nothing is kept of the branch", () =>
  Effect.gen(function* () {
    const { fetch } = yield* RentProg
    // The clock stands still.
    const error = yield* Effect.flip(fetch(Branch.make("rustavi"), key("car", 1)))
    assert.strictEqual(error._tag, "RentProgUnauthorized")
  }).pipe(Effect.provide(rentProg(makeStub(record))))
)

describe("interruption", () => {
  it.effect("of all who want it keeps a call from going out that waits for quota", () => {
    const stub = makeStub((call) => (isList(call.path) ? json({}, 503) : record(call)))
    return Effect.gen(function* () {
      const wants = yield* Effect.forEach(numbers(1, 50), (id) => Effect.forkChild(fetch(id)))
      yield* elapse(20_000)
      const before = stub.reads.length
      assert.isAtLeast(before, 5)
      yield* Fiber.interruptAll(wants)
      yield* elapse(600_000)
      assert.lengthOf(stub.reads, before)
      // Nor is any quota used up: what is wanted afterwards is had at once.
      yield* Effect.forkChild(Effect.forEach(numbers(1, 5), fetch, { concurrency: "unbounded" }))
      yield* elapse(1_000)
      assert.isAbove(stub.reads.length, before)
    }).pipe(Effect.provide(rentProg(stub, 20)))
  })

  it.effect("of some leaves the calls of the others, and no more pages than they are worth", () => {
    const stub = makeStub((call) =>
      isList(call.path)
        ? json(
            numbers(Number(call.params.get("page")) * 10 - 9, Number(call.params.get("page")) * 10).map(
              (id) => ({ id })
            )
          )
        : record(call)
    )
    return Effect.gen(function* () {
      const wants = yield* Effect.forEach(numbers(1, 50), (id) => Effect.forkChild(fetch(id)))
      yield* elapse(10)
      assert.lengthOf(stub.reads, 1)
      yield* Fiber.interruptAll(wants.slice(0, 49))
      yield* elapse(600_000)
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(wants[49] ?? assert.fail())))
      assert.isAtMost(stub.reads.length, 3)
    }).pipe(Effect.provide(rentProg(stub, 4)))
  })

  it.effect("of those whose turn has not come makes no call for them when it does", () => {
    const stub = makeStub(({ path }) => (isList(path) ? json([]) : "hang"))
    return Effect.gen(function* () {
      const wants = yield* Effect.forEach(numbers(1, 40), (id) => Effect.forkChild(fetch(id)))
      yield* elapse(100)
      const before = stub.reads.length
      yield* Fiber.interruptAll(wants.slice(before - 1))
      yield* Fiber.interruptAll(wants.slice(0, 5))
      yield* elapse(100)
      assert.lengthOf(stub.reads, before)
    }).pipe(Effect.provide(rentProg(stub)))
  })

  it.effect("of the layer ends what is under way, and its callers with it", () => {
    const stub = makeStub(() => "hang")
    return Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(rentProg(stub), scope)
      const want = yield* Effect.forkChild(fetch(1).pipe(Effect.provideContext(context)))
      yield* elapse(1_000)
      assert.lengthOf(stub.reads, 1)
      yield* Scope.close(scope, Exit.void)
      yield* elapse(60_000)
      assert.lengthOf(stub.reads, 1)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(want)))
    })
  })
})

it.effect("secrets are in no span, log line or error", () => {
  const stub = makeStub(
    (call) => [json({}, 401), json({}, 500), "drop" as const, json({}, 422)][call.number % 5] ?? record(call),
    ({ number }) => [json({}, 500), "drop" as const, json({ token: "token-secret" }), undefined][number]
  )
  const told: Array<string> = []
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  const logger = Logger.make((line) => told.push(Logger.formatJson.log(line)))
  return Effect.gen(function* () {
    for (const id of numbers(1, 6)) told.push(String(yield* Effect.exit(inTime(fetch(id)))))
    for (const { attributes, name, status } of spans) {
      told.push(JSON.stringify([name, [...attributes]]))
      if (status._tag === "Ended") told.push(String(status.exit), JSON.stringify(status.exit))
    }
    assert.isTrue(told.some((text) => text.includes("RentProg.fetch") && text.includes("tbilisi")))
    assert.isTrue(told.some((text) => text.includes("/get_token")))
    assert.isFalse(told.some((text) => /company-secret|token-\d|token-secret/.test(text)))
    assert.isAbove(stub.tokenRequests.length, 3)
  }).pipe(
    Effect.provide(rentProg(stub)),
    Effect.withTracer(tracer),
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(References.MinimumLogLevel, "All")
  )
})
