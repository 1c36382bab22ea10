import { Writable } from "node:stream"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { logLines } from "../src/logLines.ts"

/** A stream that keeps what each write brought. */
const stream = () => {
  const writes: Array<string> = []
  return {
    writes,
    writable: new Writable({
      decodeStrings: false,
      write: (text, _, done) => {
        writes.push(String(text))
        done()
      }
    })
  }
}

const words = Logger.make<unknown, string>(({ message }) => String(message))
/** When what was asked of the event loop before has been done. */
const turn = Effect.callback<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

describe("logLines", () => {
  it.live("lines of one moment share a write, in their order", () => {
    const { writable, writes } = stream()
    return Effect.gen(function* () {
      yield* Effect.log("one")
      yield* Effect.log("two")
      assert.deepStrictEqual(writes, [])
      yield* turn
      assert.deepStrictEqual(writes, ["one\ntwo\n"])
      yield* Effect.log("three")
      yield* turn
      assert.deepStrictEqual(writes, ["one\ntwo\n", "three\n"])
    }).pipe(Effect.provide(Logger.layer([logLines(writable, words)])))
  })

  it.live("a process that ends writes its last lines", () => {
    const { writable, writes } = stream()
    const before = process.listeners("exit")
    const lines = logLines(writable, words)
    return Effect.gen(function* () {
      yield* Effect.log("last")
      for (const listener of process.listeners("exit"))
        if (!before.includes(listener)) listener.call(process, 0)
      assert.deepStrictEqual(writes, ["last\n"])
      // Once.
      yield* turn
      assert.deepStrictEqual(writes, ["last\n"])
    }).pipe(Effect.provide(Logger.layer([lines])))
  })
})
