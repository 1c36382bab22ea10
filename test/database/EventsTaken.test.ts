/** What a take gives of a row and what it leaves alone: rows of paused branches, and those that are the trigger's. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Array as Arr, Duration, Effect, Layer, References, Schema } from "effect"
import { Events } from "../../src/database/Events.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { PendingEvent } from "../../src/domain/Event.ts"
import { endRefusals, refusals, refuse, refuseNoMore, run } from "../support/refusing.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tbilisi = Branch.make("tbilisi")
const fresh = run("TRUNCATE events, row_refusals, paused_branches RESTART IDENTITY")

/** Writes events of tbilisi about these cars. */
const insert = Effect.fnUntraced(function* (...cars: ReadonlyArray<number>) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO events (branch, type, ext_id, payload)
    SELECT 'tbilisi', 'car_update', car.id, '{}' FROM unnest(${cars.map(String)}::text[]) AS car (id)
  `
})

const take = Effect.map(
  Events.use((events) => events.take(tbilisi, [])),
  (records) => records.flatMap(({ events }) => events)
)
const cars = Effect.map(take, (events) => events.map(({ ext_id }) => Number(ext_id)))

const settle = (event: PendingEvent) =>
  Events.use((events) =>
    events.settle({
      ...{ event, processed: true, reason: null, took: Duration.zero, retryIn: null },
      traceId: "0af7651916cd43dd8448eb211c80319c"
    })
  )

/** What somebody does to rows past the trigger. */
const pastTheTrigger = (...statements: ReadonlyArray<string>) =>
  run(
    "ALTER TABLE events DISABLE TRIGGER auto_process_event_trigger",
    ...statements,
    "ALTER TABLE events ENABLE TRIGGER auto_process_event_trigger"
  )

const quiet = Layer.succeed(References.MinimumLogLevel, "None")
const tests = Layer.mergeAll(Events.layer, quiet).pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("a row that is the trigger's", (it) => {
  const lock = "UPDATE events SET ok = false, reason = 'database_error: locked' WHERE events.id = 1"

  it.effect("is left to it where it could not be normalised", () =>
    Effect.gen(function* () {
      yield* fresh
      const events = yield* Events
      yield* insert(1, 2)
      yield* pastTheTrigger(lock)
      assert.deepStrictEqual(yield* cars, [2])
      assert.strictEqual(yield* events.normaliseAgain, 1)
      assert.deepStrictEqual(yield* cars, [1, 2])
      assert.strictEqual(yield* events.normaliseAgain, 0)
    })
  )

  it.effect("stops nobody where it came past the trigger, and is normalised or parked by the sweep", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const events = yield* Events
      yield* insert(1, 2, 3, 4)
      yield* pastTheTrigger(
        "UPDATE events SET revision = revision + 1, type = 'car_explode', attempts = 1 WHERE events.id = 1",
        "UPDATE events SET type = 'car.update', ext_id = ' 2 ' WHERE events.id = 2",
        "UPDATE events SET branch = NULL, ext_id = NULL, type = NULL WHERE events.id = 4"
      )
      assert.deepStrictEqual(yield* cars, [3])
      assert.strictEqual(yield* events.normaliseAgain, 3)
      assert.deepStrictEqual(yield* cars, [2, 3])
      const parked = yield* sql<{ readonly code: string }>`
        SELECT split_part(events.reason, ':', 1) AS code FROM events
        WHERE events.next_attempt_at = 'infinity' ORDER BY events.id
      `
      assert.deepStrictEqual(
        parked.map(({ code }) => code),
        ["unknown_event_type", "unknown_event_type"]
      )
    })
  )

  it.effect.each(["RAISE 'no';", "RETURN NULL;"])(
    "keeps none of the others from it where it refuses, and is left alone for a while: %s",
    (body) =>
      Effect.gen(function* () {
        yield* fresh
        const events = yield* Events
        yield* insert(...Arr.range(1, 30))
        yield* pastTheTrigger("UPDATE events SET ok = false, reason = 'database_error: locked'")
        yield* refuse("events", "NEW.ext_id = '2'", body)
        assert.deepStrictEqual(yield* cars, [])
        assert.strictEqual(yield* events.normaliseAgain, 29)
        assert.lengthOf(yield* cars, 29)
        assert.deepStrictEqual(
          (yield* refusals).map(({ attempts, id }) => [id, attempts]),
          [[2, 1]]
        )
        assert.strictEqual(yield* events.normaliseAgain, 0)
        assert.strictEqual((yield* refusals)[0]?.attempts, 1)
        yield* refuseNoMore
        yield* endRefusals
        assert.strictEqual(yield* events.normaliseAgain, 1)
        assert.deepStrictEqual(yield* refusals, [])
        assert.include(yield* cars, 2)
      })
  )
})

layer(tests, { excludeTestServices: true })("a row that a person touches", (it) => {
  it.effect("before its first attempt is over is left to the next one", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* insert(1)
      const [event] = yield* take
      assert.isDefined(event)
      yield* run("UPDATE events SET processed = false")
      yield* settle(event)
      const [again] = yield* take
      assert.deepInclude(again, { id: event.id, attempts: 0, due: true })
    })
  )
})

layer(tests, { excludeTestServices: true })("a paused branch", (it) => {
  it.effect("has nothing due until it is resumed; what is under way is settled", () =>
    Effect.gen(function* () {
      yield* fresh
      const events = yield* Events
      yield* insert(1, 2)
      const [event] = yield* take
      assert.isDefined(event)
      yield* run(
        "INSERT INTO paused_branches (branch, paused_by) VALUES ('tbilisi', 'Anna')",
        "INSERT INTO events (branch, type, payload) VALUES ('kutaisi', 'car_update', '{\"id\": 3}')"
      )
      assert.deepStrictEqual(yield* cars, [])
      assert.lengthOf(yield* events.take(Branch.make("kutaisi"), []), 1)
      yield* settle(event)
      yield* run("DELETE FROM paused_branches")
      assert.sameMembers<string>([...(yield* events.branchesDue)], ["kutaisi", "tbilisi"])
      assert.deepStrictEqual(yield* cars, [2])
    })
  )
})

layer(tests, { excludeTestServices: true })("the trace of its reception", (it) => {
  const traceparent = `00-${"7".padStart(32, "0")}-00000000000000ff-01`

  it.effect.each([
    { metadata: { traceparent }, expected: traceparent },
    { metadata: { traceparent: 7 }, expected: "7" },
    // What is no text may print as gigabytes.
    { metadata: { traceparent: [7] }, expected: "a JSON array" },
    { metadata: { traceparent: null }, expected: null },
    { metadata: { source: "webhook" }, expected: null },
    { metadata: "traceparent", expected: null },
    { metadata: ["traceparent"], expected: null }
  ])("comes with an event: %o", ({ expected, metadata }) =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      yield* sql`
        INSERT INTO events (branch, type, ext_id, payload, metadata)
        VALUES ('tbilisi', 'car_update', '1', '{}', ${JSON.stringify(metadata)}::text::jsonb)
      `
      const [event] = yield* take
      assert.strictEqual(event?.traceparent, expected)
      assert.isTrue(Schema.is(PendingEvent)(event))
    })
  )
})
