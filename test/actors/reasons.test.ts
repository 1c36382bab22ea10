import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { type ReasonCode, reasons } from "../../src/domain/Reason.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import type { NewEvent } from "../support/events.ts"
import { about, allProcessed, events, insert, makeDue, until, wake } from "../support/tables.ts"
import { type WorldOptions, world } from "./world.ts"

/** A RentProg client with a defect that one record brings out, for as long as `broken` says. */
let broken = true
const defective = Layer.effect(
  RentProg,
  RentProg.use((rentprog) =>
    Effect.succeed(
      RentProg.of({
        ...rentprog,
        fetch: (branch, key) =>
          broken && key.entityId === "1"
            ? Effect.die(new TypeError("cannot read properties of undefined"))
            : rentprog.fetch(branch, key)
      })
    )
  )
)

interface Case {
  readonly name: string
  readonly code: ReasonCode
  /** What the reason must say besides. */
  readonly says: string
  /** About car 1 where not given. */
  readonly event?: NewEvent
  /** What must go well beside it: about client 2 where not given. */
  readonly neighbour?: NewEvent
  readonly options?: WorldOptions
  /** Brings the cause about, once cars 1 and 2 and client 2 are there. */
  readonly cause: Effect.Effect<unknown, unknown, Simulator | PgClient.PgClient>
  /** Takes it away; undefined where that takes a new start. */
  readonly remedy?: Effect.Effect<unknown, unknown, Simulator | PgClient.PgClient>
}

const fault = (one: Fault) => Simulator.use((simulator) => simulator.fault(one, { id: 1 }))
const clearFaults = Simulator.use((simulator) => simulator.clearFaults)
const statement = (text: string) => PgClient.PgClient.use((sql) => sql.unsafe(text))
const car = { id: 1, company_id: 9247 }
const putCar = Simulator.use((simulator) => simulator.put("car", car))
const booking = about("booking_create", 7)
const putBooking = Simulator.use((simulator) =>
  simulator.put("booking", { id: 7, company_id: 9247, car_id: 3, client_id: null })
)

