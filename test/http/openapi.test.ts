import { assert, layer } from "@effect/vitest"
import { Validator } from "@seriousme/openapi-schema-validator"
import { Effect, Schema } from "effect"
import { ask, server } from "./server.ts"

const Document = Schema.fromJsonString(
  Schema.Struct({
    openapi: Schema.Literal("3.1.0"),
    paths: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Json))
  })
)

layer(server(), { excludeTestServices: true })("the document of the API", (it) => {
  it.effect("is valid OpenAPI", () =>
    Effect.gen(function* () {
      const { text } = yield* ask("/openapi.json")
      const { errors, valid } = yield* Effect.promise(() => new Validator().validate(JSON.parse(text)))
      assert.isTrue(valid, JSON.stringify(errors))
    })
  )

  it.effect("has every path, and each is there", () =>
    Effect.gen(function* () {
      const { text } = yield* ask("/openapi.json")
      const { paths } = yield* Schema.decodeUnknownEffect(Document)(text)
      assert.includeMembers(Object.keys(paths), [
        ...[
          "/webhooks/rentprog",
          "/webhooks/rentprog/{token}",
          "/webhooks/history",
          "/health/live",
          "/health/ready"
        ],
        ...["/api/overview", "/api/live", "/api/branches", "/api/entities/{type}/{id}", "/api/actions"],
        ...["/api/{table}", "/api/{table}/{id}", "/api/{table}/retry", "/api/{table}/discard"]
      ])
      const values = { token: "t", branch: "nowhere", type: "car", id: "1", table: "events" }
      for (const [path, methods] of Object.entries(paths)) {
        // It would not end.
        if (path === "/api/live") continue
        const filled = Object.entries(values).reduce(
          (text, [name, value]) => text.replace(`{${name}}`, value),
          path
        )
        for (const method of Object.keys(methods)) {
          const { status, text } = yield* ask(filled, {
            method: method.toUpperCase(),
            ...(method === "post" ? { body: "{}", headers: { "content-type": "application/json" } } : {})
          })
          const isThere = status < 500 && (status !== 404 || text.includes("detail"))
          assert.isTrue(isThere, `${method} ${path} was answered ${status} ${text}`)
        }
      }
    })
  )

  it.effect("can be browsed", () =>
    Effect.gen(function* () {
      const { headers, text } = yield* ask("/docs")
      assert.include(text, "Take in a webhook")
      assert.match(
        String(headers["content-security-policy"]),
        /script-src 'sha256-[\w+/=]+' 'sha256-[\w+/=]+'/
      )
    })
  )
})
