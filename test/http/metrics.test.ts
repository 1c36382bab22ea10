import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer, Metric } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { Health } from "../../src/actors/Health.ts"
import { Presence } from "../../src/actors/presence.ts"
import { readable } from "../../src/actors/readLog.ts"
import { restarts } from "../../src/actors/supervise.ts"
import { Freshness, Measures } from "../../src/database/Measures.ts"
import { metrics } from "../../src/http/metrics.ts"
import { Patience, RentProg } from "../../src/rentprog/RentProg.ts"
import { comeBack, goAway } from "../actors/outage.ts"
import { oneProcess } from "../actors/world.ts"
import { json, key, kutaisi, makeStub, record, rentProg, tbilisi } from "../rentprog/stub.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { parse } from "./exposition.ts"

/** As fresh as each is asked. */
const measures = Layer.provide(Measures.layer, Layer.succeed(Freshness, Duration.zero))

/** Serves nothing but `/metrics`. */
const served = (stub = makeStub(record)) =>
  HttpRouter.serve(metrics, { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 })),
    Layer.provideMerge(Layer.mergeAll(Health.layer, measures, oneProcess)),
    Layer.provideMerge(rentProg(stub, 60)),
    Layer.provideMerge(testDatabase),
    Layer.provide(
      Layer.effect(
        Patience,
        Effect.map(Patience, (usual) => ({ ...usual, failuresToOpen: 1 }))
      )
    )
  )

const get = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const response = yield* Effect.promise(() => fetch(`${HttpServer.formatAddress(address)}/metrics`))
  return { response, text: yield* Effect.promise(() => response.text()) }
})

/** The samples of a family, as `labels value`. */
const scraped = (name: string) =>
  Effect.map(get, ({ text }) =>
    (parse(text).get(name)?.samples ?? []).map(({ labels, value }) =>
      [...Object.values(labels), value].join(" ")
    )
  )

const write = (statement: string) => PgClient.PgClient.use((sql) => sql.unsafe(statement))

/** What a test counts is its own. */
const alone = Effect.provideService(Metric.MetricRegistry, new Map())

