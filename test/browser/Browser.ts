/** A real browser in a test: one for a file, and a page with a profile of its own for each visit. */
import { randomUUID } from "node:crypto"
import { createReadStream, createWriteStream, existsSync } from "node:fs"
import { mkdir, rename, stat } from "node:fs/promises"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { pipeline } from "node:stream/promises"
import { fileURLToPath } from "node:url"
import { createBrotliDecompress } from "node:zlib"
import { Context, Effect, Layer } from "effect"
import {
  type BrowserContextOptions,
  chromium,
  type Page,
  type Response,
  type Browser as Running
} from "playwright-core"
import { Url } from "../http/server.ts"

/** Chromium as its package brings it, compressed. */
const packed = join(
  dirname(createRequire(import.meta.url).resolve("@sparticuz/chromium")),
  "../bin/chromium.br"
)
const cache = fileURLToPath(new URL("../../node_modules/.cache/chromium/", import.meta.url))

/**
 * Where Chromium is unpacked. It appears there whole: files are tested side by side, and a run may be killed, and none of
 * them must start half a browser.
 */
const unpacked = async (): Promise<string> => {
  const { size } = await stat(packed)
  const place = join(cache, String(size))
  if (existsSync(place)) return place
  const draft = `${place}-${randomUUID()}`
  await mkdir(cache, { recursive: true })
  await pipeline(
    createReadStream(packed),
    createBrotliDecompress(),
    createWriteStream(draft, { mode: 0o755 })
  )
  await rename(draft, place)
  return place
}

export class Browser extends Context.Service<Browser, Running>()("test/Browser") {
  /** Root, which tests may run as, is denied Chromium's sandbox. Its pages are our own. */
  static readonly layer = Layer.effect(
    Browser,
    Effect.acquireRelease(
      Effect.promise(async () =>
        chromium.launch({ executablePath: await unpacked(), args: ["--no-sandbox", "--disable-gpu"] })
      ),
      (browser) => Effect.promise(() => browser.close())
    )
  )
}

export interface Visit {
  readonly page: Page
  /** What the browser found wrong so far: each a line. */
  readonly complaints: ReadonlyArray<string>
  /** What was answered so far. */
  readonly responses: ReadonlyArray<Response>
}

/** Opens a page of the dashboard in a profile of its own, English where nothing else is said; it ends with the scope. */
export const visit = Effect.fnUntraced(function* (path: string, options: BrowserContextOptions = {}) {
  const browser = yield* Browser
  const baseURL = yield* Url
  const context = yield* Effect.acquireRelease(
    Effect.promise(() =>
      browser.newContext({ baseURL, locale: "en-GB", reducedMotion: "reduce", ...options })
    ),
    (context) => Effect.promise(() => context.close())
  )
  return yield* Effect.promise(async (): Promise<Visit> => {
    const page = await context.newPage()
    const complaints: Array<string> = []
    const responses: Array<Response> = []
    page.on("console", (message) => {
      if (message.type() !== "log") complaints.push(`console ${message.type()}: ${message.text()}`)
    })
    page.on("pageerror", (error) => complaints.push(`page error: ${error.message}`))
    page.on("requestfailed", (request) => {
      const { errorText = "" } = request.failure() ?? {}
      // A request that the page itself no longer wants has not failed.
      if (errorText !== "net::ERR_ABORTED") complaints.push(`failed: ${request.url()} ${errorText}`)
    })
    page.on("request", (request) => {
      if (!request.url().startsWith(`${baseURL}/`)) complaints.push(`another host: ${request.url()}`)
    })
    page.on("response", (response) => {
      responses.push(response)
      if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`)
    })
    await page.goto(path)
    return { page, complaints, responses }
  })
})

/** What a person does in a page and sees there; each step waits until it can be done, or fails after 30 s. */
export const doing = Effect.promise
