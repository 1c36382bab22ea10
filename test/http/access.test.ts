/** Who may come in, and what others are told. */
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { problem } from "./problem.ts"
import { ask, post, server } from "./server.ts"

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
  it.effect.each([{}, { origin: "http://localhost:5173" }, { host: "localhost" }, { host: "[::1]:3000" }])(
    "a request from this machine is let in: %o",
    (headers) =>
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
    // A page of another site, in a browser of this machine.
    { origin: "https://elsewhere.example" },
    { origin: "null" },
    { "sec-fetch-site": "cross-site" },
    // A name that was made to lead here.
    { host: "elsewhere.example" },
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
})
