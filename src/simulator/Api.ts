/**
 * RentProg's API as routes over simulated records: addresses, pages, refusals, and the faults that befall calls.
 */
import { NodeHttpServerRequest } from "@effect/platform-node"
import { DateTime, Duration, Effect, Layer, Option, Predicate, Schema } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import type { EntityType } from "../domain/Entity.ts"
import { type Access, Refused } from "./Access.ts"
import type { Calls } from "./Calls.ts"
import { ownerOf } from "./Companies.ts"
import { Fault, type Faults } from "./Faults.ts"
import type { History } from "./History.ts"
import type { Records } from "./Records.ts"

/** How the API answers; read anew with each call. */
export interface Manners {
  /** How long every answer takes. */
  readonly latency: Duration.Input
  /** Whether a 429 says in `Retry-After` how many seconds to wait. */
  readonly retryAfter: boolean
  /** Lists send 10 records a page whatever size is asked for. */
  readonly ignorePageSize: boolean
  /** Whether a list is an array, or an object with the array under `data`. */
  readonly envelope: Readonly<Record<EntityType, "array" | "data">>
  /**
   * Where the operations log is: at `POST /search_operations`, or at the older `GET /history_items`, as an array or an object with
   * the array under one of these names. The other address answers 404.
   */
  readonly historyAt: "search_operations" | "array" | "data" | "history_items"
  /** Numbers are sent as strings. */
  readonly numbersAsText: boolean
}

/** What the routes are about. */
export interface World {
  readonly records: Records
  readonly history: History
  readonly access: Access
  readonly faults: Faults
  readonly calls: Calls
  readonly manners: () => Manners
}

/** Where the API lives on its server. */
export const basePath = "/api/v1/public"

/** What users see lives here: the operations log. */
const userPath = "/api/v1"

/** Records a page where no size is given, or the given one is ignored. */
const ordinaryPage = 10

const kinds = [
  { kind: "car", one: "/cars", fallback: "/car", list: "/all_cars_full", size: "limit" },
  { kind: "client", one: "/clients", fallback: "/client", list: "/clients", size: "limit" },
  { kind: "booking", one: "/bookings", fallback: "/booking", list: "/all_bookings", size: "per_page" }
] as const

type Request = HttpServerRequest.HttpServerRequest

const search = (request: Request): URLSearchParams =>
  Option.match(HttpServerRequest.toURL(request), {
    onNone: () => new URLSearchParams(),
    onSome: (url) => url.searchParams
  })

const bearer = (request: Request): string => (request.headers["authorization"] ?? "").replace(/^Bearer /, "")

/** For `JSON.stringify`: every number as a string. */
const asText = (_: string, value: unknown) => (Predicate.isNumber(value) ? String(value) : value)

/** A page number or page size: a whole number from 1. */
const counted = (
  params: URLSearchParams,
  name: string,
  otherwise: number
): Effect.Effect<number, Refused> => {
  const text = params.get(name) ?? String(otherwise)
  return /^[1-9]\d{0,8}$/.test(text)
    ? Effect.succeed(Number(text))
    : Effect.fail(new Refused({ status: 422, detail: `${name} is no positive number` }))
}

/** An instant in ISO 8601, as epoch milliseconds. */
const instant = (
  params: URLSearchParams,
  name: string,
  otherwise: number
): Effect.Effect<number, Refused> => {
  const text = params.get(name)
  if (text === null) return Effect.succeed(otherwise)
  return Option.match(DateTime.make(text), {
    onNone: () => Effect.fail(new Refused({ status: 422, detail: `${name} is no instant` })),
    onSome: (time) => Effect.succeed(DateTime.toEpochMillis(time))
  })
}

/** What the search of the operations log asks for; RentProg's own page sends all of it. */
const Search = Schema.Struct({
  page: Schema.Int.check(Schema.isGreaterThan(0)),
  per_page: Schema.Int.check(Schema.isGreaterThan(0)),
  sort_by: Schema.Literal("id"),
  direction: Schema.Literals(["asc", "desc"]),
  search: Schema.Null
})

/** The private API answers RentProg's own page alone. */
const isOwnPage = ({ headers }: Request): boolean =>
  headers["origin"] === "https://web.rentprog.ru" && headers["referer"] === "https://web.rentprog.ru/"

