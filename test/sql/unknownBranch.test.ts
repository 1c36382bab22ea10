/** Events that name no branch: where it is looked for, and what tells it later. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, References } from "effect"
import { Events } from "../../src/database/Events.ts"
import { MostLookedUp } from "../../src/database/normaliseEvents.ts"
import { type EventRow, isPending, readEvents } from "../support/events.ts"
import { whileOpen } from "../support/history.ts"
import { run } from "../support/refusing.ts"
import { notifiedBy } from "../support/rows.ts"
import { guest, testDatabase } from "../support/TestDatabase.ts"

const fresh = run("TRUNCATE events, cars, clients, bookings, row_refusals")

interface New {
  readonly type?: string
  readonly ext_id?: string
  readonly company_id?: number
  readonly payload?: unknown
  readonly metadata?: unknown
}

/** Inserts an event that names no branch, and answers it as it stands then. */
const inserted = Effect.fnUntraced(function* ({ payload = {}, metadata = null, ...event }: New) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{ readonly id: string }>`
    INSERT INTO events (type, ext_id, company_id, payload, metadata) VALUES (
      ${event.type ?? "booking_update"}, ${event.ext_id ?? "5"}, ${event.company_id ?? null}, ${sql.json(payload)},
      ${sql.json(metadata)}
    ) RETURNING id::text
  `
  return yield* again(row?.id ?? "")
})

const again = Effect.fnUntraced(function* (id: string) {
  const [row] = yield* readEvents([id])
  if (row === undefined) return yield* Effect.die(`no row ${id}`)
  return row
})

/** As the service does when no branch has the record. */
const park = Effect.fnUntraced(function* ({ id }: EventRow) {
  const sql = yield* PgClient.PgClient
  yield* sql`
    UPDATE events SET revision = revision + 1, next_attempt_at = 'infinity', attempts = attempts + 1,
      reason = 'unknown_branch: asked tbilisi: none has it'
    WHERE id = ${id}::bigint
  `
})

const known = run(
  "INSERT INTO cars (rentprog_id, branch) VALUES ('7', 'kutaisi')",
  "INSERT INTO clients (rentprog_id, branch) VALUES ('8', 'batumi')"
)

const cases: ReadonlyArray<readonly [what: string, event: New, branch: string | null]> = [
  [
    "a company that is not known is none: the column's",
    { company_id: 9247, payload: { company_id: 4 } },
    "tbilisi"
  ],
  [
    "then the webhook's address",
    { payload: { company_id: 4, car_id: 7 }, metadata: { branch: "tbilisi" } },
    "tbilisi"
  ],
  [
    "the company comes before the address",
    { payload: { company_id: 9506 }, metadata: { branch: "tbilisi" } },
    "batumi"
  ],
  ["an invented code is no branch", { payload: { car_id: 7 }, metadata: { branch: "nowhere" } }, "kutaisi"],
  ["metadata that is no object", { payload: { car_id: 7 }, metadata: ["branch"] }, "kutaisi"],
  ["the booking's car", { payload: { car_id: [1, 7], client_id: 8 } }, "kutaisi"],
  ["the booking's client", { payload: { car_id: 1, client_id: "8" } }, "batumi"],
  ["a car's own car_id says nothing", { type: "car_update", payload: { car_id: 7 } }, null],
  ["nothing known", { payload: { company_id: 4, car_id: 1 }, metadata: { branch: "nowhere" } }, null]
]

