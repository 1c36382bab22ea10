/** Processes of a cluster, which share the work on one database. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { mainCompanies } from "../../src/simulator/Companies.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { about, allProcessed, insert, until } from "../support/tables.ts"
import { kill, present, shareOut, sharing, start } from "./processes.ts"
import { type Program, said, settings } from "./program.ts"

const surroundings = Layer.merge(
  testDatabase,
  Simulator.layer({ readsPerMinute: 100_000, tokensPerMinute: 100_000 })
)

/** Four cars, one of each branch, and an event about each. Waits until they are done. */
const change = Effect.fnUntraced(function* (from: number) {
  const { put } = yield* Simulator
  for (const [index, { branch, companyId }] of mainCompanies.entries()) {
    yield* put("car", { id: from + index, company_id: companyId })
    yield* insert(about("car_update", from + index, branch))
  }
  yield* allProcessed
})

/** Which cars have been asked for, each as often as it was. */
const asked = Effect.map(
  Simulator.use(({ calls }) => calls),
  (calls) =>
    calls
      .map(({ path }) => path)
      .filter((path) => path.startsWith("/cars/"))
      .sort()
)

/** The one that listens for all, and the others. */
const listening = Effect.fnUntraced(function* (programs: ReadonlyArray<Program>) {
  const listeners = Effect.map(present, (all) => all.filter(({ listens }) => listens))
  const [listener] = yield* until(listeners, ({ length }) => length === 1)
  const found = programs.find(({ pid }) => pid === listener?.pid)
  if (found === undefined) return yield* Effect.die("nobody listens")
  return [found, programs.filter((program) => program !== found)] as const
})

describe.concurrent("processes of a cluster", () => {
  it.live("share the branches out, and do each thing once, whoever is killed, frozen, or ends", () =>
    Effect.gen(function* () {
      const given = { ...(yield* settings), EVENTS_FALLBACK_INTERVAL: "2 seconds" }
      const all = yield* Effect.forEach([1, 2, 3], () =>
        Effect.flatMap(sharing, (own) => start({ ...given, ...own }))
      )
      yield* shareOut(3)
      yield* change(100)

      const [killed, two] = yield* listening(all)
      yield* kill(killed)
      yield* shareOut(2)
      yield* change(200)

      const [frozen] = yield* listening(two)
      yield* frozen.signal("SIGSTOP")
      yield* shareOut(1)
      yield* change(300)
      yield* frozen.signal("SIGCONT")
      yield* shareOut(2)
      yield* change(400)

      const [ended, [last]] = yield* listening(two)
      yield* ended.signal("SIGTERM")
      assert.deepStrictEqual(yield* ended.exit, { code: 0, signal: null })
      yield* shareOut(1)
      yield* change(500)
      assert.deepStrictEqual(
        yield* asked,
        [100, 200, 300, 400, 500].flatMap((from) => [0, 1, 2, 3].map((index) => `/cars/${from + index}`))
      )
      assert.deepStrictEqual([ended.stderr(), last?.stderr()], ["", ""])
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )

  it.live("of another Jarvis in the same database share nothing with them", () =>
    Effect.gen(function* () {
      const given = yield* settings
      const beside = { ...given, JARVIS_SCHEMA: "beside" }
      yield* start({ ...given, ...(yield* sharing) })
      yield* start({ ...beside, ...(yield* sharing) })
      // Each has all branches, and all locks.
      yield* Effect.all([shareOut(1), shareOut(1, "beside")])
      yield* start({ ...beside, ...(yield* sharing) })
      yield* Effect.all([shareOut(1), shareOut(2, "beside")])
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )

  it.live("stand by while one works alone, and the other way round", () =>
    Effect.gen(function* () {
      const given = { ...(yield* settings), EVENTS_FALLBACK_INTERVAL: "2 seconds" }
      const alone = yield* start(given)
      const cluster = yield* start({ ...given, ...(yield* sharing) })
      yield* said(cluster, "stands by, because")
      yield* change(100)
      yield* alone.signal("SIGTERM")
      yield* said(cluster, "takes over")
      const next = yield* start(given)
      yield* said(next, "stands by, because a cluster works")
      yield* change(200)
      assert.lengthOf(yield* asked, 8)
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )
})
