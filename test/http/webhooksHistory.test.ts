/** What is posted of the operations log becomes rows, whatever it is. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Schema } from "effect"
import { until } from "../support/tables.ts"
import { post, server } from "./server.ts"

const Answer = Schema.fromJsonString(Schema.Struct({ receipts: Schema.Array(Schema.String) }))

const Row = Schema.Struct({
  branch: Schema.NullOr(Schema.String),
  company: Schema.NullOr(Schema.String),
  operation_type: Schema.NullOr(Schema.String),
  operation_id: Schema.NullOr(Schema.String),
  description: Schema.NullOr(Schema.String),
  entity_type: Schema.NullOr(Schema.String),
  entity_id: Schema.NullOr(Schema.String),
  user_name: Schema.NullOr(Schema.String),
  created_at: Schema.NullOr(Schema.Number),
  raw_data: Schema.Json,
  code: Schema.NullOr(Schema.String)
})

/** Posts, and answers the rows that came of it, in the order of their receipts. */
const received = Effect.fnUntraced(function* (body: unknown, query = "") {
  const sql = yield* PgClient.PgClient
  const { status, text } = yield* post(`/webhooks/history${query}`, JSON.stringify(body))
  assert.strictEqual(status, 200, text)
  const { receipts } = yield* Schema.decodeUnknownEffect(Answer)(text)
  const rows = yield* sql`
    SELECT branch, company_id::text AS company, operation_type, operation_id, description, entity_type, entity_id,
      user_name, extract(epoch FROM created_at)::float8 AS created_at, raw_data, split_part(reason, ':', 1) AS code
    FROM history WHERE receipt = ANY (${receipts}::uuid[])
    ORDER BY array_position(${receipts}::uuid[], receipt)
  `
  assert.strictEqual(rows.length, receipts.length)
  return yield* Schema.decodeUnknownEffect(Schema.Array(Row))(rows)
})

const entry = {
  id: 9001,
  branch: "tbilisi",
  operation_type: "update",
  description: "Нина Ли изменила бронь № 514142",
  entity_type: "booking",
  entity_id: 514142,
  user_name: "Нина Ли",
  created_at: "2026-03-01T10:00:00+04:00"
}

const total = Effect.map(
  PgClient.PgClient.use((sql) => sql`SELECT FROM history`),
  ({ length }) => length
)

