/** What the page calls well, what it does not, and what it says to do about it. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { Health } from "../../src/actors/Health.ts"
import { logsRefused, refused } from "../http/refusing.ts"
import { server } from "../http/server.ts"
import { insertEvents } from "../support/events.ts"
import { insertHistory } from "../support/history.ts"
import { until } from "../support/tables.ts"
import { Browser, doing, visit } from "./Browser.ts"

const verdict = (page: Page) => page.getByRole("region", { name: "How things stand" })

/** Waits for the first sweep, which says of a part that it is up. */
const swept = Effect.flatMap(Health, ({ components }) =>
  until(components, (all) => all.some(({ name }) => name === "event settling"))
)

// One after the other: each has a service of its own, and with it a pool of connections.
layer(Browser.layer, { excludeTestServices: true })("the verdict", (it) => {
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
    ["presence", "Contact with other processes", "Связь с другими процессами"],
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

  it.effect("rows that have been failing for long are no small matter", () =>
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
      // Nor are entries of the log; that one waits for its record is nothing unusual, nor a row's first failure.
      yield* sql`
        UPDATE events SET revision = revision + 1, processed = true, ok = true, reason = NULL, next_attempt_at = NULL
      `
      yield* sql`
        INSERT INTO events (ts, branch, type, ext_id, payload)
        VALUES (now() - interval '25 minutes', 'batumi', 'car_update', '|', '{}')
      `
      yield* insertHistory({ description: "Иван Петров изменил , mileage с 1 на 2 в авто № 5" })
      const [entry] = yield* insertHistory({
        description: "Иван Петров изменил , mileage с 1 на 2 в авто № 6"
      })
      yield* sql`UPDATE history SET revision = revision + 1, ts = now() - interval '50 minutes'`
      yield* doing(() => verdict(page).getByText("1 row needs a person", { exact: true }).waitFor())
      assert.notInclude(yield* doing(() => verdict(page).innerText()), "have been failing")
      yield* sql`
        UPDATE history SET revision = revision + 1, reason = 'apply_failed: x' WHERE history.id = ${entry?.id ?? ""}::bigint
      `
      yield* doing(() =>
        verdict(page)
          .getByText("Entries of the log have been failing for 50 minutes", { exact: true })
          .waitFor()
      )
    }).pipe(Effect.scoped, Effect.provide(server()))
  )
})
