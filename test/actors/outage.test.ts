import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Option, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { inject } from "vitest"
import { Health } from "../../src/actors/Health.ts"
import * as probeDatabase from "../../src/actors/probeDatabase.ts"
import * as probeNotifications from "../../src/actors/probeNotifications.ts"
import * as Database from "../../src/database/Database.ts"
import { publicSchema } from "../../src/database/SchemaName.ts"
import { writeRow } from "../../src/database/writeRow.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { whileOpen } from "../support/history.ts"
import { TestDatabase } from "../support/TestDatabase.ts"
import { about, allProcessed, insert, until } from "../support/tables.ts"
import { comeBack, goAway, onlyRead, takeWrites } from "./outage.ts"
import { Log, service, surroundings, world } from "./world.ts"

/** How Health has these parts, as `state: detail`. */
const states = (...names: ReadonlyArray<string>) =>
  Health.use((health) =>
    Effect.map(health.components, (components) =>
      components
        .filter(({ name }) => names.includes(name))
        .map(({ detail, state }) => (detail === null ? state : `${state}: ${detail}`))
    )
  )

const allUp = (all: ReadonlyArray<string>) => all.every((state) => state === "up")
const allDown = (all: ReadonlyArray<string>) => all.every((state) => state.startsWith("down: "))

describe("a database that goes away", () => {
  it.live("takes both listeners down until it is back, and then nothing was missed", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const listeners = states("event listener", "history listener")
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      yield* until(listeners, allUp)
      yield* goAway
      yield* until(listeners, allDown)
      yield* comeBack
      yield* until(listeners, allUp)
      const { lines } = yield* Log
      for (const processor of ["Event processor", "History processor"]) {
        const said = lines.filter(
          ({ message }) => message === `${processor} listens again, sweeps what it missed`
        )
        assert.lengthOf(said, 1)
      }
      yield* insert(about("car_update", 1))
      yield* allProcessed
    }).pipe(Effect.provide(world()))
  )

  it.live("is noticed by who probes it, as is that it is back", () =>
    Effect.gen(function* () {
      const clock = yield* TestClock.make()
      const probe = Layer.provide(probeDatabase.layer, Layer.succeed(Clock.Clock, clock))
      /** The database's state, a second later. */
      const later = Effect.andThen(clock.adjust("1 second"), states("database"))
      assert.deepStrictEqual(yield* states("database"), ["starting"])
      yield* Effect.gen(function* () {
        yield* until(later, allUp)
        yield* goAway
        const [why] = yield* until(later, allDown)
        assert.notStrictEqual(why, "down: ")
        yield* comeBack
        yield* until(later, allUp)
      }).pipe(Effect.provide(probe))
      assert.deepStrictEqual(yield* states("database"), ["down: it has ended"])
    }).pipe(Effect.provide(surroundings()))
  )
})

const fillUp = PgClient.PgClient.use((sql) =>
  Effect.andThen(
    sql`
      CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$
    `,
    sql`CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON jarvis_writes EXECUTE FUNCTION full_disk()`
  )
)

/** What each write comes to; how many there were. */
const writesDo = (what: string) =>
  PgClient.PgClient.use((sql) =>
    Effect.forEach(
      [
        "CREATE SEQUENCE writes_tried",
        `CREATE FUNCTION no_write() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM nextval('writes_tried'); PERFORM ${what}; RETURN NEW; END $$`,
        "CREATE TRIGGER no_write BEFORE INSERT ON jarvis_writes FOR EACH ROW EXECUTE FUNCTION no_write()"
      ],
      (statement) => sql.unsafe(statement)
    )
  )
const tries = PgClient.PgClient.use(
  (sql) =>
    sql<{
      readonly tries: number
    }>`SELECT (CASE WHEN is_called THEN last_value ELSE 0 END)::int AS tries FROM writes_tried`
).pipe(Effect.map(([row]) => row?.tries))

const makeRoom = PgClient.PgClient.use((sql) => sql`DROP TRIGGER full_disk ON jarvis_writes`)

