/** What the page says while things change, and while there is nobody to ask. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { Page } from "playwright-core"
import { comeBack, goAway } from "../actors/outage.ts"
import { server, Url } from "../http/server.ts"
import { addressOf, serve } from "../process/program.ts"
import { insertEvents } from "../support/events.ts"
import { insertHistory } from "../support/history.ts"
import { TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { Browser, doing, visit } from "./Browser.ts"

/** Events that nobody can process, so that the service leaves them alone. */
const park = (count: number) =>
  insertEvents(Array.from({ length: count }, () => ({ type: "car_explode", branch: "kutaisi", payload: {} })))

const verdict = (page: Page) => page.getByRole("region", { name: "How things stand" })
const connection = (page: Page) => page.getByRole("banner").getByRole("status")
const tile = (page: Page, table: "Events" | "History", name: string) =>
  page.getByRole("region", { name: `${table} Backlog` }).getByRole("link", { name, exact: true })

const mark = (page: Page) => page.evaluate("window.sameDocument = true")
/** Whether it is the document that was marked. */
const isMarked = (page: Page) => page.evaluate("window.sameDocument === true")

/** Numbers with their nouns: 1, 2 and 5 are three forms in Russian. */
const said = {
  en: {
    label: "How things stand",
    matching: "Discard matching…",
    person: { 1: "1 row needs a person", 2: "2 rows need a person", 5: "5 rows need a person" },
    page: { 1: "1 row on this page", 2: "2 rows on this page", 5: "5 rows on this page" },
    ask: { 1: "1 row will count as done", 2: "2 rows will count as done", 5: "5 rows will count as done" }
  },
  ru: {
    label: "Как обстоят дела",
    matching: "Снять все…",
    person: { 1: "1 строка ждёт человека", 2: "2 строки ждут человека", 5: "5 строк ждут человека" },
    page: { 1: "На странице 1 строка", 2: "На странице 2 строки", 5: "На странице 5 строк" },
    ask: { 1: "будет закрыто: 1 строка.", 2: "будет закрыто: 2 строки.", 5: "будет закрыто: 5 строк." }
  }
} as const

layer(Browser.layer, { excludeTestServices: true, concurrent: true })("live", (it) => {
  it.effect("numbers and verdict move without a reload", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { complaints, page } = yield* visit("/")
      yield* doing(async () => {
        await verdict(page).getByText("All is well", { exact: true }).waitFor()
        await tile(page, "Events", "0 Parked").waitFor()
        await mark(page)
      })
      yield* park(2)
      yield* insertHistory({ description: "Пользователь вошёл" })
      yield* doing(async () => {
        await verdict(page).getByText("3 rows need a person", { exact: true }).waitFor()
        await tile(page, "Events", "2 Parked").waitFor()
        await tile(page, "History", "1 Parked").waitFor()
        await page.getByRole("link", { name: "Unknown type Parked 2" }).waitFor()
        await page.getByRole("row", { name: /^kutaisi .* 0 0 2 / }).waitFor()
        await page.getByRole("link", { name: "Events 2 rows need a person" }).waitFor()
      })
      yield* sql`UPDATE events SET processed = true, ok = true, processed_at = now()`
      yield* sql`UPDATE history SET processed = true, ok = true`
      yield* doing(async () => {
        await verdict(page).getByText("All is well", { exact: true }).waitFor()
        await tile(page, "Events", "0 Parked").waitFor()
        await page.getByText(/^In the last hour 2 were received and 2 processed\.$/).waitFor()
        assert.isTrue(await isMarked(page))
        assert.deepStrictEqual(complaints, [])
      })
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("a list offers what is new, and moves nothing by itself", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [first, second] = yield* park(2)
      const { page } = yield* visit("/events?state=parked")
      const numbers = page.getByRole("table").getByRole("rowheader")
      yield* doing(() => page.getByText("2 rows on this page").waitFor())
      const [third] = yield* park(1)
      yield* sql`UPDATE events SET processed = true, ok = true WHERE id = ${first?.id ?? ""}::bigint`
      yield* doing(async () => {
        const offer = page.getByRole("button", { name: "Show 1 new row" })
        await offer.waitFor()
        await page.getByText("1 row no longer matches").waitFor()
        assert.deepStrictEqual(await numbers.allInnerTexts(), [second?.id, first?.id])
        await offer.click()
        await page.getByText("2 rows on this page").waitFor()
        assert.deepStrictEqual(await numbers.allInnerTexts(), [third?.id, second?.id])
      })
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("while the service is down the page says so, and finds the next one at the same address", () =>
    Effect.gen(function* () {
      const DATABASE_URL = yield* TestDatabase.useSync(({ url }) => Redacted.value(url))
      const first = yield* serve({ DATABASE_URL })
      const { page } = yield* Effect.provideService(visit("/"), Url, addressOf(first))
      yield* doing(async () => {
        await verdict(page).getByText("All is well").waitFor()
        await mark(page)
      })
      yield* first.signal("SIGKILL")
      yield* doing(async () => {
        await connection(page).getByText("No connection").waitFor()
        await verdict(page).getByText("The service does not answer").waitFor()
        await page.getByText(/^The numbers are from \d+:\d\d/).waitFor()
        await page.getByRole("link", { name: "Actions" }).click()
        await page.getByRole("alert").getByText("The service does not answer").waitFor()
      })
      yield* park(1)
      yield* serve({ DATABASE_URL, JARVIS_PORT: new URL(addressOf(first)).port })
      yield* doing(async () => {
        await connection(page).getByText("Live").waitFor()
        await page.getByText("Nobody has done anything yet.").waitFor()
        await page.getByRole("alert").waitFor({ state: "hidden" })
        await page.getByRole("link", { name: "Events 1 row needs a person" }).waitFor()
        assert.isTrue(await isMarked(page))
      })
    }).pipe(Effect.scoped, Effect.provide(testDatabase))
  )

  it.effect("while the database is away the page says so, and goes on when it is back", () =>
    Effect.gen(function* () {
      const { page } = yield* visit("/")
      yield* doing(async () => {
        await verdict(page).getByText("All is well").waitFor()
        await mark(page)
      })
      yield* goAway
      yield* doing(async () => {
        await connection(page).getByText("Database away").waitFor()
        await verdict(page).getByText("The database does not answer").waitFor()
        await page.getByText(/^The numbers are from \d+:\d\d/).waitFor()
      })
      yield* comeBack
      yield* doing(async () => {
        await connection(page).getByText("Live").waitFor()
        await verdict(page).getByText("All is well").waitFor()
        assert.isTrue(await isMarked(page))
      })
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("numbers agree with their nouns, in either language", () =>
    Effect.gen(function* () {
      let parked = 0
      for (const count of [1, 2, 5] as const) {
        yield* park(count - parked)
        parked = count
        for (const locale of ["en", "ru"] as const) {
          const { ask, label, matching, page: shown, person } = said[locale]
          const { page } = yield* visit("/", { locale })
          yield* doing(async () => {
            await page
              .getByRole("region", { name: label })
              .getByText(person[count], { exact: true })
              .waitFor()
            await page.goto("/events?state=parked")
            await page.getByText(shown[count], { exact: true }).waitFor()
            await page.getByRole("button", { name: matching }).click()
            await page.getByRole("dialog").getByText(ask[count]).waitFor()
          })
        }
      }
    }).pipe(Effect.scoped, Effect.provide(server()))
  )
})
