/** How rows are brought together, in virtual time and with a database that is as slow, as frozen or as picky as a test wants it. */
import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber } from "effect"
import { SqlError } from "effect/sql"
import { TestClock } from "effect/testing"
import { groupCommit } from "../../src/database/groupCommit.ts"

interface Row {
  readonly name: string
  readonly text: string
}

const post = (name: string, rows: number, text = ""): ReadonlyArray<Row> =>
  Array.from({ length: rows }, (_, n) => ({ name: `${name}${n}`, text }))

const refused = new SqlError.SqlError({
  reason: new SqlError.UnknownError({ cause: { severity: "ERROR", code: "23514" } })
})
const lost = new SqlError.SqlError({
  reason: new SqlError.ConnectionError({ cause: new Error("connection lost") })
})
/** A table in memory, what each statement brought, and the way to it. `statement` says how one goes before it is committed. */
const table = Effect.fnUntraced(function* (
  statement: (fresh: ReadonlyArray<Row>) => Effect.Effect<void, SqlError.SqlError>,
  writers = 1
) {
  const stored = new Map<string, string>()
  const statements: Array<ReadonlyArray<Row>> = []
  const receive = yield* groupCommit<Row>({
    // As the real ones, it leaves alone what is there, in no time.
    write: Effect.fnUntraced(function* (rows: ReadonlyArray<Row>) {
      statements.push(rows)
      yield* statement(rows.filter(({ name }) => !stored.has(name)))
      for (const { name, text } of rows) if (!stored.has(name)) stored.set(name, text)
    }),
    otherwise: (row) => ({ ...row, text: "refused" }),
    textOf: ({ text }) => text,
    writers
  })
  return { receive, stored, statements, sizes: () => statements.map(({ length }) => length) }
})

/** Lets so many milliseconds pass, a few at a time: whatever they set off has begun before the next of them. */
const pass = Effect.fnUntraced(function* (millis: number) {
  for (let passed = 0; passed <= millis; passed += step) {
    for (let n = 0; n < 20; n += 1) yield* Effect.yieldNow
    yield* TestClock.adjust(Math.min(step, millis - passed))
  }
  for (let n = 0; n < 20; n += 1) yield* Effect.yieldNow
})
const step = 10

/** A server that needs so long for each row. */
const each = (millis: number) => (rows: ReadonlyArray<Row>) => Effect.sleep(rows.length * millis)

/** How it went for those who brought these posts at once, so much later; undefined where they still wait. */
const told = (exits: ReadonlyArray<Fiber.Fiber<void, unknown>>) =>
  exits.map((fiber) => {
    const exit = fiber.pollUnsafe()
    return exit === undefined ? undefined : Exit.isSuccess(exit)
  })

it.effect(
  "rows that come while a statement is under way share the next one, and one that comes alone waits for nobody",
  () =>
    Effect.gen(function* () {
      const { receive, sizes } = yield* table(each(1))
      const alone = yield* Effect.forkChild(receive(post("a", 1)))
      yield* pass(0)
      const others = yield* Effect.forEach([..."bcdef"], (name) => Effect.forkChild(receive(post(name, 1))))
      yield* pass(1)
      assert.deepStrictEqual(told([alone, ...others]), [true, ...others.map(() => undefined)])
      yield* pass(5)
      assert.deepStrictEqual(sizes(), [1, 5])
      yield* Effect.forEach(others, Fiber.join)
    })
)

it.effect("a burst gets through, though the server needs 20 seconds for it", () =>
  Effect.gen(function* () {
    const { receive, sizes, stored } = yield* table(each(1.2))
    const posts = yield* Effect.forEach([..."abcdefghijklmnop"], (name) =>
      Effect.forkChild(receive(post(name, 1000, "x".repeat(250))))
    )
    yield* pass(20_000)
    assert.deepStrictEqual(
      told(posts),
      posts.map(() => true)
    )
    assert.strictEqual(stored.size, 16_000)
    // No statement takes much longer than a second, and none is for a handful.
    assert.isAtMost(Math.max(...sizes()), 1000)
    assert.isAtMost(sizes().length, 30)
  })
)

it.effect(
  "a statement that takes too long brings half as much from then on, until the server is quick again",
  () =>
    Effect.gen(function* () {
      let millis = 50
      const { receive, sizes, stored } = yield* table((rows) => each(millis)(rows))
      const slow = yield* Effect.forkChild(receive(post("a", 250)))
      yield* pass(25_000)
      assert.deepStrictEqual(told([slow]), [true])
      assert.deepStrictEqual(sizes(), [250, 125, 63, 62, 63, 62])
      millis = 1
      const quick = yield* Effect.forkChild(receive(post("b", 3000)))
      yield* pass(10_000)
      assert.deepStrictEqual(told([quick]), [true])
      assert.strictEqual(Math.max(...sizes().slice(6)), 1024)
      assert.strictEqual(stored.size, 3250)
    })
)

it.effect("whoever comes again goes on from where the database stopped", () =>
  Effect.gen(function* () {
    const { receive, stored } = yield* table(each(40))
    const rows = post("a", 1000)
    const first = yield* Effect.forkChild(receive(rows))
    yield* pass(24_999)
    assert.deepStrictEqual(told([first]), [undefined])
    yield* pass(1)
    assert.deepStrictEqual(told([first]), [false])
    assert.isAbove(stored.size, 300)
    for (let left = 1000 - stored.size; left > 0; left = 1000 - stored.size) {
      yield* Effect.forkChild(receive(rows))
      yield* pass(25_000)
      assert.isAtMost(1000 - stored.size, Math.max(0, left - 250))
    }
  })
)

