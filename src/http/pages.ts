/** What a browser shows: the dashboard at `/`, and the API's documentation at `/docs`. */
import { createHash } from "node:crypto"
import { fileURLToPath } from "node:url"
import { Effect, Layer, Scope } from "effect"
import { HttpRouter, HttpServerResponse, HttpStaticServer } from "effect/http"
import { HttpApiScalar } from "effect/http-api"
import { root } from "../root.ts"
import { policy } from "./answers.ts"
import { Api } from "./api/Api.ts"

/** As it was built. */
const directory = fileURLToPath(new URL("dist/dashboard/", root))

const index = HttpServerResponse.file(`${directory}index.html`, {
  headers: { "cache-control": "no-cache" },
  contentType: "text/html; charset=utf-8"
}).pipe(
  Effect.catchTag("PlatformError", () =>
    Effect.as(
      Effect.logError("the dashboard is not built: run npm run prepare"),
      HttpServerResponse.empty({ status: 404 })
    )
  )
)

/** Each page is the same file; the path says what it shows. */
const paths = [
  "/",
  "/events",
  "/events/:id",
  "/history",
  "/history/:id",
  "/entities/:type/:id",
  "/actions"
] as const

const dashboard = Layer.mergeAll(
  HttpRouter.addAll(paths.map((path) => HttpRouter.route("GET", path, index))),
  // Their names change with their contents.
  HttpStaticServer.layer({
    root: `${directory}assets`,
    prefix: "/assets",
    cacheControl: "public, max-age=31536000, immutable"
  })
)

/** The page brings its script within itself, so its policy names that script by what it hashes to. */
const docsPolicy = (html: string) => {
  const scripts = Array.from(html.matchAll(/<script>([\s\S]*?)<\/script>/g), ([, script = ""]) =>
    createHash("sha256").update(script).digest("base64")
  )
  return policy({ scripts: scripts.map((hash) => `'sha256-${hash}'`).join(" "), styles: "'unsafe-inline'" })
}

/** The page is the same for everybody. Its script takes megabytes, so it is loaded when somebody looks at the page first. */
const docs = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const scope = yield* Effect.scope
    const page = yield* HttpRouter.toHttpEffect(
      // Its own fonts would come from another host.
      HttpApiScalar.layer(Api, { scalar: { withDefaultFonts: false } })
    ).pipe(
      Effect.flatten,
      Effect.map((response) =>
        response.body._tag === "Uint8Array"
          ? HttpServerResponse.setHeader(
              response,
              "content-security-policy",
              docsPolicy(new TextDecoder().decode(response.body.body))
            )
          : response
      ),
      Scope.provide(scope),
      Effect.uninterruptible,
      Effect.cached
    )
    yield* router.add("GET", "/docs", page)
  })
)

export const pages = Layer.merge(dashboard, docs)
