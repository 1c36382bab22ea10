/** The HTTP server: the API's handlers, the pages, and what every answer has. */
import { createServer } from "node:http"
import { NodeHttpServer } from "@effect/platform-node"
import { ByteSize, Effect, Layer } from "effect"
import { HttpIncomingMessage, HttpMiddleware, HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder, HttpApiMiddleware } from "effect/http-api"
import { Settings } from "../Settings.ts"
import * as Access from "./access.ts"
import { actions } from "./actions.ts"
import { answers, compressed } from "./answers.ts"
import { Api } from "./api/Api.ts"
import { branches } from "./branches.ts"
import { closeIdle, Ending, endInOrder, streamsEnd } from "./ending.ts"
import { entities } from "./entities.ts"
import { glance } from "./glance.ts"
import { health } from "./health.ts"
import { metrics } from "./metrics.ts"
import { pages } from "./pages.ts"
import { rows } from "./rows.ts"
import { largestBody, webhooks } from "./webhooks.ts"

const api = HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([webhooks, health, glance, branches, entities, actions, rows]),
  Layer.provide([
    Access.admin,
    Access.webhook,
    HttpApiMiddleware.layerProblemDetails({ includeDetails: true })
  ])
)

/** Milliseconds. A sender that dawdles holds a connection no longer than this. */
const timeLimits = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  // Senders that come often keep their connection.
  keepAliveTimeout: 65_000,
  connectionsCheckingInterval: 5000
}

/** Listens where the settings say. Fails where it cannot. */
export const layer = Layer.unwrap(
  Settings.useSync(({ host, port }) => {
    const server = closeIdle(createServer(timeLimits))
    return endInOrder(server).pipe(
      Layer.provideMerge(
        HttpRouter.serve(Layer.mergeAll(api, metrics, pages, answers, compressed, streamsEnd), {
          disableLogger: true,
          disableListenLog: true,
          // A token in the path may be long.
          routerConfig: { maxParamLength: 500 }
        })
      ),
      Layer.provide(Ending.layer),
      Layer.provideMerge(NodeHttpServer.layer(() => server, { host, port }))
    )
  })
).pipe(
  Layer.provide(Layer.succeed(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(largestBody))),
  // Its spans would tell whole addresses, tokens and searches included; `answers` makes one that does not.
  Layer.provide(Layer.succeed(HttpMiddleware.TracerDisabledWhen, () => true))
)

/** `http://127.0.0.1:3000` */
export const address = Effect.map(HttpServer.HttpServer, ({ address }) => HttpServer.formatAddress(address))
