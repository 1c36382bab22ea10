/** Lists, stories, and what a person does about rows, over HTTP. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { DateTime, Effect, Layer } from "effect"
import { insertEvents } from "../support/events.ts"
import { insertHistory, whileOpen } from "../support/history.ts"
import { cars, fresh, only, quiet, states } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { admin, client, operator } from "./admin.ts"

const tests = admin.pipe(Layer.provideMerge(testDatabase), Layer.provideMerge(quiet))

const events = { params: { table: "events" } } as const

layer(tests, { excludeTestServices: true })("/api/events and /api/history", (it) => {
  it.effect("are listed with all that a list shows, and paged", () =>
    Effect.gen(function* () {
      yield* fresh
      const inserted = yield* insertEvents([
        { branch: "tbilisi", type: "car_update", ext_id: "1", payload: { id: 1 } },
        { branch: "kutaisi", type: "car_update", ext_id: "2", payload: "not a record" },
        { branch: "kutaisi", type: "client_explode", ext_id: "3", payload: { name: "Пётр" } }
      ])
      const [one, two, three] = inserted.map(({ id }) => id)
      const api = yield* client
      const page = yield* api.rows.list({ ...events, query: { limit: 2 } })
      assert.deepStrictEqual<unknown>(
        page.rows.map(({ id, state }) => [id, state]),
        [
          [three, "parked"],
          [two, "parked"]
        ]
      )
      assert.strictEqual(page.next, two)
      const rest = yield* api.rows.list({ ...events, query: { limit: 2, before: page.next ?? "" } })
      assert.isNull(rest.next)
      const { next_attempt_at, ts, ...shown } = only(rest.rows)
      assert.isTrue(DateTime.isDateTime(ts) && DateTime.isDateTime(next_attempt_at))
      assert.deepStrictEqual<unknown>(shown, {
        ...{ id: one, branch: "tbilisi", type: "car_update", entity_type: "car", entity_id: "1" },
        ...{ description: null, state: "pending", reason: null, attempts: 0, processed_at: null }
      })
      const found = yield* api.rows.list({ ...events, query: { text: "пЁТР", state: "parked" } })
      assert.strictEqual(only(found.rows).id, three)
    })
  )

  it.effect("the whole of a row", () =>
    Effect.gen(function* () {
      yield* fresh
      const api = yield* client
      const [entry] = yield* insertHistory({ description: "Иван Петров изменил авто №6", operation_id: "7" })
      const params = { table: "history", id: entry?.id ?? "" } as const
      const row = yield* api.rows.one({ params })
      assert.deepInclude(row, { state: "waiting", entity_type: "car", entity_id: "6" })
      assert.deepInclude(row.columns, { operation_id: "7", user_name: "Иван Петров" })
      assert.deepStrictEqual(
        row.story.map(({ step }) => step),
        ["received"]
      )
      const error = yield* Effect.flip(api.rows.one({ params: { ...params, table: "events" } }))
      assert.deepInclude(error, { _tag: "NotFound", status: 404 })
    })
  )

  it.effect("run again, and discarded, by whom the request names", () =>
    Effect.gen(function* () {
      yield* fresh
      const api = yield* client
      const ids = yield* cars(3)
      const [first = ""] = ids
      const filter = { branch: "tbilisi", from: DateTime.makeUnsafe("2020-01-01T00:00:00Z") }
      const counted = yield* api.rows.discard({ ...events, payload: { filter, dry_run: true, reason: "x" } })
      assert.deepStrictEqual(counted, { action: null, count: 3, more: false })
      const discarded = yield* api.rows.discard({ ...events, payload: { filter, reason: "sold" } })
      assert.deepInclude(discarded, { count: 3, more: false })
      const retried = yield* api.rows.retry({ ...events, payload: { ids: [first] } })
      assert.deepInclude(retried, { count: 1, more: false })
      assert.deepStrictEqual(yield* states("events"), ["pending", "discarded", "discarded"])

      const row = yield* api.rows.one({ params: { table: "events", id: first } })
      assert.deepStrictEqual(
        row.story.map(({ by, detail, step }) => [step, detail, by]),
        [
          ["received", null, null],
          ["discarded", "sold", operator.name],
          ["retried", null, operator.name]
        ]
      )
      const { actions } = yield* api.actions.list({ query: {} })
      assert.deepStrictEqual(
        actions.map(({ address, filter, id }) => [id, filter, address]),
        [
          [retried.action, null, operator.address],
          [discarded.action, filter, operator.address]
        ]
      )
    })
  )

  it.effect("a database that gives no answer: 503, and what to do, but nothing of what PostgreSQL said", () =>
    Effect.gen(function* () {
      yield* fresh
      const sql = yield* PgClient.PgClient
      const api = yield* client
      const ask = Effect.flip(api.rows.list({ ...events, query: { branch: "tbilisi" } }))
      const held = yield* whileOpen("LOCK TABLE events", ask)
      yield* sql`ALTER TABLE events RENAME TO others`
      const refused = yield* ask
      yield* sql`ALTER TABLE others RENAME TO events`
      for (const [error, says] of [
        [held, "try again"],
        [refused, "The log of the service says why"]
      ] as const) {
        assert.deepInclude(error, { _tag: "Unavailable", status: 503 })
        const detail = error._tag === "Unavailable" ? (error.detail ?? "") : ""
        assert.include(detail, says)
        assert.notMatch(detail, /events|relation|tbilisi|SELECT|lock timeout/)
      }
    })
  )
})
