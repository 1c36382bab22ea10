import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Clock, Deferred, Duration, Effect, Layer, References } from "effect"
import { Events } from "../../src/database/Events.ts"
import { RentProgTimeout } from "../../src/domain/Reason.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { insertHistory, readHistory, whileOpen } from "../support/history.ts"
import { refuse } from "../support/refusing.ts"
import { about, events, insert, until } from "../support/tables.ts"
import { readsOf } from "./calls.ts"
import { Log, service, surroundings, world } from "./world.ts"

const others = Arr.range(1, 300)
/** In no list, so that each has to be read by itself. */
const hanging = 9001
const failing = 9002

/** Waits until all but the two are processed, and answers the two. */
const othersProcessed = Effect.gen(function* () {
  const rows = yield* until(
    events,
    (rows) => rows.filter(({ processed }) => processed).length === others.length
  )
  return rows.filter(({ processed }) => !processed)
})

describe("a record that hangs and one that fails hold up nothing", () => {
  const begin = Effect.gen(function* () {
    const simulator = yield* Simulator
    for (const id of others) yield* simulator.put("car", { id, company_id: 9247 })
    yield* simulator.fault(Fault.Hang(), { id: hanging })
    yield* simulator.fault(Fault.Status({ status: 503 }), { id: failing })
  })
  const two = [about("car_update", hanging), about("car_update", failing)]

  /** A test in a world that waits for an answer until the test is over. */
  const patiently = <A, E>(test: Effect.Effect<A, E, Simulator | PgClient.PgClient>) =>
    Effect.suspend(() => {
      const over = Deferred.makeUnsafe<never, RentProgTimeout>()
      const rentprog = Layer.effect(
        RentProg,
        RentProg.use((rentprog) =>
          Effect.succeed(
            RentProg.of({
              ...rentprog,
              fetch: (branch, key) => Effect.raceFirst(rentprog.fetch(branch, key), Deferred.await(over))
            })
          )
        )
      )
      return test.pipe(
        Effect.ensuring(Deferred.fail(over, new RentProgTimeout({ detail: "the test is over" }))),
        Effect.provide(world({ patience: { callTimeout: "1 hour" }, rentprog }))
      )
    })

  it.live("of hundreds that come together with them", () =>
    patiently(
      Effect.gen(function* () {
        yield* begin
        yield* insert(...two, ...others.map((id) => about("car_update", id)))
        const [first] = yield* othersProcessed
        assert.strictEqual(first?.ext_id, String(hanging))
        assert.isNull(first?.ok)
      })
    )
  )

  it.live("of hundreds that come one by one while they hang", () =>
    patiently(
      Effect.gen(function* () {
        yield* begin
        for (const event of two) yield* insert(event)
        yield* until(readsOf(`/cars/${hanging}`), (count) => count === 1)
        yield* Effect.forEach(others, (id) => insert(about("car_update", id)), { discard: true })
        const rows = yield* othersProcessed
        assert.deepStrictEqual(
          rows.map(({ code, ext_id }) => [ext_id, code]),
          [
            [String(hanging), null],
            [String(failing), "rentprog_unavailable"]
          ]
        )
        assert.strictEqual(yield* readsOf(`/cars/${hanging}`), 1)
      })
    )
  )

  it.live("nor do hundreds whose outcome nobody can write down", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      for (const id of others) yield* simulator.put("car", { id, company_id: 9247 })
      // Those that the branch leaves alone for a while come back when the test is over, and can be written down then.
      const over = Deferred.makeUnsafe<void>()
      const live = yield* Clock.Clock
      const clock: Clock.Clock = Object.assign(Object.create(live), {
        sleep: (time: Duration.Duration) =>
          Duration.toSeconds(time) === 10 ? Deferred.await(over) : live.sleep(time)
      })
      const broken = Layer.effect(
        Events,
        Events.use((events) =>
          Effect.succeed(
            Events.of({
              ...events,
              settle: (outcome) =>
                !Deferred.isDoneUnsafe(over) && Number(outcome.event.ext_id) <= others.length
                  ? Effect.die("nothing can be written")
                  : events.settle(outcome)
            })
          )
        )
      )
      yield* Effect.gen(function* () {
        yield* insert(...others.map((id) => about("car_update", id)))
        const { lines } = yield* Log
        const isUnsettled = ({ message }: { readonly message: string }) =>
          message.startsWith("events could not be settled")
        yield* until(
          Effect.sync(() => lines.filter(isUnsettled).length),
          (count) => count > 150
        )
        yield* insert(about("car_destroy", hanging))
        yield* until(events, (rows) => rows.at(-1)?.processed === true)
      }).pipe(
        Effect.ensuring(Deferred.succeed(over, undefined)),
        Effect.provide(service({ events: broken }).pipe(Layer.provide(Layer.succeed(Clock.Clock, clock))))
      )
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("of another branch", () =>
    patiently(
      Effect.gen(function* () {
        const simulator = yield* Simulator
        yield* simulator.fault(Fault.Hang(), { path: "/cars/1" })
        yield* simulator.put("car", { id: 2, company_id: 9248 })
        yield* insert(about("car_update", 1, "tbilisi"))
        yield* until(readsOf("/cars/1"), (count) => count === 1)
        yield* insert(about("car_update", 2, "kutaisi"))
        const rows = yield* until(events, (rows) => rows.some(({ processed }) => processed))
        assert.deepStrictEqual(
          rows.map(({ branch, ok }) => [branch, ok]),
          [
            ["tbilisi", null],
            ["kutaisi", true]
          ]
        )
      })
    )
  )
})

describe("a row that somebody holds", () => {
  it.live("is left for the next time; the others are settled, and RentProg is not asked again at once", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const { lines } = yield* Log
      for (const id of [1, 2]) yield* simulator.put("car", { id, company_id: 9247 })
      const letGo = yield* simulator.fault(Fault.Hang(), { id: 1 })
      yield* insert(about("car_update", 1), about("car_update", 1))
      yield* until(readsOf("/cars/1"), (count) => count === 1)
      yield* insert(about("car_update", 2))
      yield* whileOpen(
        "SELECT FROM events WHERE id = 1 FOR UPDATE",
        Effect.gen(function* () {
          yield* letGo
          yield* until(
            Effect.sync(() => lines.map(({ message }) => message)),
            (said) => said.includes("events could not be settled, they stay due: a row is locked, next time")
          )
        })
      )
      assert.deepStrictEqual(
        (yield* events).map(({ attempts, ok }) => [ok, attempts]),
        [
          [null, 0],
          [true, 1],
          [true, 1]
        ]
      )
      // The one that hung was given up and made again.
      assert.strictEqual(yield* readsOf("/cars/1"), 2)
    }).pipe(Effect.provide(world({ patience: { callTimeout: "1 second" } })))
  )
})

