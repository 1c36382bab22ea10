/** The port at which the processes of a cluster reach each other, and a stranger who finds it. */
import { randomBytes } from "node:crypto"
import { connect, type Socket } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { freePort } from "../../src/database/freePort.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { about, allProcessed, insert } from "../support/tables.ts"
import { shareOut, sharing, start } from "./processes.ts"
import { ran, settings } from "./program.ts"

/** A connection to the port, or what keeps it from being made. */
const open = (port: number, host = "127.0.0.1") =>
  Effect.acquireRelease(
    Effect.callback<Socket, Error>((resume) => {
      const socket = connect(port, host, () => resume(Effect.succeed(socket)))
      socket.on("error", (error) => resume(Effect.fail(error)))
      socket.resume()
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

const length = (bytes: number) => {
  const buffer = Buffer.alloc(4)
  buffer.writeUInt32BE(bytes)
  return buffer
}

const garbage: ReadonlyArray<Buffer> = [
  Buffer.from("GET / HTTP/1.1\r\nhost: jarvis\r\n\r\n"),
  Buffer.from('{"_tag":"Request","id":"1","tag":"Ping","payload":null,"headers":[]}\n'.repeat(100)),
  Buffer.alloc(100_000),
  Buffer.alloc(1_000_000, 0xff),
  // Half a frame, and the beginning of one that is too long.
  Buffer.concat([length(1000), randomBytes(10)]),
  Buffer.concat([length(2 ** 31), randomBytes(1000)]),
  ...Array.from({ length: 100 }, (_, n) => randomBytes(n * 20 + 1)),
  ...Array.from({ length: 100 }, (_, n) => Buffer.concat([length(n), randomBytes(n)]))
]

describe.concurrent("the port of a cluster", () => {
  it.live("is bound to its address alone, and whatever a stranger sends does no harm", () =>
    Effect.gen(function* () {
      const { put } = yield* Simulator
      const given = yield* settings
      const port = yield* freePort()
      const first = yield* start({ ...given, JARVIS_CLUSTER: `127.0.0.1:${port}` })
      const second = yield* start({ ...given, ...(yield* sharing) })
      yield* shareOut(2)
      assert.strictEqual((yield* Effect.exit(open(port, "127.0.0.2")))._tag, "Failure")

      // Some stay open, half of their frames outstanding.
      for (const bytes of garbage) {
        const socket = yield* open(port)
        yield* Effect.callback<void>((resume) => void socket.write(bytes, () => resume(Effect.void)))
        if (bytes.length % 2 === 0) socket.destroy()
      }
      yield* Effect.forEach(Array.from({ length: 300 }), () => open(port))

      for (const [index, branch] of ["tbilisi", "kutaisi", "batumi", "service-center"].entries()) {
        yield* put("car", { id: index + 1, company_id: [9247, 9248, 9506, 11163][index] ?? 0 })
        yield* insert(about("car_update", index + 1, branch))
      }
      yield* allProcessed
      yield* shareOut(2)
      for (const program of [first, second]) {
        assert.isTrue(program.isRunning())
        // On a busy machine shards may be handed over more slowly than Effect allows; it tries again.
        const troubles = program.stdout().match(/^.*level=(?:WARN|ERROR)(?!.*Could not release shards).*$/gm)
        assert.deepStrictEqual(troubles, null)
        assert.strictEqual(program.stderr(), "")
      }
      yield* first.signal("SIGTERM")
      assert.deepStrictEqual(yield* first.exit, { code: 0, signal: null })
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(testDatabase, Simulator.layer({ tokensPerMinute: 100_000 })))
    )
  )

  it.live("that somebody else has keeps a process from starting, and it says which setting that is", () =>
    Effect.gen(function* () {
      const given = yield* settings
      const own = yield* sharing
      const first = yield* start({ ...given, ...own })
      const listen = { ...(yield* sharing), JARVIS_CLUSTER_LISTEN: own.JARVIS_CLUSTER }
      const taken = yield* ran({ ...given, ...listen })
      assert.strictEqual(taken.code, 1)
      assert.match(
        taken.stderr,
        /^jarvis: cannot listen for the other processes: .*EADDRINUSE.*; see JARVIS_CLUSTER/
      )
      // On another machine the port would be free.
      const namesake = yield* ran({
        ...given,
        ...own,
        JARVIS_CLUSTER_LISTEN: (yield* sharing).JARVIS_CLUSTER
      })
      assert.strictEqual(namesake.code, 1)
      assert.include(namesake.stderr, `jarvis: JARVIS_CLUSTER is the address of process ${first.pid} on `)
    }).pipe(Effect.scoped, Effect.provide(Layer.merge(testDatabase, Simulator.layer())))
  )
})
