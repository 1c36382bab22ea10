/** What stands in deploy/ for Prometheus and Grafana, held to what the service really tells. */
import { readFileSync } from "node:fs"
import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Effect, Layer, Metric, Schema } from "effect"
import { Yaml } from "effect/encoding"
import { HttpRouter, HttpServerRequest } from "effect/http"
import { Health, required } from "../../src/actors/Health.ts"
import { Measures } from "../../src/database/Measures.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { countWebhook } from "../../src/http/answers.ts"
import { metrics } from "../../src/http/metrics.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { oneProcess, service, surroundings } from "../actors/world.ts"
import { type Family, parse } from "../http/exposition.ts"
import { makeStub, record, rentProg } from "../rentprog/stub.ts"
import { about, events, insert, until } from "../support/tables.ts"
import { evaluate } from "./evaluate.ts"
import { read } from "./promql.ts"

const file = (path: string) => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), "utf8")

const Rule = Schema.Struct({
  alert: Schema.String,
  expr: Schema.String,
  for: Schema.optionalKey(Schema.String.check(Schema.isPattern(/^\d+[smhd]$/))),
  labels: Schema.Struct({ severity: Schema.Literals(["critical", "warning", "info"]) }),
  annotations: Schema.Struct({
    summary: Schema.NonEmptyString,
    description: Schema.NonEmptyString,
    action: Schema.NonEmptyString
  })
})
const Rules = Schema.Struct({
  groups: Schema.Array(Schema.Struct({ name: Schema.String, rules: Schema.Array(Rule) }))
})
const rules = Effect.map(
  Schema.decodeUnknownEffect(Rules, { onExcessProperty: "error" })(Yaml.parse(file("prometheus/alerts.yml"))),
  ({ groups }) => groups.flatMap(({ rules }) => rules)
)

const Datasource = Schema.Struct({
  type: Schema.Literal("prometheus"),
  uid: Schema.String.check(Schema.isPattern(/^\$\{datasource\}$/))
})
const Panel = Schema.Struct({
  id: Schema.Int,
  title: Schema.NonEmptyString,
  type: Schema.String,
  gridPos: Schema.Struct({ x: Schema.Int, y: Schema.Int, w: Schema.Int, h: Schema.Int }),
  targets: Schema.optionalKey(Schema.Array(Schema.Struct({ datasource: Datasource, expr: Schema.String })))
})
const Dashboard = Schema.Struct({
  templating: Schema.Struct({
    list: Schema.Array(Schema.Struct({ name: Schema.String, type: Schema.String, query: Schema.Unknown }))
  }),
  panels: Schema.Array(Panel)
})
const dashboard = Schema.decodeUnknownEffect(Schema.fromJsonString(Dashboard))(file("grafana/jarvis.json"))

/** What the service tells once everything there is to tell of has happened. */
const told = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const simulator = yield* Simulator
  const { components } = yield* Health
  // A row that is parked as it arrives is told of by its notification alone.
  yield* until(components, (all) =>
    all.every(({ name, state }) => state === "up" || !name.endsWith(" listener"))
  )
  yield* simulator.put("car", { id: 1, company_id: 9247 })
  yield* sql`INSERT INTO paused_branches (branch, paused_by) VALUES ('batumi', 'Anna')`
  yield* insert(about("car_update", 1), about("car_explode", 1))
  yield* sql`INSERT INTO history (branch, description) VALUES ('tbilisi', 'x')`
  yield* until(events, (rows) => rows.some(({ processed }) => processed))
  yield* countWebhook(200)
  const handler = yield* HttpRouter.toHttpEffect(metrics)
  const request = HttpServerRequest.fromWeb(new Request("http://jarvis.test/metrics"))
  const look = Effect.map(handler, ({ body }) =>
    parse(body._tag === "Uint8Array" ? new TextDecoder().decode(body.body) : "")
  ).pipe(Effect.provideService(HttpServerRequest.HttpServerRequest, request))
  return yield* until(
    Effect.scoped(look),
    (families) => families.has("jarvis_history_total") && families.has("jarvis_log_readable")
  )
}).pipe(
  Effect.scoped,
  Effect.provide(
    Layer.mergeAll(service({ logs: [Branch.make("tbilisi")] }), Measures.layer, oneProcess).pipe(
      Layer.provideMerge(rentProg(makeStub(record))),
      Layer.provideMerge(surroundings())
    )
  ),
  Effect.provideService(Metric.MetricRegistry, new Map())
)

/** Prometheus' own, beside those of the target. */
const ofPrometheus = ["up"]
const labelsOfPrometheus = ["job", "instance"]

const check = (families: ReadonlyMap<string, Family>, expression: string) => {
  const samples = Array.from(families.values(), ({ samples }) => samples).flat()
  const { grouped, selectors } = read(expression)
  assert.isNotEmpty(selectors, expression)
  const known = new Set(labelsOfPrometheus)
  for (const { labels, metric } of selectors) {
    const found = samples.filter(({ name }) => name === metric)
    assert.isTrue(found.length > 0 || ofPrometheus.includes(metric), `${metric} in ${expression}`)
    const its = new Set([...labelsOfPrometheus, ...found.flatMap(({ labels }) => Object.keys(labels))])
    for (const label of labels) assert.isTrue(its.has(label), `${label} of ${metric} in ${expression}`)
    for (const label of its) known.add(label)
  }
  for (const label of grouped) assert.isTrue(known.has(label), `${label} in ${expression}`)
}

