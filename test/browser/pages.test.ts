/** Every page: it loads clean and small, speaks the reader's language, reads well for everybody, and fits a phone. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { assert, it, layer } from "@effect/vitest"
import { Effect, Layer, Schema } from "effect"
import type { Page } from "playwright-core"
import { assertAccessible } from "./accessible.ts"
import { Browser, doing, visit } from "./Browser.ts"
import { pages, Shown, settled, shown } from "./shown.ts"

/** What each answer's Content-Security-Policy has to say. */
const strict = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
]

/** What the page calls its parts and what can be done there, with what only a screen reader says of it. */
const wordsOf = `
  Array.from(document.querySelectorAll(
    "h1, h2, nav a, button, thead th, label, legend, summary, option, dt, small, figcaption, [role=status]"
  ))
    // Columns are called what SQL calls them.
    .filter((element) => element.closest(".pairs") === null)
    .flatMap((element) => [element.textContent, ...["aria-label", "placeholder", "title"].map((name) => element.getAttribute(name))])
    .filter((text) => text)
`
const decodeWords = Schema.decodeUnknownPromise(Schema.Array(Schema.String))

/** Names, which are the same in any language. */
const names =
  /\b(Jarvis|RentProg|tbilisi|kutaisi|batumi|service-center|(car|client|booking)_(create|update|destroy))\b/g

const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

/** Narrower than a desk's, wider than a phone's: from where rows stop being cards to where all has room. */
const windows = [721, 760, 820, 861, 890, 1024]

/** What can be pressed or filled in and does not lie within the page's width; what scrolls by itself is left out. */
const outOfReach = (width: number) => `
  Array.from(document.querySelectorAll("a, button, input, select, summary"))
    .filter((element) => element.checkVisibility({ visibilityProperty: true }))
    .filter((element) => {
      for (let at = element; at !== null; at = at.parentElement) {
        if (/auto|scroll/.test(getComputedStyle(at).overflowX)) return false
      }
      const { left, right } = element.getBoundingClientRect()
      return left < 0 || right > ${width}
    })
    .map(({ outerHTML }) => outerHTML)
`

const assertFits = async (page: Page, width: number = phone.viewport.width): Promise<void> => {
  // A scroll bar takes some of it.
  const { scrollWidth, clientWidth } = await page
    .locator("html")
    .evaluate(({ clientWidth, scrollWidth }) => ({ clientWidth, scrollWidth }))
  assert.isAtMost(scrollWidth, clientWidth)
  // Browsers zoom out of a page that is too wide.
  assert.strictEqual(await page.evaluate("innerWidth"), width)
  assert.deepStrictEqual(await page.evaluate(outOfReach(width)), [])
}

/** The document's language, title and heading. */
const assertNamed = async (page: Page, language: string, heading: string): Promise<void> => {
  assert.strictEqual(await page.locator("html").getAttribute("lang"), language)
  assert.strictEqual(await page.getByRole("heading", { level: 1 }).innerText(), heading)
  assert.strictEqual(await page.title(), `${heading} · Jarvis`)
}

const dashboard = Layer.merge(shown, Browser.layer)

