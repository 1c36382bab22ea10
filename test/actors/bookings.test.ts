import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Layer, type Schema } from "effect"
import { Events } from "../../src/database/Events.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import {
  about,
  allHandled,
  allProcessed,
  events,
  insert,
  makeDue,
  mirror,
  until,
  wake
} from "../support/tables.ts"
import { reads, readsOf } from "./calls.ts"
import { world } from "./world.ts"

/** Car 1, client 2, and booking 3 of them. */
const rental = Effect.fnUntraced(function* (fields: Schema.JsonObject = {}) {
  const simulator = yield* Simulator
  yield* simulator.put("car", { id: 1, company_id: 9247 })
  yield* simulator.put("client", { id: 2 })
  yield* simulator.put("booking", { id: 3, company_id: 9247, car_id: 1, client_id: 2, ...fields })
})

const ids = Effect.gen(function* () {
  const kinds = yield* Effect.all([mirror("car"), mirror("client"), mirror("booking")])
  return kinds.map((rows) => rows.map(({ id }) => id))
})

describe.concurrent("a booking", () => {
  it.live("brings its car and client with it", () =>
    Effect.gen(function* () {
      yield* rental()
      yield* insert(about("booking_create", 3))
      yield* allProcessed
      assert.deepStrictEqual(yield* ids, [["1"], ["2"], ["3"]])
      assert.deepStrictEqual(new Set(yield* reads), new Set(["/bookings/3", "/cars/1", "/clients/2"]))
      assert.lengthOf(yield* reads, 3)
    }).pipe(Effect.provide(world()))
  )

  it.live("is not there before they are", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* rental()
      yield* sql`
        ALTER TABLE bookings
          ADD FOREIGN KEY (car_id) REFERENCES cars (rentprog_id),
          ADD FOREIGN KEY (client_id) REFERENCES clients (rentprog_id)
      `
      yield* insert(about("booking_create", 3))
      assert.deepStrictEqual(
        (yield* allHandled).map(({ ok, reason }) => [ok, reason]),
        [[true, null]]
      )
    }).pipe(Effect.provide(world()))
  )

  it.live("does not fetch them where the mirror has them", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* rental()
      yield* insert(about("car_create", 1), about("client_create", 2))
      yield* allProcessed
      yield* simulator.clearCalls
      yield* insert(about("booking_create", 3))
      yield* allProcessed
      assert.deepStrictEqual(yield* reads, ["/bookings/3"])
    }).pipe(Effect.provide(world()))
  )

  it.live("waits for them where they are being fetched already", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* rental()
      const letGo = yield* simulator.fault(Fault.Slow({ delay: "400 millis" }), { id: 1 })
      yield* insert(about("car_create", 1))
      yield* until(readsOf("/cars/1"), (count) => count === 1)
      yield* insert(about("booking_create", 3))
      yield* allProcessed
      yield* letGo
      assert.strictEqual(yield* readsOf("/cars/1"), 1)
    }).pipe(Effect.provide(world()))
  )

  it.live("waits for their arrival alone, and not until their own events are settled", () => {
    const over = Deferred.makeUnsafe<void>()
    const slow = Layer.effect(
      Events,
      Events.use((events) =>
        Effect.succeed(
          Events.of({
            ...events,
            settle: (outcome) =>
              outcome.event.type === "car_create"
                ? Effect.andThen(Deferred.await(over), events.settle(outcome))
                : events.settle(outcome)
          })
        )
      )
    )
    return Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* rental()
      yield* simulator.fault(Fault.Slow({ delay: "400 millis" }), { id: 1 })
      yield* insert(about("car_create", 1))
      yield* until(readsOf("/cars/1"), (count) => count === 1)
      yield* insert(about("booking_create", 3))
      const rows = yield* until(events, (all) => all[1]?.processed === true)
      assert.isFalse(rows[0]?.processed)
      yield* Deferred.succeed(over, undefined)
      yield* allProcessed
      assert.strictEqual(yield* readsOf("/cars/1"), 1)
    }).pipe(Effect.ensuring(Deferred.succeed(over, undefined)), Effect.provide(world({ events: slow })))
  })

  it.live.each([
    { car_id: null, client_id: null },
    { car_id: "", client_id: "  " },
    { car_id: [1], client_id: { id: 2 } }
  ])("that names none is written without: %o", (fields) =>
    Effect.gen(function* () {
      yield* rental(fields)
      yield* insert(about("booking_create", 3))
      yield* allProcessed
      assert.deepStrictEqual(yield* ids, [[], [], ["3"]])
    }).pipe(Effect.provide(world()))
  )

  it.live("whose client is missing waits, unwritten, and goes on when the client is there", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* rental()
      yield* simulator.destroy("client", 2)
      yield* insert(about("booking_create", 3))
      const [row] = yield* allHandled
      assert.include(row?.reason, "missing_dependency: client:2: rentprog_not_found")
      assert.isFalse(row?.parked)
      assert.deepStrictEqual(yield* mirror("booking"), [])

      yield* simulator.put("client", { id: 2 })
      yield* insert(about("client_create", 2))
      yield* until(events, (rows) => rows.some(({ ok, type }) => ok && type === "client_create"))
      yield* makeDue
      yield* wake()
      yield* allProcessed
      assert.deepStrictEqual(yield* ids, [["1"], ["2"], ["3"]])
      // It needed no further fetch of the client.
      assert.strictEqual(yield* readsOf("/clients/2"), 2)
    }).pipe(Effect.provide(world()))
  )

  it.live("and all of its company, in one statement and out of order, find each other", () =>
    Effect.gen(function* () {
      yield* rental()
      yield* insert(
        about("booking_update", 3),
        about("booking_create", 3),
        about("client_create", 2),
        about("car_create", 1)
      )
      yield* allProcessed
      assert.deepStrictEqual(yield* ids, [["1"], ["2"], ["3"]])
      assert.strictEqual(yield* readsOf("/bookings/3"), 1)
    }).pipe(Effect.provide(world()))
  )
})
