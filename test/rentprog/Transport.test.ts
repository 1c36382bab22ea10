import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { gzipSync } from "node:zlib"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import { RentProg } from "../../src/rentprog/RentProg.ts"
import { key, tbilisi } from "./stub.ts"

/** A server that answers as a test says, and what it was asked. */
const serve = Effect.fnUntraced(function* (
  answer: (request: IncomingMessage, response: ServerResponse) => void
) {
  const asked: Array<string> = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization ?? "-"}`)
    if (request.url?.startsWith("/api/get_token"))
      response.end('{"token":"t","exp":"2100-01-01T00:00:00.000+00:00"}')
    else answer(request, response)
  })
  yield* Effect.callback<void>((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.void))
  })
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
  )
  const address = server.address()
  const port = address !== null && typeof address === "object" ? address.port : 0
  return { asked, port, url: `http://127.0.0.1:${port}/api` }
})

const clients: ReadonlyArray<{ readonly name: string; readonly http: Layer.Layer<HttpClient.HttpClient> }> = [
  { name: "fetch", http: FetchHttpClient.layer },
  { name: "undici", http: NodeHttpClient.layerUndici }
]

const rentProg = (baseUrl: string, http: Layer.Layer<HttpClient.HttpClient>) =>
  RentProg.layer({
    baseUrl,
    tokens: new Map([[tbilisi, Redacted.make("secret")]]),
    userTokens: new Map(),
    readsPerMinute: 6000,
    searchesPerMinute: 6000
  }).pipe(Layer.provide(http))

const fetch = RentProg.use((rentprog) => rentprog.fetch(tbilisi, key("car", 1)))

describe.each(clients)("over $name", ({ http }) => {
  it.live("a redirect is followed on the same host", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((request, response) => {
        if (request.url === "/api/cars/1") response.writeHead(301, { location: "/api/v2/cars/1?a=b" }).end()
        else response.end('{"id":1}')
      })
      const { entityId } = yield* Effect.provide(fetch, rentProg(url, http))
      assert.strictEqual(entityId, "1")
      assert.deepStrictEqual(asked.slice(1), ["GET /api/cars/1 Bearer t", "GET /api/v2/cars/1?a=b Bearer t"])
    })
  )

  it.live("a redirect is not followed to another host, which would see the token", () =>
    Effect.gen(function* () {
      const other = yield* serve((_, response) => response.end('{"id":1}'))
      const { url } = yield* serve((_, response) =>
        response.writeHead(307, { location: `http://127.0.0.1:${other.port}/api/cars/1` }).end()
      )
      const error = yield* Effect.flip(Effect.provide(fetch, rentProg(url, http)))
      assert.strictEqual(error._tag, "RentProgBadResponse")
      assert.include(
        error.detail,
        "GET /cars/1 for branch tbilisi was answered 307, which leads to another host"
      )
      assert.deepStrictEqual(other.asked, [])
    })
  )

  it.live("a redirect that leads round and round ends", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((request, response) =>
        response.writeHead(302, { location: request.url }).end()
      )
      const error = yield* Effect.flip(Effect.provide(fetch, rentProg(url, http)))
      assert.include(error.detail, "round and round")
      assert.isAtMost(asked.length, 6)
    })
  )

  it.live("an answer without an end is given up, and its connection with it", () =>
    Effect.gen(function* () {
      let sent = 0
      let isClosed = false
      const { asked, url } = yield* serve((_, response) => {
        const piece = Buffer.alloc(2 ** 20, " ")
        const more = () => {
          if (isClosed) return
          sent += 1
          if (response.write(piece)) setImmediate(more)
        }
        response.on("drain", more)
        response.on("close", () => {
          isClosed = true
        })
        more()
      })
      const error = yield* Effect.flip(Effect.provide(fetch, rentProg(url, http)))
      assert.strictEqual(error._tag, "RentProgBadResponse")
      assert.include(error.detail, "GET /cars/1 for branch tbilisi was answered with more than 32 MB")
      yield* Effect.repeat(
        Effect.sync(() => isClosed),
        { until: (closed) => closed }
      )
      assert.isBelow(sent, 64)
      // It makes no sense to ask again.
      assert.lengthOf(asked, 2)
    })
  )

  it.live("an answer of 20 MB comes whole", () =>
    Effect.gen(function* () {
      const note = "ю".repeat(10 * 2 ** 20)
      const { url } = yield* serve((_, response) => response.end(JSON.stringify({ id: 1, note })))
      const { data } = yield* Effect.provide(fetch, rentProg(url, http))
      assert.isTrue(data["note"] === note)
    })
  )
})

it.live.each([
  { what: "that says so", headers: {}, body: Buffer.alloc(33 * 2 ** 20, " ") },
  {
    what: "once it is unpacked",
    headers: { "content-encoding": "gzip" },
    body: gzipSync(Buffer.alloc(33 * 2 ** 20, " "))
  }
])("an answer that is too large, $what, is given up", ({ body, headers }) =>
  Effect.gen(function* () {
    const { url } = yield* serve((_, response) =>
      response.writeHead(200, { "content-length": body.length, ...headers }).end(body)
    )
    const error = yield* Effect.flip(Effect.provide(fetch, rentProg(url, FetchHttpClient.layer)))
    assert.strictEqual(error._tag, "RentProgBadResponse")
    assert.include(error.detail, "more than 32 MB")
  })
)