const cases: ReadonlyArray<Case> = [
  {
    name: "a record that is not there",
    code: "rentprog_not_found",
    says: "car:1",
    cause: Simulator.use((simulator) => simulator.destroy("car", 1)),
    remedy: putCar
  },
  {
    name: "no token for the branch",
    code: "rentprog_unauthorized",
    says: "RENTPROG_TOKENS",
    options: { tokens: {} },
    cause: Effect.void
  },
  {
    name: "a company token that RentProg does not know",
    code: "rentprog_unauthorized",
    says: "RENTPROG_TOKENS",
    options: { tokens: { tbilisi: "wrong" } },
    cause: Effect.void
  },
  {
    name: "403",
    code: "rentprog_unauthorized",
    says: "403",
    cause: fault(Fault.Status({ status: 403 })),
    remedy: clearFaults
  },
  {
    name: "429 without end",
    code: "rentprog_rate_limited",
    says: "429",
    cause: fault(Fault.Status({ status: 429 }))
  },
  {
    name: "no answer",
    code: "rentprog_timeout",
    says: "no whole answer",
    // Enough for whatever does get an answer, on a busy machine too.
    options: { patience: { callTimeout: "3 seconds" } },
    cause: fault(Fault.Hang()),
    remedy: clearFaults
  },
  {
    name: "503",
    code: "rentprog_unavailable",
    says: "503",
    cause: fault(Fault.Status({ status: 503 })),
    remedy: clearFaults
  },
  {
    name: "a broken connection",
    code: "rentprog_unavailable",
    says: "GET /cars/1",
    cause: fault(Fault.Drop()),
    remedy: clearFaults
  },
  {
    name: "half a JSON text",
    code: "rentprog_bad_response",
    says: "broken JSON",
    cause: fault(Fault.BrokenJson()),
    remedy: clearFaults
  },
  {
    name: "422",
    code: "rentprog_bad_response",
    says: "422",
    cause: fault(Fault.Status({ status: 422 })),
    remedy: clearFaults
  },
  {
    name: "a booking whose car is not there",
    code: "missing_dependency",
    says: "car:3: rentprog_not_found",
    event: booking,
    cause: putBooking,
    remedy: Simulator.use((simulator) => simulator.put("car", { id: 3, company_id: 9247 }))
  },
  {
    name: "a booking whose car cannot be had",
    code: "missing_dependency",
    says: "car:3: rentprog_unavailable",
    event: booking,
    cause: Effect.andThen(
      putBooking,
      Simulator.use((simulator) => simulator.fault(Fault.Status({ status: 500 }), { id: 3 }))
    ),
    remedy: Simulator.use((simulator) =>
      Effect.andThen(simulator.clearFaults, simulator.put("car", { id: 3, company_id: 9247 }))
    )
  },
  {
    name: "a table that refuses the row",
    code: "database_error",
    neighbour: about("car_update", 2),
    says: "no car 1 here",
    cause: Effect.andThen(
      statement(`
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.rentprog_id = '1' THEN RAISE EXCEPTION 'no car 1 here'; END IF;
          RETURN NEW;
        END $$`),
      statement("CREATE TRIGGER refuse BEFORE INSERT ON cars FOR EACH ROW EXECUTE FUNCTION refuse()")
    ),
    remedy: statement("DROP TRIGGER refuse ON cars")
  },
  {
    name: "a defect",
    code: "internal_error",
    neighbour: about("car_update", 2),
    says: "cannot read properties",
    options: { rentprog: defective },
    cause: Effect.sync(() => {
      broken = true
    }),
    remedy: Effect.sync(() => {
      broken = false
    })
  },
  {
    name: "no id anywhere",
    code: "missing_ext_id",
    says: "payload",
    event: { type: "car_update", branch: "tbilisi", payload: { mileage: [1, 2] } },
    cause: Effect.void
  },
  {
    name: "a type that RentProg does not send",
    code: "unknown_event_type",
    says: "car_explode",
    event: { type: "car_explode", branch: "tbilisi", payload: { id: 1 } },
    cause: Effect.void
  },
  {
    name: "a company that nobody knows",
    code: "unknown_branch",
    says: "424242",
    event: { type: "car_update", company_id: 424242, payload: { id: 404 } },
    cause: Effect.void
  },
  {
    name: "a payload that is none",
    code: "invalid_payload",
    says: "Ruby hash",
    event: { type: "car_update", branch: "tbilisi", payload: "Traceback:" },
    cause: Effect.void
  }
]

describe.concurrent("the reason", () => {
  it.live.each(cases)("$code: $name", ({ cause, code, event, neighbour, options, remedy, says }) =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* putCar
      yield* simulator.put("car", { id: 2, company_id: 9247 })
      yield* simulator.put("client", { id: 2 })
      yield* cause
      yield* insert(event ?? about("car_update", 1), neighbour ?? about("client_update", 2))

      // RentProg is asked whose the record is, before a person has to look.
      const isAsked = code === "unknown_branch"
      const [row, other] = yield* until(
        events,
        (rows) => rows.every(({ ok }) => ok !== null) && (!isAsked || rows[0]?.parked === true)
      )
      assert.strictEqual(row?.code, code)
      assert.include(row?.reason, says)
      assert.deepStrictEqual([row?.processed, row?.ok], [false, false])
      const parked = reasons[code] === 0
      assert.deepStrictEqual([row?.attempts, row?.parked], [parked && !isAsked ? 0 : 1, parked])
      // From 24 to 36 s after the attempt, which was a moment ago.
      if (!parked) assert.isTrue(row?.wait !== null && (row?.wait ?? 0) > 0 && (row?.wait ?? 0) <= 36)
      if (options?.tokens === undefined) assert.isTrue(other?.ok)

      if (remedy === undefined) return
      yield* remedy
      yield* makeDue
      yield* wake()
      const [after] = yield* allProcessed
      assert.deepStrictEqual([after?.ok, after?.reason, after?.attempts], [true, null, 2])
    }).pipe(Effect.provide(world(options)))
  )

  it("of every kind that an event can have is reached above", () => {
    const others = [
      "discarded",
      "empty_description",
      "unparsed_description",
      "entity_not_found",
      "apply_failed",
      "superseded",
      "deleted_recently",
      "not_about_records"
    ]
    assert.deepStrictEqual(
      new Set(cases.map(({ code }) => code)),
      new Set(Object.keys(reasons).filter((code) => !others.includes(code)))
    )
  })
})
