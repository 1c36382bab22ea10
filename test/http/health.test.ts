import { assert, it } from "@effect/vitest"
import { DateTime, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { HttpApi, HttpApiMiddleware, HttpApiTest } from "effect/http-api"
import { TestClock } from "effect/testing"
import { Health, required } from "../../src/actors/Health.ts"
import { Health as HealthApi } from "../../src/http/api/Health.ts"
import { health } from "../../src/http/health.ts"

class Api extends HttpApi.make("jarvis").add(HealthApi).middleware(HttpApiMiddleware.ProblemDetails) {}

const client = HttpApiTest.groups(Api, ["health"])
const tests = health.pipe(
  Layer.provideMerge(Health.layer),
  Layer.provideMerge(Layer.mergeAll(HttpServer.layerServices, HttpApiMiddleware.layerProblemDetails()))
)

const reportAll = Health.use((health) =>
  Effect.forEach(required, (name) => health.report(name, "up"), { discard: true })
)

it.effect("the service lives, whatever is down", () =>
  Effect.gen(function* () {
    const api = yield* client
    assert.deepStrictEqual(yield* api.health.live(), { status: "up" })
  }).pipe(Effect.provide(tests))
)

it.effect("it is ready when all that is required is up, and tells each part's state and since when", () =>
  Effect.gen(function* () {
    const api = yield* client
    const { report } = yield* Health
    yield* TestClock.adjust("1 minute")
    yield* reportAll
    yield* TestClock.adjust("1 minute")
    yield* report("branch tbilisi", "down", "a defect")
    const { components, status } = yield* api.health.ready()
    assert.strictEqual(status, "up")
    assert.deepStrictEqual(
      components.map(({ detail, name, since, state }) => [
        name,
        state,
        DateTime.toEpochMillis(since) / 60_000,
        detail
      ]),
      [...required.map((name) => [name, "up", 1, null]), ["branch tbilisi", "down", 2, "a defect"]]
    )
  }).pipe(Effect.provide(tests))
)

it.effect.each(["database", "migrations"])(
  "it is not ready, with status 503, while this is down: %s",
  (name) =>
    Effect.gen(function* () {
      const api = yield* client
      yield* reportAll
      yield* Health.use(({ report }) => report(name, "down", "gone"))
      const response = yield* api.health.ready({ responseMode: "response-only" })
      assert.strictEqual(response.status, 503)
      const error = yield* Effect.flip(api.health.ready())
      assert.deepInclude(error, { status: "down" })
      const parts = "components" in error ? error.components : []
      assert.deepStrictEqual(
        parts.filter(({ state }) => state === "down").map(({ detail, name }) => [name, detail]),
        [[name, "gone"]]
      )
    }).pipe(Effect.provide(tests))
)