/** The whole API as routes of an `HttpRouter`. */
export const routes = ({ access, calls, faults, history, manners, records }: World) => {
  const json = (body: Schema.Json) =>
    HttpServerResponse.text(JSON.stringify(body, manners().numbersAsText ? asText : undefined), {
      contentType: "application/json"
    })

  const refusal = ({ detail, retryAfter, status }: Refused) => {
    const response = HttpServerResponse.jsonUnsafe({ error: detail }, { status })
    return retryAfter !== undefined && manners().retryAfter
      ? HttpServerResponse.setHeader(response, "retry-after", String(retryAfter))
      : response
  }

  const nothing = () => Effect.fail(new Refused({ status: 404, detail: "No such address" }))

  const token = Effect.fnUntraced(function* (request: Request) {
    const { exp, token } = yield* access.issue(search(request).get("company_token") ?? "")
    return json({ token, exp })
  })

  const one = (kind: EntityType, address: "main" | "fallback") =>
    Effect.fnUntraced(function* (request: Request) {
      const branch = yield* access.admit(bearer(request))
      const { id = "" } = yield* HttpRouter.params
      const record = yield* records.find(kind, id, branch, address)
      if (Option.isNone(record)) return yield* new Refused({ status: 404, detail: "Not found" })
      return json(record.value)
    })

  /** The page asked for. */
  const paged = Effect.fnUntraced(function* <A>(
    all: ReadonlyArray<A>,
    params: URLSearchParams,
    sizeName: string
  ) {
    const page = yield* counted(params, "page", 1)
    const asked = yield* counted(params, sizeName, ordinaryPage)
    const size = manners().ignorePageSize ? ordinaryPage : asked
    return all.slice((page - 1) * size, page * size)
  })

  const list = (kind: EntityType, sizeName: string) =>
    Effect.fnUntraced(function* (request: Request) {
      const branch = yield* access.admit(bearer(request))
      const found = yield* paged(yield* records.list(kind, branch), search(request), sizeName)
      return json(manners().envelope[kind] === "data" ? { data: found } : found)
    })

  /** The operations log as it is now, newest first. */
  const searchOperations = Effect.fnUntraced(function* (request: Request) {
    if (manners().historyAt !== "search_operations") return yield* nothing()
    if (!isOwnPage(request)) return yield* new Refused({ status: 403, detail: "Forbidden" })
    const branch = yield* access.admitUser(bearer(request))
    const { direction, page, per_page } = yield* HttpServerRequest.schemaBodyJson(Search).pipe(
      Effect.mapError(() => new Refused({ status: 422, detail: "This is no search" }))
    )
    const all = (yield* history.list(branch)).toSorted((one, other) =>
      direction === "desc" ? other.id - one.id : one.id - other.id
    )
    const size = manners().ignorePageSize ? ordinaryPage : per_page
    const data = all
      .slice((page - 1) * size, page * size)
      .map((attributes) => ({ id: String(attributes.id), type: "operation", attributes: { ...attributes } }))
    return json({ operations: { data }, total_operations: all.length })
  })

  const historyItems = Effect.fnUntraced(function* (request: Request) {
    const shape = manners().historyAt
    if (shape === "search_operations") return yield* nothing()
    const branch = yield* access.admitUser(bearer(request))
    const params = search(request)
    const from = yield* instant(params, "created_at_from", Number.NEGATIVE_INFINITY)
    const to = yield* instant(params, "created_at_to", Number.POSITIVE_INFINITY)
    const entries = yield* history.list(branch, { from, to })
    const found = (yield* paged(entries, params, "per_page")).map((item) => ({ ...item }))
    return json(shape === "array" ? found : { [shape]: found })
  })

  /** The answer to a call, or what befalls it instead. */
  const befall = <R>(
    fault: Fault,
    request: Request,
    answer: Effect.Effect<HttpServerResponse.HttpServerResponse, Refused, R>
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, Refused, R> =>
    Fault.$match(fault, {
      Status: ({ status }) => Effect.fail(new Refused({ status, detail: "Simulated fault" })),
      Hang: () => Effect.never,
      Drop: () =>
        Effect.andThen(
          Effect.sync(() => NodeHttpServerRequest.toIncomingMessage(request).socket.destroy()),
          Effect.never
        ),
      BrokenJson: () =>
        Effect.succeed(HttpServerResponse.text('{"id": 1, "na', { contentType: "application/json" })),
      Slow: ({ delay }) => Effect.delay(answer, delay)
    })

  const observed =
    <R>(handler: (request: Request) => Effect.Effect<HttpServerResponse.HttpServerResponse, Refused, R>) =>
    (request: Request) =>
      Effect.gen(function* () {
        const [address = "", query = ""] = request.url.split("?", 2)
        const base = [basePath, userPath].find((start) => address.startsWith(`${start}/`)) ?? ""
        const path = address.slice(base.length)
        const branch =
          access.branchOfToken(bearer(request)) ?? ownerOf(search(request).get("company_token") ?? "")
        const answered = yield* calls.note({ method: request.method, path, query, branch })
        const fault = yield* faults.next(path)
        const { latency } = manners()
        if (Duration.toMillis(latency) > 0) yield* Effect.sleep(latency)
        const response = yield* (
          fault === undefined ? handler(request) : befall(fault, request, handler(request))
        ).pipe(Effect.catchTag("Refused", (refused) => Effect.succeed(refusal(refused))))
        yield* answered(response.status)
        return response
      })

  return Layer.mergeAll(
    HttpRouter.add("GET", `${basePath}/get_token`, observed(token)),
    ...kinds.flatMap(({ fallback, kind, list: listPath, one: onePath, size }) => [
      HttpRouter.add("GET", `${basePath}${listPath}`, observed(list(kind, size))),
      HttpRouter.add("GET", `${basePath}${onePath}/:id`, observed(one(kind, "main"))),
      HttpRouter.add("GET", `${basePath}${fallback}/:id`, observed(one(kind, "fallback")))
    ]),
    HttpRouter.add("POST", `${userPath}/search_operations`, observed(searchOperations)),
    HttpRouter.add("GET", `${userPath}/history_items`, observed(historyItems)),
    HttpRouter.add("*", "/*", observed(nothing))
  )
}
