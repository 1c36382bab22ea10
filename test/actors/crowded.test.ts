import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Effect, Layer } from "effect"
import * as BranchActor from "../../src/actors/Branch.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { keyText } from "../../src/domain/Entity.ts"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { Fault, Simulator } from "../../src/simulator/Simulator.ts"
import { whileOpen } from "../support/history.ts"
import { run } from "../support/refusing.ts"
import { about, insert, mirror, until, wake } from "../support/tables.ts"
import { reads, readsOf } from "./calls.ts"
import { dependencies, Log, surroundings, world } from "./world.ts"

const putCar = (id: number) => Simulator.use((simulator) => simulator.put("car", { id, company_id: 9247 }))

/** Inserts events of tbilisi about cars in turn, each of which says that the mileage changed. */
const insertMany = Effect.fnUntraced(function* (many: number, ...cars: ReadonlyArray<number>) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO events (branch, type, ext_id, payload)
    SELECT 'tbilisi', 'car_update', (${cars.map(String)}::text[])[1 + n % ${cars.length}::int],
      jsonb_build_object('mileage', jsonb_build_array(n, n + 1))
    FROM generate_series(1, ${many}::int) AS n
  `
})

/** How the events stand: how many there are of each kind. */
const standings = PgClient.PgClient.use(
  (sql) => sql<{ readonly count: number; readonly standing: string }>`
    SELECT count(*)::int AS count, concat_ws(' ', row_state(processed, ok, reason, next_attempt_at), attempts, split_part(reason, ':', 1)) AS standing
    FROM events GROUP BY 2 ORDER BY 2
  `
).pipe(Effect.map((rows) => Object.fromEntries(rows.map(({ count, standing }) => [standing, count]))))

const allAre = (standing: string, count: number) =>
  until(standings, (found) => found[standing] === count && Object.keys(found).length === 1)

const messages = Effect.map(Log, ({ lines }) => lines.map(({ message }) => message))

describe("a crowded record", () => {
  it.live("costs one fetch, and each of its events is settled and told of", () => {
    const fetched: Array<string> = []
    const rentprog = Layer.effect(
      RentProg,
      RentProg.use((rentprog) =>
        Effect.succeed(
          RentProg.of({
            ...rentprog,
            fetch: (branch, key) => {
              fetched.push(keyText(key))
              return rentprog.fetch(branch, key)
            }
          })
        )
      )
    )
    return Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* putCar(1)
      yield* putCar(2)
      yield* insertMany(5000, 1, 2)
      yield* allAre("processed 1", 5000)
      assert.sameMembers(fetched, ["car:1", "car:2"])
      const told = yield* sql`
        SELECT entity_id, count(*)::int AS count, count(DISTINCT changes)::int AS changes
        FROM entity_timeline GROUP BY 1 ORDER BY 1
      `
      assert.deepStrictEqual<unknown>(told, [
        { entity_id: "1", count: 2500, changes: 2500 },
        { entity_id: "2", count: 2500, changes: 2500 }
      ])
      const said = yield* until(
        messages,
        (all) => all.filter((line) => line.startsWith("more events")).length === 2
      )
      const lines = said.filter((line) => line.includes("event"))
      assert.deepStrictEqual(
        lines.filter((line) => line.startsWith("more events")),
        Arr.replicate("more events of the record: 2490 processed", 2)
      )
      // The others are told of one by one.
      assert.strictEqual(lines.filter((line) => line === "event processed").length, 20)
    }).pipe(Effect.provide(world({ rentprog })))
  })

  it.live("that fails costs one fetch, and each event that was due has one attempt and waits as long", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      const sql = yield* PgClient.PgClient
      yield* simulator.fault(Fault.Status({ status: 422 }), { id: 1 })
      yield* insertMany(3000, 1)
      yield* allAre("waiting 1 rentprog_bad_response", 3000)
      assert.deepStrictEqual(yield* reads, ["/cars/1"])
      assert.lengthOf(yield* sql`SELECT DISTINCT next_attempt_at FROM events`, 1)
      assert.deepStrictEqual<unknown>(
        yield* sql`SELECT count(*)::int AS count FROM row_attempts WHERE attempt = 1`,
        [{ count: 3000 }]
      )
      // They come back together, and whoever has had the most attempts is parked first.
      yield* run(
        "UPDATE events SET revision = revision + 1, attempts = 19, next_attempt_at = now() WHERE id % 2 = 0",
        "UPDATE events SET revision = revision + 1, attempts = 2, next_attempt_at = now() WHERE id % 2 = 1"
      )
      yield* wake()
      yield* until(
        standings,
        (found) =>
          found["parked 20 rentprog_bad_response"] === 1500 &&
          found["waiting 3 rentprog_bad_response"] === 1500
      )
      assert.lengthOf(yield* reads, 2)
      yield* simulator.clearFaults
      yield* putCar(1)
      // A success settles those that wait as well.
      yield* insert(about("car_update", 1))
      yield* until(standings, (found) => found["processed 4"] === 1500 && found["processed 1"] === 1)
    }).pipe(Effect.provide(world()))
  )

  it.live("leaves what comes or is touched while it is fetched to another fetch", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* putCar(1)
      const letGo = yield* simulator.fault(Fault.Hang(), { id: 1 })
      yield* insertMany(2000, 1)
      yield* until(readsOf("/cars/1"), (count) => count === 1)
      yield* run("UPDATE events SET processed = false WHERE id IN (3, 1500)")
      yield* insert(about("car_update", 1), about("car_update", 1))
      yield* letGo
      yield* simulator.patch("car", 1, { note: "new" })
      // The one that hung is given up and made again.
      yield* allAre("processed 1", 2002)
      assert.strictEqual(yield* readsOf("/cars/1"), 3)
      assert.strictEqual((yield* mirror("car"))[0]?.data?.["note"], "new")
    }).pipe(Effect.provide(world({ patience: { callTimeout: "1 second" } })))
  )

  it.live("with a destruction among its events is destroyed, and nothing is fetched", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql.withTransaction(
        Effect.andThen(Effect.andThen(insertMany(50, 1), insert(about("car_destroy", 1))), insertMany(50, 1))
      )
      yield* allAre("processed 1", 101)
      assert.deepStrictEqual([yield* reads, (yield* mirror("car"))[0]?.deleted], [[], true])
    }).pipe(Effect.provide(world()))
  )

  it.live("is not believed gone while one of its events has attempts left", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const simulator = yield* Simulator
      yield* putCar(1)
      yield* insert(about("car_update", 1))
      yield* allAre("processed 1", 1)
      yield* simulator.destroy("car", 1)
      yield* sql.withTransaction(
        Effect.andThen(
          insertMany(40, 1),
          sql`UPDATE events SET revision = revision + 1, attempts = 4, next_attempt_at = now() - interval '1 second' WHERE id BETWEEN 2 AND 30`
        )
      )
      yield* until(
        standings,
        (found) => found["parked 5 rentprog_not_found"] === 29 && found["waiting 1 rentprog_not_found"] === 11
      )
      assert.isFalse((yield* mirror("car"))[0]?.deleted)
      yield* run(
        "UPDATE events SET revision = revision + 1, attempts = 4, next_attempt_at = now() WHERE attempts = 1 AND NOT processed"
      )
      yield* wake()
      yield* until(standings, (found) => found["parked 5 rentprog_not_found"] === 40)
      assert.isTrue((yield* mirror("car"))[0]?.deleted)
    }).pipe(Effect.provide(world()))
  )

  it.live("whose branch is paused in the middle of it loses nothing", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const branch = Branch.make("tbilisi")
      const tbilisi = (yield* BranchActor.BranchActor.client)(branch)
      const waitsForLock = sql`
        SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
      `
      yield* putCar(1)
      yield* insertMany(3000, 1)
      // A row of the last page takes its time.
      yield* run(
        `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql
          AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$`,
        "CREATE TRIGGER wait BEFORE UPDATE ON events FOR EACH ROW WHEN (OLD.id = 3000) EXECUTE FUNCTION wait()"
      )
      yield* whileOpen(
        "SELECT pg_advisory_xact_lock(1)",
        Effect.gen(function* () {
          yield* tbilisi.Wake(undefined, { discard: true })
          yield* until(waitsForLock, ({ length }) => length === 1)
          yield* run("INSERT INTO paused_branches (branch, paused_by) VALUES ('tbilisi', 'Anna')")
          yield* tbilisi.Wake()
        })
      )
      const { "pending 0": pending = 0, "processed 1": processed = 0 } = yield* standings
      assert.isTrue(pending > 0 && processed > 10 && pending + processed === 3000)
      yield* run("DELETE FROM paused_branches")
      yield* tbilisi.Wake()
      yield* allAre("processed 1", 3000)
      assert.lengthOf(yield* reads, 2)
    }).pipe(Effect.provide(actors))
  )
})

/** The branches' actors alone, with nobody to wake them but the test. */
const actors = BranchActor.layer.pipe(Layer.provideMerge(dependencies()), Layer.provideMerge(surroundings()))
