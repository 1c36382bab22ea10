/** Rows that arrive together share a statement, and none of them pays for another. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Ref, Result, Schedule } from "effect"
import { Inbox, type IncomingEntry, type IncomingEvent } from "../../src/database/Inbox.ts"
import { countStatements } from "../support/statements.ts"
import { pool, TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"

const traceId = "0af7651916cd43dd8448eb211c80319c"

const event = (body: string): IncomingEvent => ({
  receipt: crypto.randomUUID(),
  traceId,
  body,
  metadata: { source: "webhook" }
})

const about = (id: number | string) =>
  event(JSON.stringify({ event: "car_update", payload: { id, company_id: 9247 } }))

const entry = (description: string, raw = "{}"): IncomingEntry => ({
  receipt: crypto.randomUUID(),
  traceId,
  branch: "tbilisi",
  companyId: null,
  operationType: "update",
  operationId: "7",
  description,
  entityType: null,
  entityId: null,
  userName: null,
  createdAt: "2026-03-01T10:00:00.000Z",
  raw
})

const stored = Effect.fnUntraced(function* (table: "events" | "history", receipts: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const rows = yield* sql<{ readonly receipt: string }>`
    SELECT receipt FROM ${sql(table)} WHERE receipt = ANY (${receipts}::uuid[])
  `
  return rows.length
})

const receipts = (rows: ReadonlyArray<{ readonly receipt: string }>) => rows.map(({ receipt }) => receipt)

/** So many at once. */
const all = <A>(rows: ReadonlyArray<A>, receive: (row: A) => Effect.Effect<void, unknown>) =>
  Effect.forEach(rows, (row) => Effect.result(receive(row)), { concurrency: "unbounded" })

const failures = (results: ReadonlyArray<Result.Result<void, unknown>>) => results.filter(Result.isFailure)

/** A session that cuts others and is none of theirs. */
const knife = Layer.fresh(Layer.unwrap(TestDatabase.useSync(({ url }) => pool(url))))

