/** Who may come in, and what others are told. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { problem } from "./problem.ts"
import { ask, post, server, Url } from "./server.ts"

const token = "a-token-that-nobody-guesses"
const body = '{"event":"car_update","payload":{"id":1,"company_id":9247}}'
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe("with tokens", () => {
  const tokens = { JARVIS_ADMIN_TOKEN: token, JARVIS_WEBHOOK_TOKEN: token }

  layer(server(tokens), { excludeTestServices: true })("", (it) => {
    it.effect.each([
      ["/webhooks/rentprog", bearer(token)],
      ["/webhooks/rentprog", { authorization: `bearer   ${token}` }],
      [`/webhooks/rentprog/${token}`, {}],
      [`/webhooks/rentprog/${token}/kutaisi`, {}],
      [`/webhooks/history/${token}`, {}],
      // The address is what RentProg is given: what else it sends does not count.
      [`/webhooks/rentprog/${token}`, bearer("another")]
    ] as const)("%s with %o is let in", ([path, headers]) =>
      Effect.gen(function* () {
        assert.strictEqual((yield* post(path, body, headers)).status, 200)
      })
    )

    it.effect.each([
      ["/webhooks/rentprog", {}],
      ["/webhooks/rentprog", bearer("")],
      ["/webhooks/rentprog", bearer(`${token}x`)],
      ["/webhooks/rentprog", { authorization: token }],
      ["/webhooks/rentprog/another", bearer(token)],
      [`/webhooks/rentprog/${token}x`, {}],
      ["/webhooks/rentprog/another/kutaisi", bearer(token)],
      ["/webhooks/history", {}],
      ["/webhooks/history/another", {}],
      ["/api/events/retry", {}],
      ["/api/actions/1/undo", bearer("another")]
    ] as const)("%s with %o is refused", ([path, headers]) =>
      Effect.gen(function* () {
        const detail = yield* problem(yield* post(path, body, headers), 401)
        assert.match(detail, /JARVIS_(WEBHOOK|ADMIN)_TOKEN/)
        assert.notInclude(detail, token)
      })
    )
  })

  layer(server(tokens), { excludeTestServices: true })("", (it) => {
    it.effect("an address that is wrong too often is told to come later, and let in with the token", () =>
      Effect.gen(function* () {
        const statuses = []
        for (let n = 0; n < 25; n += 1) statuses.push((yield* post("/webhooks/rentprog/wrong", body)).status)
        assert.deepStrictEqual(
          statuses.slice(0, 20),
          Array.from({ length: 20 }, () => 401)
        )
        const refused = yield* post("/webhooks/rentprog/wrong", body)
        yield* problem(refused, 429)
        assert.match(String(refused.headers["retry-after"]), /^[1-9]\d*$/)
        for (let n = 0; n < 50; n += 1) {
          assert.strictEqual((yield* post(`/webhooks/rentprog/${token}`, body)).status, 200)
        }
      })
    )
  })
})

layer(server(), { excludeTestServices: true })("without tokens", (it) => {
  it.effect.each([
    {},
    { host: "localhost", origin: "http://localhost" },
    { host: "[::1]:3000", origin: "http://[::1]:3000" },
    { host: "localhost:80", origin: "http://localhost" },
    { host: "LOCALHOST:3000", origin: "http://localhost:3000", "sec-fetch-site": "same-origin" },
    { "sec-fetch-site": "none" }
  ])("a request from this machine is let in: %o", (headers) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* post("/webhooks/rentprog", body, headers)).status, 200)
      assert.strictEqual((yield* ask("/api/overview", { headers })).status, 200)
    })
  )

  it.effect.each([
    // Passed on by a proxy.
    { "x-forwarded-for": "203.0.113.7" },
    { forwarded: "for=203.0.113.7" },
    { via: "1.1 proxy" },
    { "x-forwarded-proto": "https" },
    { "x-forwarded-port": "443" },
    { "x-forwarded-server": "proxy" },
    { "cf-connecting-ip": "203.0.113.7" },
    { "true-client-ip": "203.0.113.7" },
    { "x-client-ip": "203.0.113.7" },
    // A page of another site, in a browser of this machine.
    { origin: "https://elsewhere.example" },
    { origin: "null" },
    // A page that something else on this machine serves.
    { origin: "http://localhost:5173" },
    { host: "localhost:3000", origin: "http://localhost" },
    { host: "localhost:3000", origin: "http://127.0.0.1:3000" },
    { host: "localhost", origin: "https://localhost" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
    // A name that was made to lead here.
    { host: "elsewhere.example" },
    { host: "elsewhere.example", origin: "http://elsewhere.example", "sec-fetch-site": "same-origin" },
    { host: "127.0.0.1.elsewhere.example" }
  ])("one that comes by another's leave is refused: %o", (headers) =>
    Effect.gen(function* () {
      for (const [path, setting] of [
        ["/webhooks/rentprog", "JARVIS_WEBHOOK_TOKEN"],
        ["/api/events/retry", "JARVIS_ADMIN_TOKEN"]
      ] as const) {
        assert.include(yield* problem(yield* post(path, body, headers), 403), setting)
      }
    })
  )

  it.effect("a page of this server pauses a branch, one of another port does not", () =>
    Effect.gen(function* () {
      const url = yield* Url
      const statuses = yield* Effect.forEach([url, "http://127.0.0.1:1"], (origin) =>
        Effect.map(post("/api/branches/tbilisi/pause", "", { origin }), ({ status }) => status)
      )
      assert.deepStrictEqual(statuses, [204, 403])
    })
  )
})
