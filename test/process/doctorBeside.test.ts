/** `jarvis doctor` beside the service, without a server, and for a program. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FileSystem, Schema } from "effect"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { run } from "../support/refusing.ts"
import { until } from "../support/tables.ts"
import { examined, healthy, surroundings, text } from "./doctor.ts"
import { start } from "./processes.ts"
import { addressOf, ran, serve } from "./program.ts"

const Answer = Schema.fromJsonString(
  Schema.Struct({
    ok: Schema.Boolean,
    checks: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        state: Schema.Literals(["ok", "wrong", "none"]),
        says: Schema.String
      })
    )
  })
)
const decode = Schema.decodeUnknownEffect(Answer, { onExcessProperty: "error" })

describe.concurrent("jarvis doctor", () => {
  it.live("an embedded server that has never run is not started", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const JARVIS_DATA_DIR = yield* fs.makeTempDirectoryScoped({ prefix: "jarvis-test-" })
      const { code, stdout } = yield* ran({ JARVIS_DATA_DIR }, "doctor")
      assert.include(
        stdout,
        `✗ connection          DATABASE_URL is not set, and no embedded PostgreSQL has kept data in ${JARVIS_DATA_DIR} yet: set it, or start Jarvis\n`
      )
      assert.strictEqual(code, 1)
      assert.deepStrictEqual(yield* fs.readDirectory(JARVIS_DATA_DIR), [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

  it.live("--json answers one object, and nothing else", () =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* ran(
        { ...(yield* healthy), RENTPROG_TOKENS: '{"batumi":"revoked"}' },
        "doctor",
        "--json"
      )
      assert.deepStrictEqual([code, stderr], [1, ""])
      const { checks, ok } = yield* decode(stdout)
      assert.isFalse(ok)
      assert.deepStrictEqual(
        checks.filter(({ state }) => state === "wrong").map(({ name }) => name),
        ["token of batumi"]
      )
    }).pipe(Effect.provide(surroundings))
  )

  it.live("asks the service that runs, within its quota, and repeats what it says of its parts", () =>
    Effect.gen(function* () {
      yield* Simulator.use(({ put }) => put("car", { id: 1, company_id: 9247 }))
      // One read a minute.
      const settings = {
        ...(yield* healthy),
        RENTPROG_READS_PER_MINUTE: "1",
        JARVIS_ADMIN_TOKEN: "0123456789abcdef"
      }
      const address = addressOf(yield* serve(settings))
      const answer = (path: string) =>
        Effect.promise(async () => {
          const headers = { authorization: `Bearer ${settings.JARVIS_ADMIN_TOKEN}` }
          return (await fetch(`${address}${path}`, { headers })).text()
        })
      yield* until(
        answer("/health/ready"),
        (text) => text.includes("known until") && !text.includes("starting")
      )
      const here = { ...settings, JARVIS_PORT: new URL(address).port }
      const { code, said } = yield* examined(here)
      assert.strictEqual(
        said.replace(address, "ADDRESS").replace(/known until \S+/, "known until TIME"),
        text({
          service: "✓ it answers at ADDRESS, and all its parts are well",
          "log token of tbilisi": "✓ the service reads the log with it: known until TIME"
        })
      )
      assert.strictEqual(code, 0)
      const read = (yield* Simulator.use(({ calls }) => calls)).filter(({ path }) => path.includes("/cars/"))
      assert.deepStrictEqual(
        read.map(({ path }) => path),
        ["/cars/1"]
      )
      yield* until(answer("/api/branches"), (text) => text.includes('"quota_left":0'))
      const other = yield* examined({ ...here, JARVIS_ADMIN_TOKEN: "another-admin-token" })
      assert.include(
        other.said,
        "✗ token of tbilisi      the service does not ask RentProg for doctor: The token is wrong: it is the one of JARVIS_ADMIN_TOKEN.\n"
      )
      // The minute's read has been made.
      const later = yield* examined(here)
      assert.include(
        later.said,
        "✗ token of tbilisi      the service has no answer within 8 seconds: the branch's quota is used up, or"
      )
      yield* run("INSERT INTO paused_branches (branch, paused_by) VALUES ('tbilisi', 'Nina')")
      const paused = yield* examined(here)
      assert.include(paused.said, "– token of tbilisi      not asked: a person holds the branch\n")
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )

  it.live("asks one that stands by, which knows the parts of the one that works and asks through it", () =>
    Effect.gen(function* () {
      yield* Simulator.use(({ put }) => put("car", { id: 1, company_id: 9247 }))
      const settings = yield* healthy
      yield* serve(settings)
      const standBy = yield* start(settings)
      const address = addressOf(standBy)
      yield* until(
        Effect.promise(async () => (await fetch(`${address}/api/overview`)).text()),
        (text) => text.includes("known until") && !text.includes("starting")
      )
      const { code, said } = yield* examined({ ...settings, JARVIS_PORT: new URL(address).port })
      assert.strictEqual(
        said.replace(address, "ADDRESS").replace(/known until \S+/, "known until TIME"),
        text({
          service: "✓ it answers at ADDRESS, and all its parts are well",
          "log token of tbilisi": "✓ the service reads the log with it: known until TIME"
        })
      )
      assert.strictEqual(code, 0)
      assert.include(standBy.stdout(), "stands by, because")
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )
})
