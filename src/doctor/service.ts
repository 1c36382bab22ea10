/** The service that runs with these settings on this machine, where one does. */
import { Effect, Option, Predicate } from "effect"
import { HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import type { Component } from "../domain/Component.ts"
import { AdminAccess } from "../http/api/Access.ts"
import { Api } from "../http/api/Api.ts"
import { Settings } from "../Settings.ts"
import { none, type Outcome, ok, wrong } from "./Check.ts"

/** Where it can be asked from here: a server that listens everywhere listens on loopback, too. */
const addressOf = (host: string, port: number): string => {
  const near = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host
  return `http://${near.includes(":") ? `[${near}]` : near}:${port}`
}

/** How long it may take to say how it is. */
const patience = "3 seconds"

/** A service, and how its parts are. */
const reach = Effect.fnUntraced(function* (url: string) {
  const { adminToken } = yield* Settings
  const access = HttpApiMiddleware.layerClient(AdminAccess, ({ next, request }) =>
    next(Option.isNone(adminToken) ? request : HttpClientRequest.bearerToken(request, adminToken.value))
  )
  const client = yield* Effect.provide(HttpApiClient.make(Api, { baseUrl: url }), access)
  const own = yield* client.health.ready().pipe(
    // Answered 503, it says how its parts are all the same.
    Effect.catch((error) => ("components" in error ? Effect.succeed(error) : Effect.fail(error))),
    Effect.timeout(patience)
  )
  // One that stands by has few parts of its own, and knows those of the one that works.
  const { components } = yield* client.glance.overview().pipe(
    Effect.timeout(patience),
    Effect.orElseSucceed(() => own)
  )
  return { client, components }
})
export type Service = Effect.Success<ReturnType<typeof reach>>

const sayPart = ({ detail, name, state }: Component): string =>
  `${name} is ${state}${detail === null ? "" : `: ${detail}`}`

const sayParts = (url: string, parts: ReadonlyArray<Component>): Outcome => {
  const [first, ...others] = parts.filter(({ state }) => state !== "up")
  if (first === undefined) return ok(`it answers at ${url}, and all its parts are well`)
  const rest = others.length === 0 ? "" : `; and ${others.length} more`
  return wrong(`at ${url}, ${sayPart(first)}${rest}: see ${url}/health/ready`)
}

/** Where no service answers, RentProg is asked without it. */
const withoutIt = "calls of RentProg are made without it, and counted in no quota"

/** The service where one runs, and what is to be said of it. */
export const find: Effect.Effect<
  { readonly service: Option.Option<Service>; readonly outcome: Outcome },
  never,
  Settings | Effect.Services<ReturnType<typeof reach>>
> = Effect.gen(function* () {
  const { host, port } = yield* Settings
  if (port === 0) {
    return {
      service: Option.none(),
      outcome: none(`JARVIS_PORT is 0, so nobody knows where it is; ${withoutIt}`)
    }
  }
  const url = addressOf(host, port)
  return yield* reach(url).pipe(
    Effect.map((service) => ({
      service: Option.some(service),
      outcome: sayParts(url, service.components)
    })),
    Effect.catch((error) =>
      Effect.succeed({
        service: Option.none<Service>(),
        outcome:
          Predicate.isTagged(error, "HttpClientError") && error.reason._tag === "TransportError"
            ? none(`none answers at ${url}; ${withoutIt}`)
            : wrong(`what listens at ${url} does not answer as Jarvis does: see JARVIS_HOST and JARVIS_PORT`)
      })
    )
  )
})