describe("/metrics", () => {
  it.live("is Prometheus' text format, each family with its help, whatever stands in a label", () =>
    Effect.gen(function* () {
      yield* write(`
        INSERT INTO events (branch, type, ext_id, payload) VALUES
          (E'a "quoted" \\\\ branch\\nof two lines', 'car_update', '1', '{}'), ('tbilisi', 'car_update', '|', '{}')
      `)
      yield* Metric.update(Metric.withAttributes(restarts, { name: 'a "part"\\\n' }), 1)
      const { response, text } = yield* get
      assert.strictEqual(response.status, 200)
      assert.strictEqual(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
      const families = parse(text)
      const ours = [...families.values()].filter(({ name }) => name.startsWith("jarvis_"))
      assert.isAbove(ours.length, 8)
      for (const { help, name } of ours) assert.isNotNull(help, name)
      const labels = families.get("jarvis_events_pending")?.samples.map(({ labels }) => labels["branch"])
      assert.deepStrictEqual(labels, ["tbilisi", "kutaisi", "other"])
    }).pipe(Effect.provide(served()), alone)
  )

  it.live("tells of the backlog as it is at each scrape, and of nothing that is gone", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* scraped("jarvis_events_pending"), ["tbilisi 0", "kutaisi 0"])
      yield* write(`
        INSERT INTO events (branch, type, ext_id, payload, ts) VALUES
          ('tbilisi', 'car_update', '1', '{}', now() - interval '1 hour'), ('tbilisi', 'car_update', '2', '{}', now()),
          ('tbilisi', 'car_update', '3', '{}', now()), ('batumi', 'car_update', '|', '{}', now()), (NULL, 'x', '1', '{}', now())
      `)
      yield* write(`
        UPDATE events SET revision = revision + 1, attempts = 1, ok = false, reason = 'rentprog_timeout: slow', next_attempt_at = now() + interval '1 hour'
        WHERE ext_id = '3'
      `)
      yield* write(
        `INSERT INTO history (branch, description) VALUES ('batumi', 'Иван Петров удалил авто № 5')`
      )
      yield* write(`INSERT INTO history (branch, description) VALUES ('batumi', 'x')`)
      yield* write(`INSERT INTO paused_branches (branch, paused_by) VALUES ('batumi', 'Anna')`)
      assert.deepStrictEqual(yield* scraped("jarvis_events_pending"), ["tbilisi 2", "kutaisi 0"])
      assert.deepStrictEqual(yield* scraped("jarvis_events_waiting"), ["tbilisi 1", "kutaisi 0"])
      assert.sameMembers(yield* scraped("jarvis_events_parked"), [
        "batumi invalid_payload 1",
        " unknown_event_type 1"
      ])
      const [tbilisi = "", ...others] = yield* scraped("jarvis_events_oldest_pending_seconds")
      assert.match(tbilisi, /^tbilisi 36\d\d(\.\d+)?$/)
      assert.deepStrictEqual(others, ["kutaisi 0"])
      assert.include(yield* scraped("jarvis_history_waiting"), "batumi 1")
      assert.deepStrictEqual(yield* scraped("jarvis_history_parked"), ["batumi unparsed_description 1"])
      assert.deepStrictEqual(yield* scraped("jarvis_branch_paused"), ["batumi 1"])

      yield* write(`UPDATE events SET processed = true, ok = false, reason = 'discarded'`)
      yield* write("DELETE FROM history")
      yield* write("DELETE FROM paused_branches")
      assert.deepStrictEqual(yield* scraped("jarvis_events_pending"), ["tbilisi 0", "kutaisi 0"])
      for (const gone of ["jarvis_events_parked", "jarvis_history_parked", "jarvis_branch_paused"]) {
        assert.deepStrictEqual(yield* scraped(gone), [])
      }
    }).pipe(Effect.provide(served()), alone)
  )

  it.live("tells each branch's quota and breaker, and asks RentProg nothing for it", () => {
    const stub = makeStub((call) => (call.bearer === "token-2" ? json({}, 503) : record(call)))
    return Effect.gen(function* () {
      const rentprog = yield* RentProg
      yield* rentprog.fetch(tbilisi, key("car", 1))
      yield* Effect.exit(rentprog.fetch(kutaisi, key("car", 1)))
      const reads = stub.reads.length
      assert.deepStrictEqual(yield* scraped("jarvis_rentprog_quota_left"), ["tbilisi 14", "kutaisi 14"])
      assert.deepStrictEqual(yield* scraped("jarvis_rentprog_breaker_open"), ["tbilisi 0", "kutaisi 1"])
      assert.sameMembers(yield* scraped("jarvis_rentprog_calls_total"), [
        "tbilisi 200 2",
        "kutaisi 200 1",
        "kutaisi 503 1"
      ])
      assert.strictEqual(stub.reads.length, reads)
    }).pipe(Effect.provide(served(stub)), alone)
  })

  it.live("of a process that has one branch alone tells of that one, and leaves the rest to the others", () =>
    Effect.gen(function* () {
      yield* write(
        `INSERT INTO events (branch, type, ext_id, payload) VALUES ('tbilisi', 'car_update', '1', '{}')`
      )
      yield* write(`INSERT INTO paused_branches (branch, paused_by) VALUES ('batumi', 'Anna')`)
      for (const branch of ["tbilisi", "kutaisi"]) {
        yield* Metric.update(Metric.withAttributes(readable, { branch }), 1)
      }
      const families = parse((yield* get).text)
      const told = [...families.keys()].filter((name) => /^jarvis_.*(?<!_total)$/.test(name)).sort()
      assert.deepStrictEqual(told, [
        "jarvis_listens",
        "jarvis_log_readable",
        "jarvis_rentprog_breaker_open",
        "jarvis_rentprog_quota_left",
        "jarvis_up"
      ])
      for (const [name, samples] of [
        ["jarvis_listens", ["0"]],
        ["jarvis_log_readable", ["kutaisi 1"]],
        ["jarvis_rentprog_quota_left", ["kutaisi 15"]]
      ] as const) {
        assert.deepStrictEqual(yield* scraped(name), [...samples])
      }
    }).pipe(
      Effect.provide(
        Layer.provide(
          served(),
          Layer.succeed(Presence, { has: (branch) => branch === kutaisi, listens: () => false })
        )
      ),
      alone
    )
  )

  it.live("tells which parts are up, and of none that is forgotten", () =>
    Effect.gen(function* () {
      const { forget, report } = yield* Health
      yield* report("database", "up")
      yield* report("branch tbilisi", "down", "a defect")
      const required = ["database 1", "migrations 0", "event listener 0", "history listener 0"]
      assert.deepStrictEqual(yield* scraped("jarvis_up"), [...required, "branch tbilisi 0"])
      yield* forget("branch tbilisi")
      assert.deepStrictEqual(yield* scraped("jarvis_up"), required)
    }).pipe(Effect.provide(served()), alone)
  )

  it.live("tells the rest while the database is away", () =>
    Effect.gen(function* () {
      yield* Metric.update(Metric.withAttributes(restarts, { name: "a part" }), 1)
      yield* goAway
      const families = parse((yield* get).text)
      assert.isFalse(families.has("jarvis_events_pending"))
      for (const name of ["jarvis_up", "jarvis_rentprog_quota_left", "jarvis_restarts_total"]) {
        assert.isTrue(families.has(name), name)
      }
      yield* comeBack
      assert.isTrue(parse((yield* get).text).has("jarvis_events_pending"))
    }).pipe(Effect.provide(served()), alone)
  )
})
