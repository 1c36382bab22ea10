/** Whatever a person does at a process that stands by, they see, and get done, what they would at the one that works. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { FetchHttpClient, HttpClient } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Branch } from "../../src/domain/Branch.ts"
import { RentprogId } from "../../src/domain/Entity.ts"
import { RowId } from "../../src/domain/Row.ts"
import { AdminAccess } from "../../src/http/api/Access.ts"
import { Api } from "../../src/http/api/Api.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { parse } from "../http/exposition.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { about, events, insert, until } from "../support/tables.ts"
import { asked, kill, start } from "./processes.ts"
import { addressOf, type Program, said, serve, settings } from "./program.ts"

const surroundings = Layer.mergeAll(
  testDatabase,
  Simulator.layer({ readsPerMinute: 100_000, tokensPerMinute: 100_000 }),
  FetchHttpClient.layer
)

const tbilisi = Branch.make("tbilisi")
const branches = ["batumi", "kutaisi", "service-center", "tbilisi"]

/** A process's API. Who asks from the same machine needs no token. */
const api = (program: Program) =>
  HttpApiClient.make(Api, { baseUrl: addressOf(program) }).pipe(
    Effect.provide(HttpApiMiddleware.layerClient(AdminAccess, ({ next, request }) => next(request)))
  )

/** What a process tells Prometheus, as `name labels`, and how much. */
const scrape = Effect.fnUntraced(function* (program: Program) {
  const { text } = yield* HttpClient.get(`${addressOf(program)}/metrics`)
  return Array.from(parse(yield* text).values()).flatMap(({ samples }) =>
    samples.map(({ labels, name, value }) => ({ key: [name, ...Object.values(labels)].join(" "), value }))
  )
})

describe.concurrent("a process that stands by", () => {
  it.live("shows what the one that works says, asks through it, and has it do what a person wants", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { put } = yield* Simulator
      yield* put("car", { id: 1, company_id: 9247 })
      const given = yield* settings
      const owner = yield* serve(given)
      const standBy = yield* start(given)
      yield* said(standBy, "stands by, because")
      const here = yield* api(standBy)
      const there = yield* api(owner)

      // The page.
      const overview = yield* until(
        here.glance.overview(),
        ({ branches, processes }) =>
          processes.length === 2 &&
          branches.every(({ rentprog }) => rentprog !== null) &&
          processes.every(({ components }) => components.length > 5)
      )
      assert.deepStrictEqual(
        overview.processes.map(({ branches, listens, pid, present, role, self }) => ({
          ...{ branches: [...branches].sort(), listens, pid, present, role, self }
        })),
        [
          { branches, listens: true, pid: owner.pid, present: true, role: "working", self: false },
          { branches: [], listens: false, pid: standBy.pid, present: true, role: "standing by", self: true }
        ]
      )
      const [first] = (yield* there.glance.overview()).processes
      assert.deepStrictEqual([first?.pid, first?.self], [owner.pid, true])

      // What a person does.
      const ask = (id: string) =>
        here.branches.ask({
          params: { branch: tbilisi },
          payload: { entity_type: "car", entity_id: RentprogId.make(id) }
        })
      assert.deepStrictEqual(yield* ask("1"), { has: true, reason: null })
      assert.deepStrictEqual(yield* ask("2"), { has: false, reason: null })
      assert.strictEqual(yield* asked, 2)
      yield* here.branches.pause({ params: { branch: tbilisi } })
      assert.deepStrictEqual(yield* ask("1"), { has: null, reason: "the branch is paused" })
      assert.lengthOf(yield* sql`SELECT FROM jarvis_questions`, 0)
      yield* insert(about("car_update", 1))
      yield* here.branches.resume({ params: { branch: tbilisi } })
      yield* until(events, ([row]) => row?.processed === true)
      // Nobody knows what that is: a person has to look at it.
      yield* insert(about("car_explode", 7))
      const discarded = { filter: { state: "parked" }, reason: "no such thing" } as const
      yield* here.rows.discard({ params: { table: "events" }, payload: discarded })
      const [done, unknown] = yield* until(events, ([, row]) => row?.reason !== null)
      assert.strictEqual(unknown?.processed, true)
      yield* here.rows.retry({ params: { table: "events" }, payload: { ids: [RowId.make(done?.id ?? "")] } })
      yield* until(asked, (count) => count === 4)

      // What the parts of the one that works say.
      const parts = Effect.map(here.glance.overview(), ({ components }) => components.map(({ name }) => name))
      const names = yield* until(parts, (names) => names.includes("branch tbilisi"))
      assert.strictEqual(new Set(names).size, names.length)

      // What Prometheus adds up.
      const [own, other] = yield* Effect.all([scrape(owner), scrape(standBy)])
      const twice = own
        .map(({ key }) => key)
        .filter((key) => other.some((one) => one.key === key))
        .filter((key) => key.startsWith("jarvis_") && !key.startsWith("jarvis_restarts_total"))
      const ofParts = twice.filter((key) => key.startsWith("jarvis_up "))
      assert.deepStrictEqual(
        twice.filter((key) => !ofParts.includes(key)),
        ["jarvis_listens"]
      )
      assert.isFalse(ofParts.some((key) => key.includes("tbilisi")))
      const listens = [...own, ...other].filter(({ key }) => key === "jarvis_listens")
      assert.deepStrictEqual(
        listens.map(({ value }) => value),
        [1, 0]
      )
      for (const branch of branches) {
        for (const name of ["events_pending", "branch_behind_seconds", "rentprog_quota_left"]) {
          assert.lengthOf(
            [...own, ...other].filter(({ key }) => key === `jarvis_${name} ${branch}`),
            1
          )
        }
      }

      // One that is gone.
      yield* kill(owner)
      yield* said(standBy, "takes over")
      const left = yield* until(
        here.glance.overview(),
        ({ branches, processes }) =>
          processes.some(({ present }) => !present) && branches.every(({ rentprog }) => rentprog !== null)
      )
      assert.deepStrictEqual(
        left.processes.map(({ pid, present, role }) => [pid, present, role]),
        [
          [owner.pid, false, "working"],
          [standBy.pid, true, "working"]
        ]
      )
      assert.deepStrictEqual(yield* ask("1"), { has: true, reason: null })
      assert.deepStrictEqual([owner.stderr(), standBy.stderr()], ["", ""])
    }).pipe(Effect.scoped, Effect.provide(surroundings))
  )
})
