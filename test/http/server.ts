/** The service in a test, with its HTTP server on a port of its own, over a migrated database. */
import { type IncomingHttpHeaders, request } from "node:http"
import { ConfigProvider, Context, Effect, Layer, Metric } from "effect"
import { Health } from "../../src/actors/Health.ts"
import * as Server from "../../src/http/Server.ts"
import * as Jarvis from "../../src/Jarvis.ts"
import { Settings } from "../../src/Settings.ts"
import { Log } from "../actors/world.ts"
import { testDatabase } from "../support/TestDatabase.ts"

/** Where the server listens. */
export class Url extends Context.Service<Url, string>()("test/Url") {}

/** Serves with these settings and no others. Nobody answers for RentProg. */
export const server = (env: Readonly<Record<string, string>> = {}) => {
  const settings = Settings.layer.pipe(
    Layer.provide(
      ConfigProvider.layer(
        ConfigProvider.fromEnv({
          env: { JARVIS_PORT: "0", RENTPROG_BASE_URL: "http://127.0.0.1:9/api", ...env }
        })
      )
    )
  )
  return Layer.effect(Url, Server.address).pipe(
    Layer.provide(Jarvis.service),
    Layer.provide(settings),
    // That of the service: a layer is built once.
    Layer.provideMerge(Health.layer),
    Layer.provideMerge(testDatabase),
    Layer.provideMerge(Log.layer),
    // What it counts is its own: the tests of a worker share the program's modules.
    Layer.provideMerge(Layer.sync(Metric.MetricRegistry, () => new Map()))
  )
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Asked {
  readonly method?: string
  /** An array goes out in pieces, without a length. */
  readonly body?: string | ReadonlyArray<string | Uint8Array>
  readonly headers?: Readonly<Record<string, string>>
}

/** Sends a request as it stands: any header, any body. */
export const ask = Effect.fnUntraced(function* (
  path: string,
  { body, headers = {}, method = "GET" }: Asked = {}
) {
  const url = yield* Url
  return yield* Effect.callback<Answer, Error>((resume) => {
    const sent = request(`${url}${path}`, { method, headers, agent: false }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (piece: string) => {
        text += piece
      })
      response.on("end", () =>
        resume(Effect.succeed({ status: response.statusCode ?? 0, headers: response.headers, text }))
      )
    })
    sent.on("error", (error) => resume(Effect.fail(error)))
    if (Array.isArray(body)) for (const piece of body) sent.write(piece)
    sent.end(typeof body === "string" ? body : undefined)
  })
})

/** Posts JSON. */
export const post = (path: string, body: string, headers: Readonly<Record<string, string>> = {}) =>
  ask(path, { method: "POST", body, headers: { "content-type": "application/json", ...headers } })