it.effect(
  "more than can be done in time is done for those who came first, and nothing is begun for whoever gave up",
  () =>
    Effect.gen(function* () {
      const { receive, stored } = yield* table(each(2))
      const posts = yield* Effect.forEach([..."abcdefghijklmnop"], (name) =>
        Effect.forkChild(receive(post(name, 1000)))
      )
      yield* pass(25_000)
      const done = told(posts)
      assert.isAbove(done.filter((exit) => exit).length, 10)
      assert.isBelow(done.lastIndexOf(true), done.indexOf(false))
      const before = stored.size
      yield* pass(60_000)
      assert.isAtMost(stored.size - before, 1024)
    })
)

it.effect("who brings little does not wait for those who bring much, however many they are", () =>
  Effect.gen(function* () {
    const { receive } = yield* table(each(5))
    const much = yield* Effect.forEach(
      Array.from({ length: 50 }, (_, n) => `${n}.`),
      (name) => Effect.forkChild(receive(post(name, 1000)))
    )
    yield* pass(2000)
    const little = yield* Effect.forkChild(receive(post("z", 1)))
    // The statement that is under way, and the next.
    yield* pass(2700)
    assert.deepStrictEqual(told([little]), [true])
    assert.include(told(much), undefined)
  })
)

it.effect("large rows come few at a time, and small ones beside them", () =>
  Effect.gen(function* () {
    const { receive, sizes, statements } = yield* table(({ length }) => Effect.sleep(length * 250))
    const large = yield* Effect.forEach(post("a", 40, "x".repeat(240_000)), (row) =>
      Effect.forkChild(receive([row]))
    )
    yield* pass(100)
    const small = yield* Effect.forkChild(receive(post("b", 1)))
    yield* pass(1000)
    assert.deepStrictEqual(told([small]), [true])
    yield* pass(24_000)
    assert.deepStrictEqual(
      told(large),
      large.map(() => true)
    )
    assert.isAtMost(Math.max(...sizes()), 5)
    assert.isAtMost(statements.length, 14)
  })
)

it.effect("a frozen server holds nobody for longer than 25 seconds, nor a row alone for longer than 6", () =>
  Effect.gen(function* () {
    let frozen = true
    const { receive } = yield* table(() => (frozen ? Effect.uninterruptible(Effect.never) : Effect.void))
    const alone = yield* Effect.forkChild(receive(post("a", 1)))
    yield* pass(0)
    const many = yield* Effect.forkChild(receive(post("b", 100)))
    yield* pass(6000)
    assert.deepStrictEqual(told([alone, many]), [false, undefined])
    yield* pass(19_000)
    assert.deepStrictEqual(told([many]), [false])
    frozen = false
    const after = yield* Effect.forkChild(receive(post("c", 100)))
    yield* pass(6000)
    assert.deepStrictEqual(told([after]), [true])
  })
)

it.effect("while the database is away, all who wait are told to come again within seconds", () =>
  Effect.gen(function* () {
    const { receive } = yield* table(() => Effect.fail(lost))
    const posts = yield* Effect.forEach(
      Array.from({ length: 5000 }, (_, n) => post(`${n}.`, 1)),
      (rows) => Effect.forkChild(receive(rows))
    )
    yield* pass(12_000)
    assert.notInclude(told(posts), undefined)
    assert.notInclude(told(posts), true)
  })
)

it.effect("a refused row costs only itself", () =>
  Effect.gen(function* () {
    const { receive, statements, stored } = yield* table((rows) =>
      rows.some(({ text }) => text === "bad") ? Effect.fail(refused) : Effect.void
    )
    const rows = post("a", 200).map((row, n) => (n === 77 ? { ...row, text: "bad" } : row))
    yield* receive(rows)
    assert.deepStrictEqual(
      [...stored.values()].filter((text) => text !== ""),
      ["refused"]
    )
    assert.strictEqual(stored.get("a77"), "refused")
    assert.isAtMost(statements.length, 20)
  })
)

it.effect("whoever brings more than memory may hold is told to come again at once", () =>
  Effect.gen(function* () {
    const { receive } = yield* table(() => Effect.never)
    const text = "x".repeat(250_000)
    const held = yield* Effect.forEach(post("a", 268, text), (row) => Effect.forkChild(receive([row])))
    yield* pass(0)
    const refused = yield* Effect.flip(receive(post("z", 1)))
    assert.include(refused.message, "wait to be written already")
    yield* pass(25_000)
    assert.notInclude(told(held), undefined)
    // It counts no longer.
    const after = yield* Effect.forkChild(receive(post("y", 1)))
    yield* pass(0)
    assert.deepStrictEqual(told([after]), [undefined])
  })
)

it.effect("what was brought is written, though its bringer left", () =>
  Effect.gen(function* () {
    const { receive, stored } = yield* table(each(1))
    const bringer = yield* Effect.forkChild(receive(post("a", 1000)))
    yield* pass(10)
    yield* Fiber.interrupt(bringer)
    yield* pass(2000)
    assert.strictEqual(stored.size, 1000)
  })
)
