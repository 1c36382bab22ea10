import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Schema } from "effect"
import { Events } from "../../src/database/Events.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { EventId, eventTypes, PendingEvent } from "../../src/domain/Event.ts"
import { insertEvents, type NewEvent, readEvents } from "../support/events.ts"
import { countStatements } from "../support/statements.ts"
import { testDatabase } from "../support/TestDatabase.ts"

let branchesUsed = 0
/** A branch that no other test knows. */
const newBranch = () => Branch.make(`branch-${++branchesUsed}`)

const inserted = Effect.fnUntraced(function* (branch: Branch, events: ReadonlyArray<NewEvent>) {
  const rows = yield* insertEvents(events.map((event) => ({ branch, payload: {}, ...event })))
  return rows.map(({ id }) => EventId.make(id))
})
const carUpdates = (branch: Branch, ids: ReadonlyArray<string>) =>
  inserted(
    branch,
    ids.map((ext_id) => ({ type: "car_update", ext_id }))
  )

/** What is taken, as `ext_id` in the order in which it is, those in brackets that are not due themselves. */
const taken = Effect.fnUntraced(function* (branch: Branch, except: ReadonlyArray<string> = []) {
  const events = yield* Events
  return (yield* events.take(branch, except)).flatMap((record) =>
    record.events.map(({ due, ext_id }) => (due ? ext_id : `(${ext_id})`))
  )
})

/** The row as `take` would give it now. */
const asTaken = Effect.fnUntraced(function* (id: EventId | undefined) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql`
    SELECT events.id::text, events.branch, events.type, events.ext_id, events.attempts, true AS due, null AS traceparent,
      to_jsonb(now()) #>> '{}' AS taken_at
    FROM events WHERE events.id = ${id ?? ""}::bigint
  `
  return yield* Schema.decodeUnknownEffect(PendingEvent)(row)
})

const attempt = { traceId: "0af7651916cd43dd8448eb211c80319c", took: Duration.zero }

const settle = Effect.fnUntraced(function* (
  id: EventId | undefined,
  reason: string | null,
  retryIn: Duration.Duration | null
) {
  const events = yield* Events
  const event = yield* asTaken(id)
  return yield* events.settle({ ...attempt, event, processed: reason === null, reason, retryIn })
})
const waits = (id: EventId | undefined) => settle(id, "rentprog_timeout: slow", Duration.hours(1))

const readOne = Effect.fnUntraced(function* (id: EventId | undefined) {
  const [row] = yield* readEvents(id === undefined ? [] : [id])
  assert.isDefined(row)
  return row
})