layer(server(), { excludeTestServices: true })("an entry of the log", (it) => {
  it.effect("is stored field by field, and whole", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* received(entry), [
        {
          ...{ branch: "tbilisi", company: null, operation_type: "update", operation_id: "9001" },
          ...{ description: entry.description, entity_type: "booking", entity_id: "514142" },
          ...{ user_name: "Нина Ли", created_at: Date.parse("2026-03-01T06:00:00Z") / 1000, raw_data: entry },
          code: "entity_not_found"
        }
      ])
    })
  )

  it.effect("may hold its fields under attributes, and come with others", () =>
    Effect.gen(function* () {
      const { id, ...attributes } = entry
      const rows = yield* received([
        { id: 1, attributes: { ...attributes, description: "раз" } },
        { ...entry, id: 2 }
      ])
      assert.deepStrictEqual(
        rows.map(({ branch, description, operation_id }) => [operation_id, branch, description]),
        [
          ["1", "tbilisi", "раз"],
          ["2", "tbilisi", entry.description]
        ]
      )
      assert.deepStrictEqual(yield* received([]), [])
    })
  )

  it.effect("that names no branch is of the address's, or of its company's", () =>
    Effect.gen(function* () {
      const { branch: _, ...rest } = entry
      const [own] = yield* received(entry, "?branch=batumi")
      const [given] = yield* received(rest, "?branch=batumi")
      const [company] = yield* received({ ...rest, company_id: 9248 })
      assert.deepStrictEqual([own?.branch, given?.branch, company?.branch], ["tbilisi", "batumi", "kutaisi"])
    })
  )

  it.effect("is applied", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [row] = yield* received({
        branch: "tbilisi",
        description: "Нина Ли создала платёж №77001, приход наличными 30.0USD"
      })
      assert.strictEqual(row?.code, null)
      assert.deepStrictEqual(
        yield* sql`SELECT amount::float8, currency FROM payments WHERE rentprog_id = '77001'`,
        [{ amount: 30, currency: "USD" }]
      )
    })
  )

  it.effect("whose time does not read has none; one without any was made now", () =>
    Effect.gen(function* () {
      const { created_at: _, ...rest } = entry
      const [unread, none] = yield* received([{ ...rest, created_at: "31-02-2026 10:00" }, rest])
      assert.strictEqual(unread?.created_at, null)
      assert.isAbove(none?.created_at ?? 0, Date.parse("2026-03-01") / 1000)
    })
  )

  it.effect.each([
    ["Нина Ли создала платёж №77002, приход наличными 30.0USD", null],
    [
      { created_at: "31-02-2026 10:00", description: "Нина Ли создала платёж №77003, приход наличными 1USD" },
      null
    ],
    ["слова", "unparsed_description"],
    [{ description: ["список"] }, "empty_description"],
    [{}, "empty_description"],
    [7, "empty_description"],
    [null, "empty_description"],
    [[[[]]], "empty_description"]
  ] as const)("is stored whatever it is: %j", ([sent, code]) =>
    Effect.gen(function* () {
      const [row] = yield* received(Array.isArray(sent) ? sent : [sent], "?branch=tbilisi")
      assert.strictEqual(row?.code, code)
    })
  )

  it.effect("is stored even where it is nested too deep to be read", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { status, text } = yield* post("/webhooks/history", `${"[".repeat(60_000)}${"]".repeat(60_000)}`)
      assert.strictEqual(status, 200, text)
      const { receipts } = yield* Schema.decodeUnknownEffect(Answer)(text)
      assert.lengthOf(yield* sql`SELECT FROM history WHERE receipt = ANY (${receipts}::uuid[])`, 1)
    })
  )

  it.effect("comes with many others at once, and again: each is there once, under the same receipt", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const posts = Array.from({ length: 16 }, (_, post) =>
        JSON.stringify(
          Array.from({ length: 60 }, (_, n) => ({
            ...entry,
            id: 100_000 + post * 60 + n,
            description: "слова"
          }))
        )
      )
      const burst = Effect.forEach(posts, (body) => post("/webhooks/history", body), {
        concurrency: "unbounded"
      })
      const first = yield* burst
      assert.deepStrictEqual([...new Set(first.map(({ status }) => status))], [200])
      assert.deepStrictEqual(
        (yield* burst).map(({ text }) => text),
        first.map(({ text }) => text)
      )
      const rows = yield* sql`
        SELECT FROM history WHERE length(operation_id) = 6 AND operation_id BETWEEN '100000' AND '100959'
      `
      assert.lengthOf(rows, 16 * 60)
    })
  )

  it.effect("keeps its number to the last digit: two that JavaScript takes for one are two", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const body =
        '[{"id":9007199254740992,"description":"слова"},{"id":9007199254740993,"description":"слова"}]'
      const { text } = yield* post("/webhooks/history?branch=tbilisi", body)
      const { receipts } = yield* Schema.decodeUnknownEffect(Answer)(text)
      assert.deepStrictEqual(
        yield* sql`SELECT operation_id FROM history WHERE receipt = ANY (${receipts}::uuid[]) ORDER BY operation_id`,
        [{ operation_id: "9007199254740992" }, { operation_id: "9007199254740993" }]
      )
    })
  )

  it.effect.each([
    ["says something else", { ...entry, id: 9100, description: "слова" }, ""],
    ["is of another branch", { ...entry, id: 9100, branch: "kutaisi" }, ""],
    ["has no number", { ...entry, id: undefined }, ""],
    ["names no branch", { ...entry, id: 9101, branch: undefined }, ""]
  ] as const)("that %s is another one", ([, sent, query]) =>
    Effect.gen(function* () {
      const [same] = yield* received([{ ...entry, id: 9100 }])
      assert.isDefined(same)
      // `received` sees that each post has rows of its own.
      const before = yield* total
      yield* received([sent], query)
      if (sent.id === undefined || sent.branch === undefined) yield* received([sent], query)
      const added = sent.id === undefined || sent.branch === undefined ? 2 : 1
      assert.strictEqual(yield* total, before + added)
    })
  )

  it.effect("that a statement brings which was given up, and is committed after all, is there once", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      // It has no number, and comes twice in one post: these are two.
      const one = {
        branch: "tbilisi",
        description: "Нина Ли создала платёж №77010, приход наличными 30.0USD"
      }
      const send = post("/webhooks/history", JSON.stringify([one, one]))
      // As one that a frozen server has, its statement cannot be cancelled.
      yield* sql`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0 AS $$
        BEGIN
          BEGIN
            PERFORM pg_advisory_xact_lock_shared(77010);
          EXCEPTION WHEN query_canceled THEN
            PERFORM pg_advisory_xact_lock_shared(77010);
          END;
          RETURN NULL;
        END $$`
      yield* sql`CREATE TRIGGER hold AFTER INSERT ON history FOR EACH ROW EXECUTE FUNCTION hold()`
      const again = yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SELECT pg_advisory_xact_lock(77010)`
          const { status, text } = yield* send
          assert.strictEqual(status, 503, text)
          const again = yield* Effect.forkScoped(send)
          // For the first one's transaction.
          yield* until(
            sql`SELECT FROM pg_locks WHERE pg_locks.locktype = 'transactionid' AND NOT pg_locks.granted`,
            ({ length }) => length > 0
          )
          return again
        })
      )
      const { status, text } = yield* Fiber.join(again)
      assert.strictEqual(status, 200, text)
      yield* sql`DROP FUNCTION hold() CASCADE`
      const { receipts } = yield* Schema.decodeUnknownEffect(Answer)(text)
      const rows = yield* sql<{ readonly receipt: string }>`
        SELECT receipt FROM history WHERE history.entity_id = '77010'
      `
      assert.deepStrictEqual(rows.map(({ receipt }) => receipt).sort(), [...receipts].sort())
      assert.lengthOf(yield* sql`SELECT FROM entity_timeline WHERE entity_id = '77010'`, 2)

      // What was confirmed may come as another one.
      assert.strictEqual((yield* send).status, 200)
      assert.lengthOf(yield* sql`SELECT FROM history WHERE history.entity_id = '77010'`, 4)
    }).pipe(Effect.scoped)
  )
})
