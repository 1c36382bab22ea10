/** Neither tokens nor what identifies a person is written to the log, or to a span. */
import { inspect } from "node:util"
import { assert, layer } from "@effect/vitest"
import { Effect, Layer, References, Tracer } from "effect"
import { Log } from "../actors/world.ts"
import { until } from "../support/tables.ts"
import { ask, post, server } from "./server.ts"

const secrets = {
  webhook: "webhook-token-of-the-test",
  admin: "admin-token-of-the-test",
  wrong: "a-wrong-token",
  phone: "+995555000001",
  email: "nina@example.com",
  passport: "12AB34567"
}

const spans: Array<Tracer.Span> = []
const recording = Layer.succeed(
  Tracer.Tracer,
  Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
)

const world = server({
  JARVIS_ADMIN_TOKEN: secrets.admin,
  JARVIS_WEBHOOK_TOKEN: secrets.webhook,
  RENTPROG_TOKENS: '{"tbilisi":"company-token-of-the-test"}'
}).pipe(Layer.provide([recording, Layer.succeed(References.MinimumLogLevel, "Trace")]))

layer(world, { excludeTestServices: true })("what is logged and traced", (it) => {
  it.effect("holds no token, no phone, no e-mail, no passport", () =>
    Effect.gen(function* () {
      const { email, phone, passport } = secrets
      const client = { id: 7, company_id: 9247, phone, email, passport, name: [null, phone] }
      const admin = { authorization: `Bearer ${secrets.admin}` }
      yield* post(
        `/webhooks/rentprog/${secrets.webhook}`,
        JSON.stringify({ event: "client_update", payload: client })
      )
      yield* post(
        `/webhooks/rentprog/${secrets.webhook}`,
        JSON.stringify({ event: phone, payload: { id: phone } })
      )
      yield* post(`/webhooks/rentprog/${secrets.webhook}?phone=${encodeURIComponent(phone)}`, "no JSON")
      yield* post(
        `/webhooks/history/${secrets.webhook}`,
        JSON.stringify({ description: `${phone} ${email}`, branch: "tbilisi" })
      )
      yield* post(`/webhooks/rentprog/${secrets.webhook}/${encodeURIComponent(phone)}`, "{}")
      yield* post(`/webhooks/rentprog/${secrets.wrong}`, "{}")
      // However it is spelt.
      for (const path of [
        "//webhooks/rentprog",
        "/webhooks//rentprog",
        "/%77ebhooks/rentprog",
        "/webhook",
        "/webhooks"
      ]) {
        yield* post(`${path}/${secrets.webhook}`, "{}")
      }
      yield* ask(`/api/events?text=${encodeURIComponent(phone)}`, { headers: admin })
      yield* ask(`/api/events?text=${encodeURIComponent(phone)}&state=none`, { headers: admin })
      yield* post(
        "/api/events/discard",
        JSON.stringify({ filter: { text: phone }, reason: `of ${email}` }),
        admin
      )
      yield* ask("/api/overview", { headers: { authorization: `Bearer ${secrets.wrong}` } })

      const { lines } = yield* Log
      yield* until(
        Effect.sync(() => lines.filter(({ message }) => message === "http").length),
        (count) => count >= 14
      )
      const told = inspect([lines, spans.map(({ attributes, name }) => [name, [...attributes]])], {
        depth: null,
        maxArrayLength: null,
        maxStringLength: null
      })
      assert.include(told, "'/webhooks/rentprog'")
      assert.isAbove(spans.filter(({ name }) => name === "http").length, 13)
      for (const secret of [...Object.values(secrets), "company-token-of-the-test"]) {
        assert.notInclude(told, secret)
      }
    })
  )
})