layer(dashboard, { excludeTestServices: true, concurrent: true })("pages", (it) => {
  it.effect.each(pages)("%s loads clean, and says what it is", ([, { heading, path }]) =>
    Effect.gen(function* () {
      const ids = yield* Shown
      const { complaints, page, responses } = yield* visit(path(ids))
      yield* doing(async () => {
        await settled(page)
        await assertNamed(page, "en", heading.en(ids))
        for (const response of responses) {
          const policy = response.headers()["content-security-policy"] ?? ""
          assert.includeMembers(policy.split("; "), strict, response.url())
          assert.notInclude(policy, "unsafe")
        }
        assert.deepStrictEqual(complaints, [])
      })
    })
  )

  it.effect.each(pages)("%s is Russian for those who read Russian", ([, { heading, path }]) =>
    Effect.gen(function* () {
      const ids = yield* Shown
      const { complaints, page } = yield* visit(path(ids), { locale: "ru-RU" })
      yield* doing(async () => {
        await settled(page)
        await assertNamed(page, "ru", heading.ru(ids))
        const words = await decodeWords(await page.evaluate(wordsOf))
        assert.isAbove(words.length, 5)
        assert.deepStrictEqual(
          words.filter((text) => /[A-Za-z]{2}/.test(text.replaceAll(names, ""))),
          []
        )
        assert.deepStrictEqual(complaints, [])
      })
    })
  )

  it.effect.each(pages)("%s: axe finds nothing wrong, in light or in dark", ([, { path }]) =>
    Effect.gen(function* () {
      const { page } = yield* visit(path(yield* Shown))
      yield* doing(async () => {
        await settled(page)
        await assertAccessible(page)
      })
    })
  )

  it.effect("axe finds nothing wrong with dialogs, and what is said at the edge of the page", () =>
    Effect.gen(function* () {
      const { event } = yield* Shown
      const { page } = yield* visit(`/events/${event}`)
      yield* doing(async () => {
        await page.getByRole("button", { name: "Discard…" }).click()
        await page.getByRole("dialog").getByText("1 row will count as done").waitFor()
        await assertAccessible(page)
        await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click()
        await page.getByRole("button", { name: "You" }).click()
        await assertAccessible(page)
        await page.getByRole("dialog").getByRole("button", { name: "Save" }).click()
        await page.getByText("Saved.").waitFor()
        await assertAccessible(page)
      })
    })
  )

  it.effect("axe finds nothing wrong with the minutes of a chart, and with rows that are chosen", () =>
    Effect.gen(function* () {
      const { event } = yield* Shown
      const { page } = yield* visit("/", phone)
      yield* doing(async () => {
        await settled(page)
        await page.getByText("As a table").first().tap()
        await page.getByRole("columnheader", { name: "Minute" }).waitFor()
        await assertAccessible(page)
        await page.goto("/events")
        await page.getByRole("button", { name: "Filters" }).tap()
        await page.getByLabel(`Select row ${event}`).check()
        await assertAccessible(page)
      })
    })
  )

  it.effect.each(pages)("%s fits a phone", ([, { path }]) =>
    Effect.gen(function* () {
      // Russian words are the longer ones.
      const { page } = yield* visit(path(yield* Shown), { ...phone, locale: "ru-RU" })
      yield* doing(async () => {
        await settled(page)
        await assertFits(page)
      })
    })
  )

  it.effect.each(pages)("%s fits a window that is no wider than it must be", ([, { path }]) =>
    Effect.gen(function* () {
      const { page } = yield* visit(path(yield* Shown), { locale: "ru-RU" })
      yield* doing(async () => {
        await settled(page)
        for (const width of windows) {
          await page.setViewportSize({ width, height: 900 })
          // Charts are drawn anew in the next frame.
          await page.evaluate(
            "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
          )
          await assertFits(page, width)
        }
      })
    })
  )

  it.effect("a row whose words nothing breaks fits a phone", () =>
    Effect.gen(function* () {
      const { page } = yield* visit(`/events/${(yield* Shown).endless}`, phone)
      yield* doing(async () => {
        await settled(page)
        await assertFits(page)
      })
    })
  )

  it.effect("on a phone everything is within reach", () =>
    Effect.gen(function* () {
      const { event } = yield* Shown
      const { page } = yield* visit("/", phone)
      yield* doing(async () => {
        for (const name of ["History", "Actions", "Overview", "Events"]) {
          await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).tap()
          await page.getByRole("heading", { name, level: 1 }).waitFor({ state: "attached" })
        }
        await page.getByRole("button", { name: "Filters" }).tap()
        await page.getByLabel("Branch").selectOption("tbilisi")
        await page.waitForURL("/events?branch=tbilisi")
        await page.getByLabel(`Select row ${event}`).tap()
        const chosen = page.getByRole("region", { name: "1 row selected" })
        await assertFits(page)
        await page.getByRole("button", { name: "You" }).tap()
        await page.getByRole("dialog").getByRole("button", { name: "Save" }).tap()
        const said = await page.getByRole("button", { name: "Close" }).boundingBox()
        const bar = await chosen.boundingBox()
        assert.isAtMost(
          (said?.y ?? 0) + (said?.height ?? 0),
          bar?.y ?? 0,
          "what is said covers what is chosen"
        )
        await chosen.getByRole("button", { name: "Retry" }).tap()
        const dialog = page.getByRole("dialog")
        await dialog.getByText("1 row will be run again").waitFor()
        await assertFits(page)
        await dialog.getByRole("button", { name: "Cancel" }).tap()
        await chosen.getByRole("button", { name: "Clear selection" }).tap()

        await page.getByRole("link", { name: event, exact: true }).tap()
        await page.getByRole("button", { name: "Discard…" }).tap()
        await dialog.getByLabel("Why").tap()
        await assertFits(page)
        await dialog.getByRole("button", { name: "Cancel" }).tap()
        await page.getByRole("link", { name: "Car 65311" }).tap()
        await page.getByRole("heading", { name: "Car 65311" }).waitFor()
      })
    })
  )
})

it("all of the dashboard is under 150 kB, compressed", () => {
  const built = fileURLToPath(new URL("../../dist/dashboard/", import.meta.url))
  const files = readdirSync(built, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => join(parentPath, name))
  for (const kind of [/\.html$/, /\.js$/, /\.css$/]) assert.isTrue(files.some((file) => kind.test(file)))
  assert.isBelow(
    files.reduce((bytes, file) => bytes + gzipSync(readFileSync(file)).length, 0),
    150_000
  )
})
