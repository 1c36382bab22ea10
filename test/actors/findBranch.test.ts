/** Events that name no branch: RentProg is asked whose their record is. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { run } from "../support/refusing.ts"
import { allProcessed, events, insert, makeDue, mirror, type Row, until, wake } from "../support/tables.ts"
import { reads } from "./calls.ts"
import { service, surroundings, world } from "./world.ts"

const car = (id: number) => ({ type: "car_update", ext_id: String(id), payload: { id, company_id: 424242 } })

/** Which branch was asked for records, call by call. */
const asked = Effect.map(
  Simulator.use(({ calls }) => calls),
  (calls) => calls.filter(({ path }) => path !== "/get_token").map(({ branch, path }) => `${branch} ${path}`)
)

const standing = ({ branch, code, parked, processed }: Row) => [
  branch,
  code,
  processed ? "done" : parked ? "parked" : "waits"
]

/** Waits until all events stand so. */
const stand = (wished: "parked" | "waits") =>
  until(
    events,
    (rows) =>
      rows.length > 0 &&
      rows.every((row) => row.attempts > 0 && !row.processed && row.parked === (wished === "parked"))
  )

describe.concurrent("an event that names no branch", () => {
  it.live("is of the branch that has its record, which is asked for once, however many events wait", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 5, company_id: 9506 })
      yield* insert(...Array.from({ length: 30 }, () => car(5)))
      const rows = yield* allProcessed
      assert.isTrue(rows.every(({ branch, ok }) => branch === "batumi" && ok === true))
      assert.deepStrictEqual(
        (yield* mirror("car")).map(({ branch, id }) => [id, branch]),
        [["5", "batumi"]]
      )
      assert.deepStrictEqual(yield* asked, [
        ...["tbilisi", "kutaisi"].flatMap((branch) => [`${branch} /cars/5`, `${branch} /car/5`]),
        // Found, and fetched by the branch itself.
        ...["batumi /cars/5", "batumi /cars/5"]
      ])
    }).pipe(Effect.provide(world()))
  )

  it.live("that was parked without every branch being asked is asked for when the service starts", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 5, company_id: 9506 })
      yield* insert(car(5), car(6), car(7))
      yield* sql`
        UPDATE events SET revision = revision + 1, next_attempt_at = 'infinity', reason = CASE events.ext_id
          WHEN '5' THEN 'unknown_branch: company_id 424242 is not in the table branches'
          WHEN '6' THEN 'unknown_branch: no branch can be asked: RENTPROG_TOKENS has no token'
          ELSE 'unknown_branch: asked tbilisi: none has car 7'
        END
      `
      yield* Effect.gen(function* () {
        const rows = yield* until(events, (rows) => rows[0]?.processed === true && rows[1]?.attempts === 1)
        assert.deepStrictEqual(rows.map(standing), [
          ["batumi", null, "done"],
          [null, "unknown_branch", "parked"],
          [null, "unknown_branch", "parked"]
        ])
        assert.notInclude(yield* asked, "tbilisi /cars/7")
      }).pipe(Effect.provide(service()))
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("is parked where none has its record, and runs again when that arrives", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const sql = yield* PgClient.PgClient
      yield* insert(car(5))
      const [row] = yield* stand("parked")
      assert.strictEqual(
        row?.reason,
        "unknown_branch: asked tbilisi, kutaisi, batumi, service-center: none has car 5; " +
          "company_id 424242 is not in the table branches"
      )
      const before = yield* asked
      assert.lengthOf(before, 8)
      yield* wake("")
      // Whoever looks finds this one, and nothing else.
      yield* insert({ type: "client_update", ext_id: "6", payload: {} })
      yield* until(asked, (all) => all.some((call) => call.includes("/clients/6")))
      assert.deepStrictEqual(
        (yield* asked).filter((call) => call.includes("/car")),
        before
      )

      yield* simulator.put("car", { id: 5, company_id: 9248 })
      yield* sql`INSERT INTO cars (rentprog_id, branch) VALUES ('5', 'kutaisi')`
      const [done] = yield* until(events, ([row]) => row?.processed === true)
      assert.deepStrictEqual([done?.branch, done?.ok, done?.reason], ["kutaisi", true, null])
    }).pipe(Effect.provide(world()))
  )

  it.live("waits where a branch cannot answer, and only that one is asked again", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* run("INSERT INTO paused_branches (branch, paused_by) VALUES ('kutaisi', 'Anna')")
      yield* simulator.put("car", { id: 5, company_id: 9248 })
      yield* insert(car(5))
      const [row] = yield* stand("waits")
      assert.deepStrictEqual(row && standing(row), [null, "unknown_branch", "waits"])
      assert.include(row?.reason, "not every branch could be asked for car 5: kutaisi: the branch is paused")
      assert.isTrue((row?.wait ?? 0) > 0 && (row?.wait ?? 0) <= 36)
      assert.lengthOf(yield* asked, 6)
      yield* run("DELETE FROM paused_branches")
      yield* makeDue
      yield* wake("")
      const [done] = yield* allProcessed
      assert.deepStrictEqual([done?.branch, done?.ok], ["kutaisi", true])
      assert.deepStrictEqual((yield* asked).slice(6), ["kutaisi /cars/5", "kutaisi /cars/5"])
    }).pipe(Effect.provide(world()))
  )

  it.live("waits where a branch is paused while it is asked", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.fault(Fault.Hang(), { id: 5 })
      yield* insert(car(5))
      yield* until(reads, ({ length }) => length === 1)
      yield* run("INSERT INTO paused_branches (branch, paused_by) VALUES ('tbilisi', 'Anna')")
      yield* wake()
      const [row] = yield* stand("waits")
      assert.include(row?.reason, "tbilisi: the branch is paused")
    }).pipe(
      Effect.provide(
        world({
          patience: { callTimeout: "1 hour" },
          tokens: { tbilisi: "simulated-company-token-of-tbilisi" }
        })
      )
    )
  )

  it.live("about a client is of any branch that has a token and is not paused", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* run("INSERT INTO paused_branches (branch, paused_by) VALUES ('tbilisi', 'Anna')")
      yield* simulator.put("client", { id: 5 })
      yield* insert({ type: "client_update", ext_id: "5", payload: {} })
      const [row] = yield* allProcessed
      assert.deepStrictEqual([row?.branch, row?.ok], ["kutaisi", true])
      assert.deepStrictEqual(yield* asked, ["kutaisi /clients/5"])
    }).pipe(Effect.provide(world()))
  )

  it.live("is of the branch that the webhook's address names, where that one has a token", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const sql = yield* PgClient.PgClient
      yield* run("DELETE FROM branches WHERE code = 'kutaisi'")
      yield* simulator.put("car", { id: 5, company_id: 9248 })
      yield* sql`
        INSERT INTO events (type, payload, metadata) VALUES ('car_update', '{"id": 5}', '{"branch": "kutaisi"}')
      `
      const [row] = yield* allProcessed
      assert.deepStrictEqual([row?.branch, row?.ok], ["kutaisi", true])
      assert.lengthOf(yield* reads, 1)
    }).pipe(Effect.provide(world()))
  )

  it.live("is parked at once where there is no token at all", () =>
    Effect.gen(function* () {
      yield* insert(car(5))
      const [row] = yield* stand("parked")
      assert.include(row?.reason, "unknown_branch: no branch can be asked: RENTPROG_TOKENS has no token")
      assert.deepStrictEqual(yield* reads, [])
    }).pipe(Effect.provide(world({ tokens: {} })))
  )

  it.live("keeps no other from being asked for, whatever somebody wrote into it", () =>
    Effect.gen(function* () {
      yield* insert(car(5), car(6))
      // As in a column that a company had.
      yield* run(
        "ALTER TABLE events ALTER attempts DROP NOT NULL",
        "UPDATE events SET attempts = NULL, revision = revision + 1 WHERE ext_id = '5'"
      )
      const sql = yield* PgClient.PgClient
      const parked = sql`SELECT FROM events WHERE attempts = 1 AND next_attempt_at = 'infinity'`
      yield* Effect.provide(
        until(parked, ({ length }) => length === 2),
        service()
      )
    }).pipe(Effect.provide(surroundings()))
  )
})
