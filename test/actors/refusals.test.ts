/** Rows that refuse to be updated, as the whole service meets them. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect } from "effect"
import { Health } from "../../src/actors/Health.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { insertHistory, isApplied, readHistory } from "../support/history.ts"
import { endRefusals, refusals, refuse, refuseNoMore, run } from "../support/refusing.ts"
import { about, allProcessed, events, insert, until, wake } from "../support/tables.ts"
import { reads, readsOf } from "./calls.ts"
import { Log, world } from "./world.ts"

/** How Health has a part: `up`, or `down: ` and why. */
const stateOf = (name: string) =>
  Health.use((health) =>
    Effect.map(health.components, (components) => {
      const part = components.find((one) => one.name === name)
      return part?.detail ? `${part.state}: ${part.detail}` : part?.state
    })
  )

const putCar = (id: number) => Simulator.use((simulator) => simulator.put("car", { id, company_id: 9247 }))

const obstacles = [
  {
    what: "a trigger that raises on every update",
    put: refuse("events", "true", "RAISE 'row % stays', NEW.payload;"),
    away: refuseNoMore,
    says: "an error (P0001) in PL/pgSQL function refuse() line 1 at RAISE"
  },
  {
    what: "a trigger that lets nothing through",
    put: refuse("events", "true", "RETURN NULL;"),
    away: refuseNoMore,
    says: "the update has no effect: a trigger or a policy of the table suppresses it"
  },
  {
    what: "a constraint",
    put: run("ALTER TABLE events ADD CONSTRAINT untouched CHECK (attempts = 0)"),
    away: run("ALTER TABLE events DROP CONSTRAINT untouched"),
    says: 'new row for relation "events" violates check constraint "untouched" (23514)'
  }
]

describe("events that refuse to be updated", () => {
  it.live.each(obstacles)(
    "cost one fetch, are told of, and heal when nothing is in their way: $what",
    ({ away, put, says }) =>
      Effect.gen(function* () {
        yield* putCar(1)
        yield* until(stateOf("event settling"), (state) => state === "up")
        yield* put
        yield* insert(...Arr.replicate(about("car_update", 1), 60))
        yield* until(
          stateOf("event settling"),
          (state) => state === `down: 60 rows of events refuse to be updated: ${says}; see row_refusals`
        )
        const down = yield* Health.use(({ components }) =>
          Effect.map(components, (all) => all.filter(({ state }) => state === "down").map(({ name }) => name))
        )
        assert.deepStrictEqual(down, ["event settling"])
        // Sweeps and wakes find nothing to do.
        for (let n = 0; n < 3; n += 1) yield* wake()
        yield* run(
          "INSERT INTO events (branch, type, payload) VALUES ('kutaisi', 'car_destroy', '{\"id\": 7}')"
        )
        yield* until(refusals, ({ length }) => length === 61)
        assert.deepStrictEqual(yield* reads, ["/cars/1"])
        assert.isTrue((yield* events).every(({ attempts, ok }) => ok === null && attempts === 0))

        yield* away
        yield* endRefusals
        yield* allProcessed
        yield* until(stateOf("event settling"), (state) => state === "up")
        assert.deepStrictEqual([yield* refusals, yield* readsOf("/cars/1")], [[], 2])
        const { lines } = yield* Log
        // Once for those that are settled one by one, and once for the page of the others; and for the one of Kutaisi.
        const told = lines.filter(({ message }) => message.includes("to be updated"))
        assert.isAtMost(told.length, 3)
        assert.isTrue(told.every(({ level, message }) => level === "Error" && message.includes(says)))
      }).pipe(Effect.provide(world({ fallbackInterval: "100 millis" })))
  )

  it.live("that only refuse to be done fail together, wait together and are fetched together", () =>
    Effect.gen(function* () {
      yield* putCar(1)
      yield* run("ALTER TABLE events ADD CONSTRAINT never_done CHECK (NOT processed)")
      yield* insert(...Arr.replicate(about("car_update", 1), 60))
      const rows = yield* until(events, (all) => all.every(({ attempts }) => attempts === 1))
      assert.isTrue(rows.every(({ code, parked }) => code === "database_error" && !parked))
      assert.lengthOf(
        yield* PgClient.PgClient.use((sql) => sql`SELECT DISTINCT next_attempt_at FROM events`),
        1
      )
      assert.deepStrictEqual(yield* reads, ["/cars/1"])
      assert.deepStrictEqual(yield* refusals, [])
    }).pipe(Effect.provide(world({ fallbackInterval: "100 millis" })))
  )
})

describe("entries of the log that refuse to be updated", () => {
  it.live("are told of, and apply when nothing is in their way", () =>
    Effect.gen(function* () {
      yield* until(stateOf("history settling"), (state) => state === "up")
      const rows = yield* insertHistory({
        description: "Иван Петров изменил , mileage с 100 на 200 в авто № 1"
      })
      const ids = rows.map(({ id }) => id)
      yield* refuse("history", "true")
      yield* run("INSERT INTO cars (rentprog_id, branch, mileage, data) VALUES ('1', 'tbilisi', 100, '{}')")
      yield* until(
        stateOf("history settling"),
        (state) =>
          state ===
          "down: 1 row of history refuses to be updated: an error (P0001) in PL/pgSQL function refuse() line 1 at RAISE; see row_refusals"
      )
      yield* refuseNoMore
      yield* endRefusals
      yield* until(readHistory(ids), (all) => all.every(isApplied))
      yield* until(stateOf("history settling"), (state) => state === "up")
      assert.deepStrictEqual(yield* refusals, [])
    }).pipe(Effect.provide(world({ fallbackInterval: "100 millis" })))
  )
})
