/** The branches, over HTTP: how each stands, held and let go on. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Branch } from "../../src/domain/Branch.ts"
import { RentprogId } from "../../src/domain/Entity.ts"
import { cars, fail, fresh, quiet } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { admin, client, operator, standing, withToken } from "./admin.ts"

const tests = admin.pipe(Layer.provideMerge(testDatabase), Layer.provideMerge(quiet))

layer(tests, { excludeTestServices: true })("/api/branches", (it) => {
  it.effect("each with its backlog, and what its actor says", () =>
    Effect.gen(function* () {
      yield* fresh
      const api = yield* client
      const [, second] = yield* cars(3)
      yield* fail("events", second)
      const branches = yield* api.branches.list()
      assert.deepStrictEqual<unknown>(
        branches.map(({ branch, pending, rentprog, waiting }) => [branch, pending, waiting, rentprog]),
        [
          ["batumi", 0, 0, standing],
          ["kutaisi", 0, 0, null],
          [withToken, 0, 0, standing],
          ["service-center", 0, 0, standing],
          ["tbilisi", 2, 1, standing]
        ]
      )
    })
  )

  it.effect("one is held, and let go on", () =>
    Effect.gen(function* () {
      yield* fresh
      const api = yield* client
      const paused = Effect.map(api.branches.list(), (branches) =>
        branches.flatMap(({ branch, paused }) => (paused === null ? [] : [[branch, paused.by]]))
      )
      const params = { branch: withToken }
      yield* api.branches.pause({ params })
      assert.deepStrictEqual(yield* paused, [[withToken, operator.name]])
      yield* api.branches.resume({ params })
      assert.deepStrictEqual(yield* paused, [])
      for (const act of [api.branches.pause, api.branches.resume]) {
        const error = yield* Effect.flip(act({ params: { branch: Branch.make("nowhere") } }))
        assert.deepInclude(error, { _tag: "NotFound", status: 404 })
      }
    })
  )

  it.effect("one is asked for a record", () =>
    Effect.gen(function* () {
      const api = yield* client
      const ask = (branch: string, id: string) =>
        api.branches.ask({
          params: { branch: Branch.make(branch) },
          payload: { entity_type: "car", entity_id: RentprogId.make(id) }
        })
      assert.deepStrictEqual(yield* ask(withToken, "1"), { has: true, reason: null })
      assert.deepStrictEqual(yield* ask(withToken, "2"), { has: false, reason: null })
      assert.deepStrictEqual(yield* ask("kutaisi", "1"), { has: null, reason: "the branch is paused" })
      assert.deepInclude(yield* Effect.flip(ask("nowhere", "1")), { _tag: "NotFound", status: 404 })
    })
  )
})