const tests = Events.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("Events.take", (it) => {
  it.effect("gives what the trigger left, of every type", () =>
    Effect.gen(function* () {
      const events = yield* Events
      const branch = newBranch()
      const ids = yield* inserted(
        branch,
        eventTypes.map((type, n) => ({ type, ext_id: String(n) }))
      )
      const taken = yield* events.take(branch, [])
      const taken_at = taken[0]?.events[0].taken_at
      assert.deepStrictEqual<unknown>(
        taken,
        eventTypes.map((type, n) => ({
          branch,
          record: { entityType: type.split("_")[0], entityId: String(n) },
          events: [
            {
              id: ids[n],
              branch,
              type,
              ext_id: String(n),
              attempts: 0,
              due: true,
              traceparent: null,
              taken_at
            }
          ],
          crowded: [],
          leastAttempts: 0,
          upTo: ids.at(-1)
        }))
      )
    })
  )

  it.effect("oldest first", () =>
    Effect.gen(function* () {
      const branch = newBranch()
      yield* carUpdates(branch, ["3", "1", "2"])
      yield* carUpdates(branch, ["5", "4"])
      assert.deepStrictEqual(yield* taken(branch), ["3", "1", "2", "5", "4"])
    })
  )

  it.effect("the longest due come first, where there are more than it takes at once", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const branch = newBranch()
      const ids = yield* carUpdates(
        branch,
        Array.from({ length: 1500 }, (_, n) => String(n))
      )
      const last = ids.slice(-10)
      // An attempt each, so that it is the service's own book-keeping: these have waited for an hour.
      yield* sql`UPDATE events SET revision = revision + 1, attempts = 1, next_attempt_at = now() - interval '1 hour'
        WHERE id = ANY (${last}::bigint[])`
      const first = yield* taken(branch)
      assert.isBelow(first.length, 1500)
      assert.includeMembers(
        first,
        Array.from({ length: 10 }, (_, n) => String(1490 + n))
      )
      const rest: Array<string> = []
      while (true) {
        const more = yield* taken(
          branch,
          [...first, ...rest].map((id) => `car:${id}`)
        )
        if (more.length === 0) break
        rest.push(...more)
      }
      assert.strictEqual(new Set([...first, ...rest]).size, 1500)
      assert.strictEqual(first.length + rest.length, 1500)
    })
  )

  it.effect("with a due event comes all that waits for its record, and nothing that waits for another", () =>
    Effect.gen(function* () {
      const branch = newBranch()
      const [, waiting, other, , , parked, done] = yield* inserted(branch, [
        { type: "car_create", ext_id: "1" },
        { type: "car_update", ext_id: "1" },
        { type: "car_update", ext_id: "2" },
        { type: "client_update", ext_id: "1" },
        { type: "car_destroy", ext_id: "1" },
        { type: "car_update", ext_id: "1" },
        { type: "car_update", ext_id: "1" }
      ])
      yield* waits(waiting)
      yield* waits(other)
      yield* settle(parked, "rentprog_not_found: spent", null)
      yield* settle(done, null, null)
      assert.deepStrictEqual(yield* taken(branch), ["1", "(1)", "1", "1"])
      assert.deepStrictEqual(yield* taken(branch, ["car:1"]), ["1"])
      assert.deepStrictEqual(yield* taken(branch, ["client:1"]), ["1", "(1)", "1"])
      assert.deepStrictEqual(yield* taken(branch, ["client:1", "car:1"]), [])
      assert.deepStrictEqual(yield* taken(branch, ["car:11", "booking:1"]), ["1", "(1)", "1", "1"])
    })
  )

  it.effect("waiting alone, parked, done and other branches' rows are not taken", () =>
    Effect.gen(function* () {
      const events = yield* Events
      const branch = newBranch()
      const elsewhere = newBranch()
      const [waiting, parked, done] = yield* carUpdates(branch, ["1", "2", "3"])
      yield* carUpdates(elsewhere, ["1"])
      yield* inserted(branch, [{ type: "car_update", ext_id: "no|id" }])
      yield* waits(waiting)
      yield* settle(parked, "rentprog_not_found: spent", null)
      yield* settle(done, null, null)
      assert.deepStrictEqual(yield* taken(branch), [])
      assert.deepStrictEqual(yield* taken(elsewhere), ["1"])
      const due = yield* events.branchesDue
      assert.include(due, elsewhere)
      assert.notInclude(due, branch)
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO paused_branches (branch, paused_by) VALUES (${branch}, 'Anna')`
      assert.include(yield* events.branchesDue, branch)
      yield* sql`DELETE FROM paused_branches WHERE branch = ${branch}`
      yield* settle(waiting, "rentprog_timeout: slow", Duration.zero)
      assert.deepStrictEqual(yield* taken(branch), ["1"])
      assert.include(yield* events.branchesDue, branch)
    })
  )
})

layer(tests, { excludeTestServices: true })("Events.settle", (it) => {
  it.effect("done", () =>
    Effect.gen(function* () {
      const [id] = yield* carUpdates(newBranch(), ["1"])
      const before = yield* readOne(id)
      yield* waits(id)
      yield* settle(id, null, null)
      const row = yield* readOne(id)
      assert.instanceOf(row.processed_at, Date)
      const done = {
        ...{ processed: true, ok: true, reason: null },
        ...{ attempts: 2, next_attempt_at: null, revision: 2 }
      }
      assert.deepStrictEqual(row, { ...before, ...done, processed_at: row.processed_at })
    })
  )

  it.effect("waiting", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [id] = yield* carUpdates(newBranch(), ["1"])
      const before = yield* readOne(id)
      yield* settle(id, "rentprog_timeout: slow", Duration.minutes(90))
      const row = yield* readOne(id)
      const waiting = { ok: false, reason: "rentprog_timeout: slow", attempts: 1, revision: 1 }
      assert.deepStrictEqual(row, { ...before, ...waiting, next_attempt_at: row.next_attempt_at })
      // The transaction's now lies between the row's own and the present.
      const soon = yield* sql`SELECT FROM events WHERE id = ${row.id}::bigint
        AND next_attempt_at BETWEEN ts + interval '90 minutes' AND now() + interval '90 minutes'`
      assert.strictEqual(soon.length, 1)
    })
  )

  it.effect("parked", () =>
    Effect.gen(function* () {
      const [id] = yield* carUpdates(newBranch(), ["1"])
      const before = yield* readOne(id)
      yield* settle(id, "rentprog_not_found: spent", null)
      const parked = {
        ok: false,
        reason: "rentprog_not_found: spent",
        attempts: 1,
        revision: 1,
        next_attempt_at: "infinity"
      }
      assert.deepStrictEqual(yield* readOne(id), { ...before, ...parked })
    })
  )

  it.effect("a row that was done meanwhile stays done", () =>
    Effect.gen(function* () {
      const [id] = yield* carUpdates(newBranch(), ["1"])
      yield* settle(id, null, null)
      const before = yield* readOne(id)
      yield* waits(id)
      yield* settle(id, null, null)
      assert.deepStrictEqual(yield* readOne(id), before)
    })
  )

  it.effect.each([
    "processed = false, attempts = 0",
    "ext_id = '2', attempts = attempts",
    "branch = 'batumi'",
    "type = 'car_destroy'"
  ])("a row that a person touched meanwhile is left to the next attempt: %s", (touch) =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const events = yield* Events
      const [id] = yield* carUpdates(newBranch(), ["1"])
      yield* waits(id)
      const event = yield* asTaken(id)
      yield* sql.unsafe(`UPDATE events SET ${touch} WHERE id = ${id}`)
      const touched = yield* readOne(id)
      const outcome = { ...attempt, event, retryIn: null }
      const reason = "rentprog_not_found: spent"
      assert.strictEqual(yield* events.settle({ ...outcome, processed: true, reason: null }), "touched")
      assert.strictEqual(yield* events.settle({ ...outcome, processed: false, reason }), "touched")
      assert.deepStrictEqual(yield* readOne(id), touched)
    })
  )

  it.effect(
    "a row that is touched in a transaction which began before it was taken is left to the next attempt",
    () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const events = yield* Events
        const [id] = yield* carUpdates(newBranch(), ["1"])
        const [began, taken] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const touching = yield* Effect.forkChild(
          sql.withTransaction(
            Effect.gen(function* () {
              yield* sql`SELECT now()`
              yield* Deferred.succeed(began, undefined)
              yield* Deferred.await(taken)
              yield* sql`UPDATE events SET processed = false WHERE events.id = ${id ?? ""}::bigint`
            })
          )
        )
        yield* Deferred.await(began)
        const event = yield* asTaken(id)
        yield* Deferred.succeed(taken, undefined)
        yield* Fiber.join(touching)
        const outcome = { ...attempt, event, processed: true, reason: null, retryIn: null }
        assert.strictEqual(yield* events.settle(outcome), "touched")
        assert.isFalse((yield* readOne(id)).processed)
      })
  )

  it.effect("a thousand outcomes at once make a few statements", () =>
    Effect.gen(function* () {
      const ids = yield* carUpdates(
        newBranch(),
        Array.from({ length: 1000 }, (_, n) => String(n))
      )
      const statements = yield* countStatements(
        "UPDATE",
        "events",
        Effect.forEach(ids, (id) => settle(id, null, null), { concurrency: "unbounded" })
      )
      assert.isTrue((yield* readEvents(ids)).every(({ processed }) => processed))
      assert.isAtLeast(statements, 1)
      assert.isBelow(statements, ids.length / 4)
    })
  )

  it.effect.each([
    ["NUL", "a\0b", "ab"],
    ["half a character", "x\ud83d", "x\ufffd"],
    ["a quote and a backslash", "'\"\\", "'\"\\"]
  ])("a reason with %s in it is written down", ([, reason, written]) =>
    Effect.gen(function* () {
      const [id] = yield* carUpdates(newBranch(), ["1"])
      yield* settle(id, `rentprog_bad_response: ${reason}`, null)
      assert.strictEqual((yield* readOne(id)).reason, `rentprog_bad_response: ${written}`)
    })
  )
})
