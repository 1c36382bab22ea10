/** Rows of events that refuse to be updated, because a company has something of its own on the table. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer, Logger, Predicate, References, Result } from "effect"
import { Events } from "../../src/database/Events.ts"
import type { Settled } from "../../src/database/settleEvents.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { whileOpen } from "../support/history.ts"
import { endRefusals, refusals, refuse, refuseNoMore, run } from "../support/refusing.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tbilisi = Branch.make("tbilisi")

const fresh = run("TRUNCATE events, row_attempts, row_refusals, entity_timeline RESTART IDENTITY")

/** Writes events of tbilisi about these cars. */
const insert = Effect.fnUntraced(function* (...cars: ReadonlyArray<number>) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO events (branch, type, ext_id, payload)
    SELECT 'tbilisi', 'car_update', car.id, '{"note": ["+995 555 123456", "x"]}' FROM unnest(${cars.map(String)}::text[]) AS car (id)
  `
})

/** The cars that are due in tbilisi. */
const due = Effect.gen(function* () {
  const events = yield* Events
  const taken = yield* events.take(tbilisi, [])
  return taken.map(({ record }) => Number(record.entityId))
})

/** Takes what is due and settles all of it: well, or with a reason. */
const settle = Effect.fnUntraced(function* (reason: string | null = null) {
  const events = yield* Events
  const taken = (yield* events.take(tbilisi, [])).flatMap((record) => record.events)
  return yield* Effect.forEach(
    taken,
    (event) =>
      Effect.result(
        events.settle({
          ...{ event, reason, took: Duration.zero, retryIn: Duration.hours(1) },
          processed: reason === null,
          traceId: "0af7651916cd43dd8448eb211c80319c"
        })
      ),
    { concurrency: "unbounded" }
  )
})

const sayStanding = (settled: Settled) =>
  Predicate.isString(settled) ? settled : (settled.reason ?? "processed")
const standings = Effect.map(settle(), (all) =>
  all.map(Result.map(sayStanding)).map(Result.getOrElse(() => "failed"))
)

interface Row {
  readonly car: number
  readonly processed: boolean
  readonly reason: string | null
  readonly attempts: number
  readonly is_due: boolean
}
const rows = PgClient.PgClient.use(
  (sql) => sql<Row>`
    SELECT events.ext_id::int AS car, events.processed, events.reason, events.attempts,
      coalesce(events.next_attempt_at <= now(), false) AS is_due
    FROM events ORDER BY events.id
  `
)

/** What refuses the row about car 2. */
const ofCar2 = (body: string) => refuse("events", "NEW.ext_id = '2'", body)

const obstacles = [
  {
    what: "a trigger that raises",
    put: ofCar2("RAISE 'row % stays', NEW.payload;"),
    away: refuseNoMore,
    why: /^an error \(P0001\) in PL\/pgSQL function .*refuse\(\) line \d+ at RAISE$/
  },
  {
    what: "a trigger that raises as a constraint would",
    put: ofCar2("RAISE 'row % stays', NEW.payload USING ERRCODE = 'check_violation';"),
    away: refuseNoMore,
    why: /^an error \(23514\) in PL\/pgSQL function .*refuse\(\) line \d+ at RAISE$/
  },
  {
    what: "a trigger whose own statement fails over a value",
    put: ofCar2("PERFORM (NEW.payload ->> 'note')::int;"),
    away: refuseNoMore,
    why: /^an error \(22P02\) in PL\/pgSQL function .*refuse\(\) line \d+ at PERFORM$/
  },
  {
    what: "a trigger that lets nothing through",
    put: ofCar2("RETURN NULL;"),
    away: refuseNoMore,
    why: /^the update has no effect: a trigger or a policy of the table suppresses it$/
  },
  {
    what: "a constraint that no update passes",
    put: run("ALTER TABLE events ADD CONSTRAINT untouched CHECK (ext_id <> '2' OR attempts = 0)"),
    away: run("ALTER TABLE events DROP CONSTRAINT untouched"),
    why: /^new row for relation "events" violates check constraint "untouched" \(23514\)$/
  }
]

const quietly = Layer.succeed(References.MinimumLogLevel, "None")
const tests = Layer.mergeAll(Events.layer, quietly).pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("a row that refuses every update", (it) => {
  it.effect.each(obstacles)(
    "waits outside of itself, and its neighbours do not: $what",
    ({ away, put, why }) =>
      Effect.gen(function* () {
        yield* fresh
        const events = yield* Events
        yield* put
        yield* insert(1, 2, 3)
        assert.deepStrictEqual(yield* standings, ["processed", "refused", "processed"])
        const [refusal, ...others] = yield* refusals
        assert.isDefined(refusal)
        assert.deepInclude(refusal, { source: "event", id: 2, attempts: 1, wait: 30 })
        assert.deepStrictEqual(others, [])
        assert.match(refusal.why, why)
        assert.deepStrictEqual((yield* rows)[1], {
          ...{ car: 2, processed: false, reason: null, attempts: 0, is_due: true }
        })
        // Nobody fetches its record for it, however often somebody looks.
        assert.deepStrictEqual(yield* due, [])
        assert.deepStrictEqual(yield* events.refusing, { count: 1, why: refusal.why })

        yield* away
        yield* endRefusals
        assert.include(yield* due, 2)
        assert.include(yield* standings, "processed")
        assert.isTrue((yield* rows).every(({ processed }) => processed))
        assert.deepStrictEqual(yield* refusals, [])
        assert.deepStrictEqual(yield* events.refusing, { count: 0, why: null })
      })
  )

  it.effect("is tried again after 30 s, doubling, to 1 h, and never parked", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* ofCar2("RAISE 'no';")
      yield* insert(2)
      const waits: Array<number> = []
      for (let attempt = 1; attempt <= 25; attempt += 1) {
        yield* settle("rentprog_timeout: slow")
        const [refusal] = yield* refusals
        assert.strictEqual(refusal?.attempts, attempt)
        waits.push(refusal?.wait ?? 0)
        yield* endRefusals
      }
      assert.deepStrictEqual(waits.slice(0, 9), [30, 60, 120, 240, 480, 960, 1920, 3600, 3600])
      assert.isTrue(waits.slice(9).every((wait) => wait === 3600))
      yield* refuseNoMore
    })
  )

  it.effect("is told of once for an attempt, with nothing that stands in it", () => {
    const lines: Array<string> = []
    const logger = Logger.make<unknown, void>(({ message }) => {
      lines.push([message].flat().map(String).join(" "))
    })
    return Effect.gen(function* () {
      yield* fresh
      const events = yield* Events
      yield* ofCar2("RAISE 'row % stays', NEW.payload;")
      yield* insert(2, 1, 2, 2)
      yield* standings
      yield* events.take(tbilisi, [])
      yield* events.refusing
      const said =
        /^3 rows of events refuse to be updated: an error \(P0001\) in PL\/pgSQL function .*refuse\(\) line \d+ at RAISE; see row_refusals$/
      assert.deepStrictEqual([lines.length, said.test(lines[0] ?? "")], [1, true], lines.join("\n"))
      assert.notInclude((yield* refusals).map(({ why }) => why).join(), "995")
      yield* refuseNoMore
    }).pipe(Effect.provide([Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "All")]))
  })

  it.effect("is forgotten when somebody else has done it, or removed it", () =>
    Effect.gen(function* () {
      yield* fresh
      const events = yield* Events
      yield* ofCar2("RAISE 'no';")
      yield* insert(2, 2, 2)
      yield* standings
      assert.strictEqual((yield* events.refusing).count, 3)
      yield* refuseNoMore
      yield* run("UPDATE events SET processed = true WHERE events.id = 1")
      yield* run("DELETE FROM events WHERE events.id = 2")
      assert.strictEqual((yield* events.refusing).count, 1)
      assert.deepStrictEqual(
        (yield* refusals).map(({ id }) => id),
        [3]
      )
    })
  )
})

layer(tests, { excludeTestServices: true })("a row that refuses to be done", (it) => {
  it.effect("says that it failed, and waits and is parked as others are", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* run("ALTER TABLE events ADD CONSTRAINT never_done CHECK (ext_id <> '2' OR NOT processed)")
      yield* insert(1, 2, 3)
      const reason = 'database_error: new row for relation "events" violates check constraint "never_done"'
      assert.deepStrictEqual(yield* standings, ["processed", reason, "processed"])
      assert.deepStrictEqual((yield* rows)[1], {
        car: 2,
        processed: false,
        reason,
        attempts: 1,
        is_due: false
      })
      assert.deepStrictEqual([yield* refusals, yield* due], [[], []])
      yield* run(
        "UPDATE events SET revision = revision + 1, attempts = 19, next_attempt_at = now() WHERE events.id = 2"
      )
      assert.deepStrictEqual(yield* standings, [reason])
      const sql = yield* PgClient.PgClient
      assert.lengthOf(yield* sql`SELECT FROM events WHERE events.next_attempt_at = 'infinity'`, 1)
      yield* run("ALTER TABLE events DROP CONSTRAINT never_done")
      yield* run("UPDATE events SET processed = false WHERE events.id = 2")
      assert.deepStrictEqual(yield* standings, ["processed"])
    })
  )
})

layer(tests, { excludeTestServices: true })("a column too narrow for a reason", (it) => {
  it.effect("keeps no row from being done, and rows that fail wait outside of themselves", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* run("ALTER TABLE events ALTER COLUMN reason TYPE varchar(10)")
      yield* insert(1)
      yield* settle("rentprog_timeout: slow")
      const [refusal] = yield* refusals
      assert.strictEqual(refusal?.why, "value too long for type character varying(10) (22001)")
      assert.deepStrictEqual(yield* due, [])
      yield* endRefusals
      assert.deepStrictEqual(yield* standings, ["processed"])
      assert.deepStrictEqual(yield* refusals, [])
    })
  )
})

layer(tests, { excludeTestServices: true })("a column of a wider type", (it) => {
  it.effect("reads like Jarvis's own", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* run("ALTER TABLE events ALTER COLUMN attempts TYPE bigint")
      yield* insert(1, 2)
      assert.deepStrictEqual([yield* standings, yield* refusals], [["processed", "processed"], []])
    })
  )
})

layer(tests, { excludeTestServices: true })("a row that somebody holds", (it) => {
  it.effect("is not to blame: it stays due, and its neighbours are settled", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* insert(1, 2, 3)
      const held = yield* whileOpen("SELECT FROM events WHERE events.id = 2 FOR UPDATE", standings)
      assert.deepStrictEqual(held, ["processed", "locked", "processed"])
      assert.deepStrictEqual([yield* refusals, yield* due], [[], [2]])
    })
  )
})
