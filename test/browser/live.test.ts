/** What the page says while things change, and while there is nobody to ask. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import type { Page } from "playwright-core"
import { Health } from "../../src/actors/Health.ts"
import { comeBack, goAway } from "../actors/outage.ts"
import { logsRefused, refused } from "../http/refusing.ts"
import { server, Url } from "../http/server.ts"
import { addressOf, serve } from "../process/program.ts"
import { insertEvents } from "../support/events.ts"
import { insertHistory } from "../support/history.ts"
import { TestDatabase, testDatabase } from "../support/TestDatabase.ts"
import { until } from "../support/tables.ts"
import { Browser, doing, visit } from "./Browser.ts"

/** Events that nobody can process, so that the service leaves them alone. */
const park = (count: number) =>
  insertEvents(Array.from({ length: count }, () => ({ type: "car_explode", branch: "kutaisi", payload: {} })))

const verdict = (page: Page) => page.getByRole("region", { name: "How things stand" })
const connection = (page: Page) => page.getByRole("banner").getByRole("status")
const tile = (page: Page, table: "Events" | "History", name: string) =>
  page.getByRole("region", { name: `${table} Backlog` }).getByRole("link", { name, exact: true })

/** Waits for the first sweep, which says of a part that it is up. */
const swept = Effect.flatMap(Health, ({ components }) =>
  until(components, (all) => all.some(({ name }) => name === "event settling"))
)

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

  const refusals = {
    en: {
      label: "How things stand",
      well: "All is well",
      verdict: "RentProg refuses the token of tbilisi",
      remedy: "Correct its token in RENTPROG_TOKENS and restart.",
      missing: "kutaisi has events and no token",
      behind: /batumi is behind: an event has been due for 7 minutes/,
      noLogs: "No log is read: RENTPROG_HISTORY_TOKENS is empty."
    },
    ru: {
      label: "Как обстоят дела",
      well: "Всё в порядке",
      verdict: "RentProg не принимает токен филиала tbilisi",
      remedy: "Исправьте токен в RENTPROG_TOKENS и перезапустите сервис.",
      missing: "У филиала kutaisi есть события, но нет токена",
      behind: /Филиал batumi отстаёт: событие ждёт своей очереди 7 минут/,
      noLogs: "Журналы не читаются: RENTPROG_HISTORY_TOKENS не задан."
    }
  } as const

  it.effect("all is not well while RentProg takes no token, or a branch falls behind", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* swept
      yield* sql`
        INSERT INTO events (branch, type, ext_id, payload) VALUES
          ('tbilisi', 'car_update', '1', '{}'), ('kutaisi', 'car_update', '2', '{}')
      `
      // No trigger notifies of this one, so no actor takes it before the next sweep.
      yield* sql.withTransaction(
        Effect.gen(function* () {
          yield* sql`SET LOCAL session_replication_role = replica`
          yield* sql`
            INSERT INTO events (branch, type, ext_id, payload, next_attempt_at)
            VALUES ('batumi', 'car_update', '3', '{}', now() - interval '7 minutes')
          `
        })
      )
      for (const locale of ["en", "ru"] as const) {
        const { page } = yield* visit("/", { locale })
        const { behind, label, missing, noLogs, remedy, verdict, well } = refusals[locale]
        const region = page.getByRole("region", { name: label })
        yield* doing(async () => {
          await region.getByText(verdict, { exact: true }).waitFor()
          await region.getByText(remedy).first().waitFor()
          await region.getByText(missing).waitFor()
          await region.getByText(behind).waitFor()
          await page.getByText(noLogs).waitFor()
          assert.notInclude(await region.innerText(), well)
        })
      }
    }).pipe(Effect.scoped, Effect.provide(refused))
  )

  const parts = [
    ["event settling", "Settling of events", "Запись итогов событий"],
    ["adoption", "Adoption of old rows", "Приём старых строк"],
    ["log tbilisi", "Operations log of tbilisi", "Журнал филиала tbilisi"],
    ["user token tbilisi", "User token of tbilisi", "Токен пользователя филиала tbilisi"],
    ["something new", "something new", "something new"]
  ] as const

  it.effect("each part that is not up is named in the verdict, and what to do about it", () =>
    Effect.gen(function* () {
      const health = yield* Health
      yield* swept
      for (const [name] of parts) yield* health.report(name, "down", `the detail of ${name}`)
      for (const locale of ["en", "ru"] as const) {
        const { page } = yield* visit("/", { locale })
        const region = page.getByRole("region", { name: refusals[locale].label })
        const text = yield* until(
          doing(() => region.innerText()),
          (text) => text.includes("something new")
        )
        for (const [name, en, ru] of parts) {
          const down = locale === "en" ? `Down: ${en}` : `Не работает: ${ru}`
          // With what there is to do.
          assert.match(text, new RegExp(`${down}\\s*the detail of ${name}\\. \\p{L}`, "u"))
        }
      }
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  const logs = {
    en: {
      title: "Operations logs",
      known: /known until/,
      missing: "The operations log of batumi is not read",
      down: "Down: Operations log of tbilisi",
      unread: "The operations log of tbilisi has not been read to its end for 40 minutes"
    },
    ru: {
      title: "Журналы филиалов",
      known: /известен до/,
      missing: "Журнал филиала batumi не читается",
      down: "Не работает: Журнал филиала tbilisi",
      unread: "Журнал филиала tbilisi не дочитан до конца уже 40 минут"
    }
  } as const

  it.effect("all is not well while a log is not read", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const health = yield* Health
      const part = Effect.map(health.components, (all) => all.find(({ name }) => name === "log tbilisi"))
      yield* until(part, (part) => part?.state === "down")
      const visits = yield* Effect.forEach(["en", "ru"] as const, (locale) =>
        Effect.map(visit("/", { locale }), ({ page }) => ({
          says: logs[locale],
          list: page.getByRole("region", { name: logs[locale].title }),
          region: page.getByRole("region", { name: refusals[locale].label }),
          well: refusals[locale].well
        }))
      )
      for (const { region, says, well } of visits) {
        yield* doing(async () => {
          await region.getByText(says.missing).waitFor()
          await region.getByText(says.down).waitFor()
          assert.notInclude(await region.innerText(), well)
        })
      }
      // As where a reading takes for ever.
      yield* health.report("log tbilisi", "up")
      yield* sql`
        INSERT INTO history_progress (branch, read_from, read_until)
        VALUES ('tbilisi', now() - interval '1 day', now() - interval '40 minutes')
      `
      for (const { list, region, says } of visits) {
        yield* doing(async () => {
          await region.getByText(says.unread).waitFor()
          // As wide as it is.
          await list.getByText("tbilisi", { exact: true }).waitFor()
          await list.getByText(says.known).waitFor()
        })
      }
    }).pipe(Effect.scoped, Effect.provide(logsRefused))
  )

  it.effect("events that have been failing for long are no small matter", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [row] = yield* insertEvents([{ type: "car_update", branch: "batumi", ext_id: "1", payload: {} }])
      yield* sql`
        UPDATE events SET revision = revision + 1, ts = now() - interval '20 minutes', attempts = 4, ok = false,
          reason = 'rentprog_bad_response: no record', next_attempt_at = now() + interval '1 hour'
        WHERE events.id = ${row?.id ?? ""}::bigint
      `
      const { page } = yield* visit("/")
      yield* doing(async () => {
        await verdict(page).getByText("Events have been failing for 20 minutes", { exact: true }).waitFor()
        await verdict(page)
          .getByText(/Odd answer of RentProg. The detail says what was wrong/)
          .waitFor()
      })
    }).pipe(Effect.scoped, Effect.provide(server()))
  )
})