describe("an entry of the log that cannot be updated for now", () => {
  it.live("is left for the next look, and keeps no other from its attempt", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { lines } = yield* Log
      const sentence = (car: number) => `Иван Петров изменил , mileage с 100 на 200 в авто № ${car}`
      const [one, other] = yield* insertHistory({ description: sentence(1) }, { description: sentence(2) })
      yield* sql`UPDATE history SET revision = revision + 1, next_attempt_at = now() - interval '1 second'`
      yield* refuse("history", `NEW.id = ${one?.id}`, "RAISE 'no room' USING ERRCODE = '53100';")
      const said = (words: string) => lines.filter(({ message }) => message.includes(words)).length
      yield* until(
        Effect.sync(() => said("records that the log tells of are asked for")),
        (times) => times > 0
      ).pipe(Effect.provide(service()))
      assert.deepStrictEqual(
        (yield* readHistory([one?.id ?? "", other?.id ?? ""])).map(({ attempts }) => attempts),
        [0, 1]
      )
      // With the other one, and by itself.
      assert.strictEqual(
        said("1 rows of history could not be updated, the next sweep tries again: no room"),
        2
      )
    }).pipe(Effect.provide(surroundings()))
  )
})

describe("an event that somebody discards while its record is fetched", () => {
  it.live("is not said to be processed", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const sql = yield* PgClient.PgClient
      const { lines } = yield* Log
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      const letGo = yield* simulator.fault(Fault.Hang(), { id: 1 })
      yield* insert(about("car_update", 1))
      yield* until(readsOf("/cars/1"), (count) => count === 1)
      yield* sql`UPDATE events SET processed = true, ok = false, reason = 'discarded: sold'`
      yield* letGo
      const said = yield* until(
        Effect.sync(() => lines.filter(({ message }) => message.startsWith("event "))),
        ({ length }) => length > 0
      )
      assert.deepStrictEqual(
        said.map(({ labels, level, message }) => [level, message, labels["event_id"]]),
        [["Debug", "event was touched meanwhile, its outcome is left out", "1"]]
      )
      assert.strictEqual((yield* events)[0]?.reason, "discarded: sold")
    }).pipe(
      Effect.provide(world({ patience: { callTimeout: "1 second" } })),
      Effect.provideService(References.MinimumLogLevel, "Debug")
    )
  )
})
