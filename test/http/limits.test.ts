/** What is refused, and what every answer has. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { problem } from "./problem.ts"
import { ask, post, server } from "./server.ts"

const largest = 256 * 1024

/** A webhook of so many bytes. */
const webhook = (bytes: number) => {
  const [before, after] = ['{"event":"car_update","payload":{"id":1,"company_id":9247,"color":"', '"}}']
  return `${before}${"x".repeat(bytes - before.length - after.length)}${after}`
}

layer(server(), { excludeTestServices: true })("a body", (it) => {
  it.effect("may be of 256 kB", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* post("/webhooks/rentprog", webhook(largest))).status, 200)
    })
  )

  it.effect("of 240 kB in Ruby may come with many others like it", () =>
    Effect.gen(function* () {
      const fields = Array.from({ length: 5000 }, (_, n) => `"field_${n}"=>["old ${n}", "new ${n}"]`).join(
        ", "
      )
      const answers = yield* Effect.forEach(
        Array.from({ length: 8 }, (_, n) => `{"id"=>${n + 1}, "company_id"=>9247, ${fields}}`),
        (payload) => post("/webhooks/rentprog", JSON.stringify({ event: "car_update", payload })),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        answers.map(() => 200)
      )
    })
  )

  it.effect("that is larger is refused, whether it says so or not", () =>
    Effect.gen(function* () {
      const body = webhook(largest + 1)
      const pieces = [body.slice(0, 1000), body.slice(1000)]
      for (const path of ["/webhooks/rentprog", "/webhooks/history", "/api/events/retry"]) {
        for (const sent of [body, pieces]) {
          const headers = { "content-type": "application/json" }
          yield* problem(yield* ask(path, { method: "POST", body: sent, headers }), 413)
        }
      }
      const sql = yield* PgClient.PgClient
      assert.lengthOf(yield* sql`SELECT FROM events WHERE length(payload::text) > ${largest}`, 0)
    })
  )

  it.effect("may hold a thousand entries of the log", () =>
    Effect.gen(function* () {
      const entries = (count: number) => JSON.stringify(Array.from({ length: count }, () => 1))
      assert.strictEqual((yield* post("/webhooks/history", entries(1000))).status, 200)
      yield* problem(yield* post("/webhooks/history", entries(1001)), 413)
    })
  )

  it.effect("that is not UTF-8 is refused, rather than kept in part", () =>
    Effect.gen(function* () {
      const { status } = yield* ask("/webhooks/rentprog", {
        method: "POST",
        body: [Buffer.from('{"event":"car_update","payload":{"name":"\xc8\xe2"}}', "latin1")]
      })
      assert.strictEqual(status, 400)
    })
  )

  it.effect.each(["", "event=", '{"event":"car_update"', "<event/>", "{'event': 1}", "\u0000"])(
    "that is not JSON is refused: %j",
    (body) =>
      Effect.gen(function* () {
        for (const path of ["/webhooks/rentprog", "/webhooks/history"]) {
          assert.match(yield* problem(yield* post(path, body), 400), /^The body is (not JSON|empty)\.$/)
        }
      })
  )
})

layer(server(), { excludeTestServices: true })("every answer", (it) => {
  const answers = [
    ["/", 200],
    ["/events", 200],
    ["/docs", 200],
    ["/openapi.json", 200],
    ["/metrics", 200],
    ["/health/live", 200],
    ["/api/overview", 200],
    ["/api/events/0", 404],
    ["/api/nothing", 400],
    ["/nothing", 404],
    ["/assets/../package.json", 404],
    ["/assets/%2e%2e/%2e%2e/package.json", 404]
  ] as const

  it.effect.each(answers)("has its headers, and is a problem where it is none: %s", ([path, status]) =>
    Effect.gen(function* () {
      const answer = yield* ask(path)
      assert.strictEqual(answer.status, status, answer.text.slice(0, 200))
      if (status >= 400) yield* problem(answer, status)
      assert.deepInclude(answer.headers, {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-resource-policy": "same-origin"
      })
      assert.match(
        String(answer.headers["content-security-policy"]),
        /default-src 'none'.*frame-ancestors 'none'/
      )
      if (path !== "/docs") assert.notInclude(answer.headers["content-security-policy"], "unsafe")
    })
  )

  it.effect("is for this site alone: CORS is off", () =>
    Effect.gen(function* () {
      const headers = { origin: "http://localhost:5173", "access-control-request-method": "POST" }
      for (const method of ["OPTIONS", "GET"]) {
        const answer = yield* ask("/api/overview", { method, headers })
        assert.notProperty(answer.headers, "access-control-allow-origin")
      }
    })
  )

  it.effect("that holds a secret is kept by nobody", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask("/api/overview")).headers["cache-control"], "no-store")
    })
  )
})
