import { createServer } from "node:http"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { about, allHandled, insert, until } from "../support/tables.ts"
import { serve, settings } from "./program.ts"

/** A collector of whatever is posted to it: `path` and `body`. */
const collector = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly posts: Array<string>; readonly close: () => void }>(
    (resume) => {
      const posts: Array<string> = []
      const server = createServer(async (request, response) => {
        let body = ""
        for await (const part of request.setEncoding("utf8")) body += part
        posts.push(`${request.url} ${body}`)
        response.writeHead(200, { "content-type": "application/json" }).end("{}")
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${port}`,
            posts,
            close: () => server.close().closeAllConnections()
          })
        )
      })
    }
  ),
  ({ close }) => Effect.sync(close)
)

describe("telemetry", () => {
  it.live("goes to OTEL_EXPORTER_OTLP_ENDPOINT: each event a span, and no secret", () =>
    Effect.gen(function* () {
      const { companyTokens, put } = yield* Simulator
      const { posts, url } = yield* collector
      yield* put("car", { id: 1, company_id: 9247 })
      const program = yield* serve({ ...(yield* settings), OTEL_EXPORTER_OTLP_ENDPOINT: url })
      yield* insert(about("car_update", 1), about("client_update", 2))
      yield* allHandled
      yield* program.signal("SIGTERM")
      assert.strictEqual((yield* program.exit).code, 0)
      const all = yield* until(
        Effect.sync(() => posts.join("\n")),
        (text) => text.includes("/v1/traces") && text.includes("/v1/metrics")
      )
      for (const said of [
        '"event_id"',
        "RentProg.fetch",
        "handleRentProgEvent",
        "jarvis_rentprog_calls_total"
      ]) {
        assert.isTrue(all.includes(said), said)
      }
      for (const secret of [...Object.values(companyTokens), "simulated-token-"]) {
        const at = all.indexOf(secret)
        assert.strictEqual(at, -1, all.slice(Math.max(0, at - 200), at + 50))
      }
    }).pipe(Effect.scoped, Effect.provide([testDatabase, Simulator.layer()]))
  )
})