layer(Inbox.layer.pipe(Layer.provideMerge(testDatabase)), { excludeTestServices: true })(
  "the inbox",
  (it) => {
    const numbers = `[${Array(10_000).fill("1e131071").join()}]`
    it.effect.each([
      ["event", `{"event": ${numbers}, "payload": {"id": 1}}`, "a JSON array"],
      ["event a number", `{"event": 1e131071, "payload": {"id": 1}}`, "a number of very many digits"],
      ["company", `{"event": "x", "company_id": {"a": ${numbers}}, "payload": {"id": 1}}`, "x"]
    ] as const)("keeps what would print as gigabytes: %s", ([, body, type]) =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const inbox = yield* Inbox
        const sent = event(body)
        yield* inbox.receiveEvent(sent)
        const rows = yield* sql`
          SELECT events.type, events.reason LIKE 'unknown_event_type%' AS told
          FROM events WHERE events.receipt = ${sent.receipt}::uuid
        `
        assert.deepStrictEqual<unknown>(rows, [{ type, told: true }])
      })
    )

    it.effect("writes rows that come together in few statements, each row once", () =>
      Effect.gen(function* () {
        const inbox = yield* Inbox
        const rows = Array.from({ length: 1000 }, (_, n) => about(n))
        const statements = yield* countStatements("INSERT", "events", all(rows, inbox.receiveEvent))
        assert.isAtMost(statements, 20)
        assert.strictEqual(yield* stored("events", receipts(rows)), 1000)
      })
    )

    it.effect("writes a row once, however often it is given the same receipt", () =>
      Effect.gen(function* () {
        const inbox = yield* Inbox
        const [row, entries] = [about(1), [entry("одно"), entry("другое")]]
        yield* all([row, row, row], inbox.receiveEvent)
        yield* inbox.receiveEvent(row)
        yield* all([entries, entries], inbox.receiveEntries)
        assert.strictEqual(yield* stored("events", [row.receipt]), 1)
        assert.strictEqual(yield* stored("history", receipts(entries)), 2)

        // Nor is an entry applied again, though the trigger comes before the table says that it is there.
        const sql = yield* PgClient.PgClient
        const payment = [
          { ...entry("Нина Ли создала платёж №88001, приход наличными 30.0USD"), operationId: null }
        ]
        for (let n = 0; n < 3; n += 1) yield* inbox.receiveEntries(payment)
        assert.lengthOf(yield* sql`SELECT FROM entity_timeline WHERE entity_id = '88001'`, 1)
      })
    )

    it.effect("writes an entry once and applies it once, though it is brought twice in one statement", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const inbox = yield* Inbox
        // Without a branch the ledger does not know it again.
        const sent = { ...entry("Нина Ли создала платёж №88002, приход наличными 30.0USD"), branch: null }
        yield* inbox.receiveEntries([sent, entry("другое"), sent])
        assert.strictEqual(yield* stored("history", [sent.receipt]), 1)
        assert.lengthOf(yield* sql`SELECT FROM entity_timeline WHERE entity_id = '88002'`, 1)
      })
    )

    it.effect("writes an entry once and applies it once, though two services bring it at the same time", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const another = Context.get(yield* Layer.build(Layer.fresh(Inbox.layer)), Inbox)
        const sent = { ...entry("Нина Ли создала платёж №88004, приход наличными 30.0USD"), branch: null }
        yield* sql`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0
          AS $$ BEGIN PERFORM pg_advisory_xact_lock_shared(88004); RETURN NULL; END $$`
        yield* sql`CREATE TRIGGER hold AFTER INSERT ON history FOR EACH ROW EXECUTE FUNCTION hold()`
        const waitFor = (kind: string) =>
          until(
            sql`SELECT FROM pg_locks WHERE pg_locks.locktype = ${kind} AND NOT pg_locks.granted`,
            ({ length }) => length > 0
          )
        const both = yield* sql.withTransaction(
          Effect.gen(function* () {
            yield* sql`SELECT pg_advisory_xact_lock(88004)`
            const one = yield* Effect.forkScoped(Inbox.use(({ receiveEntries }) => receiveEntries([sent])))
            yield* waitFor("advisory")
            const other = yield* Effect.forkScoped(another.receiveEntries([sent, entry("другое")]))
            yield* waitFor("transactionid")
            return [one, other]
          })
        )
        yield* Effect.forEach(both, Fiber.join)
        yield* sql`DROP FUNCTION hold() CASCADE`
        assert.strictEqual(yield* stored("history", [sent.receipt]), 1)
        assert.lengthOf(yield* sql`SELECT FROM entity_timeline WHERE entity_id = '88004'`, 1)
      }).pipe(Effect.scoped)
    )

    it.effect(
      "applies the entries of a post as they happened, though they come newest first, in several statements",
      () =>
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          const inbox = yield* Inbox
          yield* sql`INSERT INTO cars (rentprog_id, branch) VALUES ('88003', 'tbilisi')`
          const entries = Array.from({ length: 600 }, (_, n) => ({
            ...entry(`Иван Петров изменил , mileage с ${n} на ${n + 1} в авто № 88003`),
            operationId: String(7000 + n),
            createdAt: new Date(Date.UTC(2026, 2, 1, 10, 0, n)).toISOString()
          })).reverse()
          const statements = yield* countStatements("INSERT", "history", inbox.receiveEntries(entries))
          assert.isAbove(statements, 1)
          assert.deepStrictEqual(
            yield* sql`
            SELECT count(*)::int AS entries, max(cars.mileage)::int AS mileage FROM history, cars
            WHERE history.entity_id = '88003' AND history.processed AND history.reason IS NULL AND cars.rentprog_id = '88003'
          `,
            [{ entries: 600, mileage: 600 }]
          )
        })
    )

    it.effect(
      "keeps as text the one entry that PostgreSQL cannot hold, and those beside it as they are",
      () =>
        Effect.gen(function* () {
          const sql = yield* PgClient.PgClient
          const inbox = yield* Inbox
          const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
          const entries = Array.from({ length: 50 }, (_, n) => entry(`слово ${n}`, n === 17 ? deep : "{}"))
          yield* inbox.receiveEntries(entries)
          const rows = yield* sql<{ readonly description: string | null }>`
          SELECT description FROM history WHERE receipt = ANY (${receipts(entries)}::uuid[])
        `
          assert.deepStrictEqual(
            rows.map(({ description }) => description).sort(),
            entries.map(({ description }, n) => (n === 17 ? null : description)).sort()
          )
        })
    )

    it.effect("keeps as text what PostgreSQL cannot hold as JSON, and the rest as it is", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const inbox = yield* Inbox
        const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`
        const bad = [event('{"event":"car_update","payload":{"id":1,"name":"\\u0000"}}'), event(deep)]
        const good = Array.from({ length: 50 }, (_, n) => about(n))
        assert.lengthOf(failures(yield* all([...good, ...bad], inbox.receiveEvent)), 0)
        assert.strictEqual(yield* stored("events", receipts([...good, ...bad])), 52)
        const kept = yield* sql<{ readonly body: string; readonly parked: boolean }>`
        SELECT payload_received #>> '{}' AS body, next_attempt_at = 'infinity' AS parked
        FROM events WHERE receipt = ANY (${receipts(bad)}::uuid[]) ORDER BY length(payload::text)
      `
        assert.deepStrictEqual(
          kept.map(({ body, parked }) => [body, parked]),
          bad.map(({ body }) => [body, true])
        )

        const entries = [entry("как есть", deep)]
        yield* inbox.receiveEntries(entries)
        assert.strictEqual(yield* stored("history", receipts(entries)), 1)
      })
    )

    it.effect("keeps as text what the company's own table refuses, and the rest as it is", () =>
      Effect.gen(function* () {
        const sql = yield* PgClient.PgClient
        const inbox = yield* Inbox
        yield* sql`ALTER TABLE events ADD CONSTRAINT no_seven CHECK (ext_id <> '7') NOT VALID`
        const rows = Array.from({ length: 20 }, (_, n) => about(n))
        assert.lengthOf(failures(yield* all(rows, inbox.receiveEvent)), 0)
        const refused = yield* sql<{ readonly receipt: string; readonly body: string }>`
        SELECT receipt, payload_received #>> '{}' AS body
        FROM events WHERE receipt = ANY (${receipts(rows)}::uuid[]) AND ext_id IS NULL
      `
        assert.deepStrictEqual(refused, [{ receipt: rows[7]?.receipt ?? "", body: rows[7]?.body ?? "" }])

        // Where nothing at all may come in, nobody is told that it has.
        yield* sql`ALTER TABLE events ADD CONSTRAINT nothing CHECK (false) NOT VALID`
        assert.lengthOf(
          failures(
            yield* all(
              rows.slice(0, 3).map(() => about(1)),
              inbox.receiveEvent
            )
          ),
          3
        )
        yield* sql`ALTER TABLE events DROP CONSTRAINT no_seven, DROP CONSTRAINT nothing`
      })
    )

    it.effect("writes each row once, though its connections are cut again and again", () =>
      Effect.gen(function* () {
        const inbox = yield* Inbox
        const rows: Array<IncomingEvent> = []
        const cuts = yield* Ref.make(0)
        // Only what is at work: some of it will have been committed, some not.
        const cut = PgClient.PgClient.use(
          (sql) => sql`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()
        `
        ).pipe(
          Effect.flatMap((cut) => Ref.update(cuts, (n) => n + cut.length)),
          // Rarer and rarer: on a slow machine nothing would be done within any fixed time.
          Effect.repeat(Schedule.exponential("20 millis", 1.2))
        )
        const cutting = yield* Effect.forkScoped(Effect.provide(cut, knife))
        const some = Effect.suspend(() => {
          const more = Array.from({ length: 1000 }, (_, n) => about(n))
          rows.push(...more)
          return Effect.forEach(more, (row) => inbox.receiveEvent(row), { concurrency: 50 })
        })
        // A quick machine may be through before the first cut.
        yield* Effect.repeat(some, { until: () => Ref.getUnsafe(cuts) > 0 })
        yield* Fiber.interrupt(cutting)
        // The last cuts may show only now: a connection of the pool each.
        const written = yield* Effect.retry(stored("events", receipts(rows)), { times: 10 })
        assert.strictEqual(written, rows.length)
      }).pipe(Effect.scoped)
    )
  }
)