const tests = Events.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("the branch of an event", (it) => {
  it.effect.each(cases)("%s", ([, event, branch]) =>
    Effect.gen(function* () {
      yield* fresh
      yield* known
      assert.strictEqual((yield* inserted(event)).branch, branch)
    })
  )

  it.effect("that nobody knows is asked for at once: the row is due and notified without a branch", () =>
    Effect.gen(function* () {
      yield* fresh
      const { payloads, result: row } = yield* notifiedBy(inserted({ payload: { company_id: 4 } }))
      assert.deepStrictEqual(payloads, [`${row.id}||booking_update|5`])
      assert.deepInclude(row, {
        ...{ branch: null, processed: false, ok: false, attempts: 0 },
        reason: "unknown_branch: not asked yet"
      })
      const sql = yield* PgClient.PgClient
      assert.deepStrictEqual<unknown>(
        yield* sql`
          SELECT events.next_attempt_at <= now() AS due,
            row_state(events.processed, events.ok, events.reason, events.next_attempt_at) AS state
          FROM events
        `,
        [{ due: true, state: "waiting" }]
      )
      // The sweep leaves it alone, and no branch's actor meets it.
      const events = yield* Events
      assert.strictEqual(yield* events.normaliseAgain, 0)
      assert.deepStrictEqual(yield* events.branchesDue, [])
    })
  )

  it.effect("a record that arrives has its parked events run again, and no others", () =>
    Effect.gen(function* () {
      yield* fresh
      const [one, car, other] = [
        yield* inserted({}),
        yield* inserted({ type: "car_update" }),
        yield* inserted({ ext_id: "6" })
      ]
      for (const row of [one, car, other]) yield* park(row)
      const sql = yield* PgClient.PgClient
      const { payloads } = yield* notifiedBy(
        sql`INSERT INTO bookings (rentprog_id, branch) VALUES ('5', 'batumi'), ('66', 'tbilisi')`
      )
      assert.deepStrictEqual(payloads, [`${one.id}|batumi|booking_update|5`])
      assert.isTrue(isPending(yield* again(one.id)))
      for (const { id } of [car, other]) assert.strictEqual((yield* again(id)).next_attempt_at, "infinity")
    })
  )

  it.effect("a record that arrives while somebody holds its event is written; the sweep runs the event", () =>
    Effect.gen(function* () {
      yield* fresh
      const events = yield* Events
      const row = yield* inserted({})
      yield* park(row)
      yield* whileOpen(
        `SELECT FROM events WHERE id = ${row.id} FOR UPDATE`,
        run("INSERT INTO bookings (rentprog_id, branch) VALUES ('5', 'batumi')")
      )
      assert.strictEqual((yield* again(row.id)).next_attempt_at, "infinity")
      assert.strictEqual(yield* events.normaliseAgain, 1)
      assert.isTrue(isPending(yield* again(row.id)))
      assert.strictEqual(yield* events.normaliseAgain, 0)
    })
  )

  it.effect("a sweep goes on where the last one stopped, and after the last event with the first", () =>
    Effect.gen(function* () {
      yield* fresh
      const events = yield* Events
      for (const ext_id of ["1", "2", "3", "4", "5"]) yield* park(yield* inserted({ ext_id }))
      const arriveUnheard = (id: string) =>
        run(
          "ALTER TABLE bookings DISABLE TRIGGER run_events_of_record_trigger",
          `INSERT INTO bookings (rentprog_id, branch) VALUES ('${id}', 'batumi')`,
          "ALTER TABLE bookings ENABLE TRIGGER run_events_of_record_trigger"
        )
      yield* arriveUnheard("4")
      assert.strictEqual(yield* events.normaliseAgain, 0)
      yield* arriveUnheard("1")
      const swept = yield* Effect.replicateEffect(events.normaliseAgain, 4)
      assert.deepStrictEqual(swept, [1, 0, 1, 0])
    }).pipe(Effect.provideService(MostLookedUp, 2))
  )

  it.effect("a table of records that somebody holds costs the sweep nothing but these", () =>
    Effect.gen(function* () {
      yield* fresh
      const events = yield* Events
      yield* park(yield* inserted({}))
      const count = yield* whileOpen("LOCK TABLE bookings IN ACCESS EXCLUSIVE MODE", events.normaliseAgain)
      assert.strictEqual(count, 0)
    }).pipe(Effect.provideService(References.MinimumLogLevel, "None"))
  )

  it.effect("an event that refuses its update keeps no record out", () =>
    Effect.gen(function* () {
      yield* fresh
      yield* park(yield* inserted({}))
      yield* run(
        "ALTER TABLE events ADD CONSTRAINT untouched CHECK (ext_id <> '5' OR reason LIKE 'unknown%') NOT VALID",
        "INSERT INTO bookings (rentprog_id, branch) VALUES ('5', 'batumi')",
        "ALTER TABLE events DROP CONSTRAINT untouched"
      )
    })
  )

  it.effect("a company that is added, or changed, has its events run again, whoever adds it", () =>
    Effect.gen(function* () {
      yield* fresh
      const rows = [
        yield* inserted({ payload: { company_id: 31001 } }),
        yield* inserted({ company_id: 31001 }),
        yield* inserted({ metadata: { branch: "port" } })
      ]
      const other = yield* inserted({ payload: { company_id: 31002 } })
      for (const row of [...rows, other]) yield* park(row)
      const { pool } = yield* guest("INSERT ON branches")
      yield* run("INSERT INTO branches (company_id, code) VALUES (31001, 'port')").pipe(Effect.provide(pool))
      for (const { id } of rows) assert.strictEqual((yield* again(id)).branch, "port")
      assert.strictEqual((yield* again(other.id)).next_attempt_at, "infinity")
      yield* run("INSERT INTO branches (company_id) VALUES (31002)")
      assert.isNull((yield* again(other.id)).branch)
      yield* run("UPDATE branches SET code = 'pier' WHERE company_id = 31002")
      assert.strictEqual((yield* again(other.id)).branch, "pier")
      yield* run("DELETE FROM branches WHERE company_id IN (31001, 31002)")
    })
  )
})
