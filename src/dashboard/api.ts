/** The API's own typed client, made from its contract. */
import { Context, Layer } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { AdminAccess } from "../http/api/Access.ts"
import { Api } from "../http/api/Api.ts"
import { operatorName, token } from "./state/session.ts"

/** The name is percent-encoded, because headers hold no other letters than Latin ones. */
const signed = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest => {
  const secret = token.get()
  const name = operatorName.get()
  const borne = secret === "" ? request : HttpClientRequest.bearerToken(request, secret)
  return name === "" ? borne : HttpClientRequest.setHeader(borne, "Jarvis-Operator", encodeURIComponent(name))
}

const accessLayer = HttpApiMiddleware.layerClient(AdminAccess, ({ next, request }) => next(signed(request)))

export type Client = HttpApiClient.ForApi<typeof Api>

export class Jarvis extends Context.Service<Jarvis, Client>()("jarvis/dashboard/Jarvis") {
  static readonly layer = Layer.effect(Jarvis, HttpApiClient.make(Api, { baseUrl: location.origin })).pipe(
    Layer.provide([
      accessLayer,
      FetchHttpClient.layer,
      // No trace begins in the page, so none is continued from it.
      Layer.succeed(HttpClient.TracerPropagationEnabled, false)
    ])
  )
}