it.live("every metric and label of the rules and the dashboard is one that the service tells", () =>
  Effect.gen(function* () {
    const families = yield* told
    const { panels, templating } = yield* dashboard
    for (const { expr } of yield* rules) check(families, expr)
    for (const { targets = [] } of panels) for (const { expr } of targets) check(families, expr)
    const variables = templating.list.flatMap(({ query }) =>
      Array.from(JSON.stringify(query).matchAll(/label_values\((\w+), (\w+)\)/g))
    )
    assert.isNotEmpty(variables)
    for (const [, metric = "", label = ""] of variables) check(families, `${metric}{${label}=""}`)
    // And of what the service tells by itself, nothing is left unwatched.
    const watched = JSON.stringify([yield* rules, panels])
    for (const name of families.keys()) {
      if (name.startsWith("jarvis_")) assert.include(watched, name)
    }
  })
)

it.effect("the rules have names of their own, and know what is required", () =>
  Effect.gen(function* () {
    const all = yield* rules
    assert.strictEqual(new Set(all.map(({ alert }) => alert)).size, all.length)
    const listed = `"${required.join("|")}"`
    assert.lengthOf(
      all.filter(({ expr }) => expr.includes(listed)),
      2
    )
    assert.include(file("grafana/jarvis.json"), JSON.stringify(listed).slice(1, -1))
  })
)

it.effect("the dashboard's source of data is a variable, and no panel lies upon another", () =>
  Effect.gen(function* () {
    const { panels, templating } = yield* dashboard
    assert.isTrue(templating.list.some(({ name, type }) => name === "datasource" && type === "datasource"))
    assert.strictEqual(new Set(panels.map(({ id }) => id)).size, panels.length)
    const taken = new Set<string>()
    for (const { gridPos, title } of panels) {
      assert.isAtMost(gridPos.x + gridPos.w, 24, title)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          assert.isFalse(taken.has(`${x} ${y}`), title)
          taken.add(`${x} ${y}`)
        }
      }
    }
  })
)

/** Noon, in seconds since 1970. */
const noon = 1_772_366_400

const sample = (
  name: string,
  value: number,
  labels: Readonly<Record<string, string>> = { branch: "tbilisi" }
) => ({
  name: `jarvis_${name}`,
  labels: { instance: "a", ...labels },
  value
})
const part = (component: string, value: number) => sample("up", value, { component })
const paused = sample("branch_paused", 1)

it.effect.each([
  ["a branch that RentProg refuses", [sample("branch_refused", 1)], ["JarvisBranchRefused"]],
  ["one that it does not", [sample("branch_refused", 0)], []],
  ["one that is behind", [sample("branch_behind_seconds", 301)], ["JarvisBranchBehind"]],
  ["one that is not", [sample("branch_behind_seconds", 300)], []],
  ["one that a person holds", [sample("branch_behind_seconds", 301), paused], []],
  ["a log that cannot be read", [sample("log_readable", 0)], ["JarvisLogNotReadable"]],
  ["one that can", [sample("log_readable", 1)], []],
  ["one that nobody wants to be read", [sample("log_readable", 0), paused], []],
  ["a log read long ago", [sample("log_read_until_seconds", noon - 1801)], ["JarvisLogNotRead"]],
  ["one read of late", [sample("log_read_until_seconds", noon - 1800)], []],
  ["one of a paused branch", [sample("log_read_until_seconds", 0), paused], []],
  ["a user token that ends", [part("user token tbilisi", 0)], ["JarvisUserTokenEnds"]],
  ["a branch's actor that fails", [part("branch tbilisi", 0)], ["JarvisPartDown"]],
  ["the reader of the logs", [part("log reader", 0)], ["JarvisPartDown"]],
  ["a database that is away", [part("database", 0)], ["JarvisVitalPartDown"]],
  [
    "parts that have alerts of their own",
    ["token tbilisi", "log tbilisi", "backlog tbilisi"].map((name) => part(name, 0)),
    []
  ],
  ["parts that are up", ["database", "branch tbilisi", "user token tbilisi"].map((name) => part(name, 1)), []]
] as const)("the rules on gauges: %s", ([, samples, expected]) =>
  Effect.gen(function* () {
    const gauges = /^jarvis_(up|branch_(refused|behind)|log_)|^time\(\)/
    const fired = (yield* rules)
      .filter(({ expr }) => gauges.test(expr))
      .filter(({ expr }) => evaluate(samples, expr, noon).length > 0)
    assert.deepStrictEqual(
      fired.map(({ alert }) => alert),
      [...expected]
    )
  })
)

it("expressions are read as they are meant", () => {
  assert.deepStrictEqual(
    read(
      'histogram_quantile(0.9, sum by (le, x) (rate(a_bucket{b=~"c|d", e!="f g"}[5m]))) > 3 unless on (h) i == 1'
    ),
    {
      selectors: [
        { metric: "a_bucket", labels: ["b", "e"] },
        { metric: "i", labels: [] }
      ],
      grouped: ["le", "x", "h"]
    }
  )
})
