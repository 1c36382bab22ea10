/** The HTTP server in a test: on a port of its own, over a migrated database. */

import { createServer, type IncomingHttpHeaders, request } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { ByteSize, ConfigProvider, Context, Effect, Layer } from "effect"
import { HttpIncomingMessage, HttpRouter, HttpServer } from "effect/http"
import { HttpApi, HttpApiBuilder, HttpApiMiddleware } from "effect/http-api"
import { Inbox } from "../../src/database/Inbox.ts"
import * as Access from "../../src/http/access.ts"
import { answers, compressed } from "../../src/http/answers.ts"
import { Webhooks } from "../../src/http/api/Webhooks.ts"
import { largestBody, webhooks } from "../../src/http/webhooks.ts"
import { Settings } from "../../src/Settings.ts"

class Api extends HttpApi.make("jarvis").add(Webhooks).middleware(HttpApiMiddleware.ProblemDetails) {}

/** Settings as the environment would have them. */
const settings = (env: Readonly<Record<string, string>>) =>
  Settings.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))

export class Url extends Context.Service<Url, string>()("test/Url") {}

/** Serves with these settings and no others. */
export const server = (env: Readonly<Record<string, string>> = {}) => {
  const api = HttpApiBuilder.layer(Api).pipe(
    Layer.provide(webhooks),
    Layer.provide([
      Access.admin,
      Access.webhook,
      HttpApiMiddleware.layerProblemDetails({ includeDetails: true })
    ])
  )
  return Layer.effect(
    Url,
    Effect.map(HttpServer.HttpServer, ({ address }) => HttpServer.formatAddress(address))
  ).pipe(
    Layer.provide(
      HttpRouter.serve(Layer.mergeAll(api, answers, compressed), {
        disableLogger: true,
        disableListenLog: true,
        routerConfig: { maxParamLength: 500 }
      }).pipe(
        Layer.provideMerge(NodeHttpServer.layer(() => createServer(), { host: "127.0.0.1", port: 0 })),
        Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(largestBody)))
      )
    ),
    Layer.provide(Inbox.layer),
    Layer.provide(settings({ JARVIS_PORT: "0", ...env }))
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
  readonly body?: string | ReadonlyArray<string>
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
