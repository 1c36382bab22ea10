import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Redacted } from "effect"
import { embeddedPostgres } from "../../src/database/EmbeddedPostgres.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { outsider } from "../support/TestDatabase.ts"
import { about, allProcessed, insert } from "../support/tables.ts"
import { ran, rentprogSettings, said, serve } from "./program.ts"

describe("without DATABASE_URL", () => {
  it.live("the data stands in JARVIS_DATA_DIR, and outlives a hard kill", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { put } = yield* Simulator
      for (const id of [1, 2, 3]) yield* put("car", { id, company_id: 9247 })
      const directory = yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-test-" })
      const data = `${directory}/data`
      // Whatever becomes of the test, its server does not outlive it: the last to leave stops it.
      yield* Effect.addFinalizer(() =>
        embeddedPostgres(data).pipe(
          Effect.scoped,
          Effect.when(fs.exists(`${data}/postgres/postmaster.pid`)),
          Effect.orDie
        )
      )
      const given = { ...(yield* rentprogSettings), JARVIS_DATA_DIR: data }

      /** With the URL that the program left for psql. */
      const onItsDatabase = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.gen(function* () {
          const url = Redacted.make(yield* fs.readFileString(`${data}/database-url`))
          return yield* Effect.provide(effect, outsider(url))
        })

      const first = yield* serve(given)
      assert.include(first.stdout(), "DATABASE_URL is not set: an embedded PostgreSQL keeps the data in")
      yield* onItsDatabase(Effect.andThen(insert(about("car_update", 1)), allProcessed))
      yield* first.signal("SIGKILL")
      yield* first.exit

      const second = yield* serve(given)
      const rows = yield* onItsDatabase(Effect.andThen(insert(about("car_update", 2)), allProcessed))
      assert.deepStrictEqual(
        rows.map(({ ext_id, ok }) => [ext_id, ok]),
        [
          ["1", true],
          ["2", true]
        ]
      )
      const [server = ""] = (yield* fs.readFileString(`${data}/postgres/postmaster.pid`)).split("\n")
      yield* Effect.sync(() => process.kill(Number(server), "SIGKILL"))
      yield* said(second, "embedded PostgreSQL has ended and starts again")
      yield* said(second, "Event processor listens again, sweeps what it missed")
      yield* onItsDatabase(Effect.andThen(insert(about("car_update", 3)), allProcessed))
      const looked = yield* ran({ JARVIS_DATA_DIR: data }, "doctor")
      assert.include(
        looked.stdout,
        `✓ connection          the embedded PostgreSQL of ${data} takes connections\n`
      )
      assert.match(looked.stdout, /^✓ disk +\d+\.\d GB are free in /m)
      yield* second.signal("SIGTERM")
      assert.deepStrictEqual(yield* second.exit, { code: 0, signal: null })
      // The last to leave stops it.
      assert.isFalse(yield* fs.exists(`${data}/postgres/postmaster.pid`))

      const { password } = new URL(yield* fs.readFileString(`${data}/database-url`))
      assert.isNotEmpty(password)
      for (const program of [first, second]) {
        assert.notInclude(program.stdout() + program.stderr(), password)
      }
    }).pipe(
      Effect.scoped,
      Effect.provide([
        NodeServices.layer,
        Simulator.layer({ readsPerMinute: 100_000, tokensPerMinute: 100_000 })
      ])
    )
  )
})