describe("a server that takes no writes", () => {
  it.live.each([
    {
      how: "reads only",
      mend: takeWrites,
      spoil: onlyRead,
      why: "cannot execute INSERT in a read-only transaction"
    },
    { how: "is full", mend: makeRoom, spoil: fillUp, why: "could not extend file: No space left on device" }
  ])("is noticed where it $how, as is that it takes them again", ({ mend, spoil, why }) =>
    Effect.gen(function* () {
      const clock = yield* TestClock.make()
      const later = Effect.andThen(clock.adjust("1 second"), states("database"))
      yield* Effect.gen(function* () {
        yield* until(later, allUp)
        yield* spoil
        yield* until(later, ([state]) => state === `down: the server takes no writes: ${why}`)
        assert.isFalse(yield* Health.use(({ ready }) => ready))
        yield* mend
        yield* until(later, allUp)
      }).pipe(Effect.provide(Layer.provide(probeDatabase.layer, Layer.succeed(Clock.Clock, clock))))
    }).pipe(Effect.provide(surroundings()))
  )

  it.live.each([
    { what: "row", hold: "UPDATE jarvis_writes SET at = at" },
    { what: "table", hold: "LOCK TABLE jarvis_writes" }
  ])("is not one where somebody holds the $what that is written to", ({ hold }) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* writeRow(sql)
      const probed = until(states("database"), ([state]) => state !== "starting").pipe(
        Effect.provide(probeDatabase.layer)
      )
      const [state] = yield* whileOpen(hold, probed)
      assert.strictEqual(state, "up")
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("is asked no more than twice a minute", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const clock = yield* TestClock.make()
      const written = sql<{ readonly at: string }>`SELECT at::text FROM jarvis_writes`
      yield* Effect.gen(function* () {
        const [first] = yield* until(written, (rows) => rows.length === 1)
        for (let second = 0; second < 29; second += 1) yield* clock.adjust("1 second")
        assert.deepStrictEqual((yield* written)[0], first)
        yield* until(Effect.andThen(clock.adjust("1 second"), written), (rows) =>
          rows.some(({ at }) => at !== first?.at)
        )
      }).pipe(Effect.provide(Layer.provide(probeDatabase.layer, Layer.succeed(Clock.Clock, clock))))
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("is asked no more often where the connection is lost each time", () =>
    Effect.gen(function* () {
      yield* writesDo("pg_terminate_backend(pg_backend_pid())")
      const clock = yield* TestClock.make()
      yield* Effect.gen(function* () {
        yield* until(tries, (count) => count === 1)
        yield* until(states("database"), allDown)
        // Who only asks is answered.
        yield* clock.adjust("5 seconds")
        yield* until(states("database"), allUp)
        assert.strictEqual(yield* tries, 1)
        yield* until(Effect.andThen(clock.adjust("1 second"), tries), (count) => count === 2)
      }).pipe(Effect.provide(Layer.provide(probeDatabase.layer, Layer.succeed(Clock.Clock, clock))))
    }).pipe(Effect.provide(surroundings()))
  )

  it.live("is asked no more often where it does not answer, and is down meanwhile", () =>
    Effect.gen(function* () {
      yield* writesDo("pg_sleep(600)")
      const clock = yield* TestClock.make()
      yield* Effect.gen(function* () {
        yield* until(tries, (count) => count === 1)
        const why = "down: the server takes no writes: no answer within 2s"
        const later = Effect.andThen(clock.adjust("1 second"), states("database"))
        yield* until(later, ([state]) => state === why)
        for (let second = 0; second < 25; second += 1) {
          assert.deepStrictEqual(yield* later, [why])
          assert.strictEqual(yield* tries, 1)
        }
      }).pipe(Effect.provide(Layer.provide(probeDatabase.layer, Layer.succeed(Clock.Clock, clock))))
    }).pipe(Effect.provide(surroundings()))
  )
})

describe("notifications", () => {
  it.live("that arrive are well; their loss says what to do", () =>
    Effect.gen(function* () {
      const { url } = yield* TestDatabase
      const elsewhere = Redacted.make(inject("serverUrl"))
      const { lines } = yield* Log
      const look = states("notifications")
      const probed = <A, E, R>(listenUrl: Redacted.Redacted, effect: Effect.Effect<A, E, R>) =>
        Effect.provide(
          effect,
          Layer.provide(
            probeNotifications.layer,
            Layer.fresh(Database.layer(url, publicSchema, Option.some(listenUrl)))
          )
        )
      yield* probed(
        url,
        until(look, (all) => all.length === 1 && allUp(all))
      )
      assert.lengthOf(lines, 0)
      yield* probed(
        elsewhere,
        until(look, (all) => all.length === 1 && allDown(all))
      )
      assert.lengthOf(lines, 1)
      assert.strictEqual(lines[0]?.level, "Warn")
      assert.include(lines[0]?.message, "set JARVIS_LISTEN_URL")
    }).pipe(Effect.provide(surroundings()))
  )
})

describe("a branch", () => {
  it.live("is told of from its first event on, and no longer when its actor has ended", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* simulator.put("car", { id: 1, company_id: 9247 })
      const branch = states("branch tbilisi")
      yield* Effect.gen(function* () {
        assert.deepStrictEqual(yield* branch, [])
        yield* insert(about("car_update", 1))
        yield* allProcessed
        assert.deepStrictEqual(yield* branch, ["up"])
      }).pipe(Effect.provide(service()))
      assert.deepStrictEqual(yield* branch, [])
    }).pipe(Effect.provide(surroundings()))
  )
})
