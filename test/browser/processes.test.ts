/** What the page says of the processes that share a database. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { server } from "../http/server.ts"
import { until } from "../support/tables.ts"
import { assertAccessible } from "./accessible.ts"
import { Browser, doing, visit } from "./Browser.ts"
import { settled } from "./shown.ts"

const languages = ["en", "ru"] as const

const words = {
  en: {
    verdict: "How things stand",
    title: "Processes",
    parts: "Parts",
    alone: /^Process \S+ · \d+ does all the work, started .+\.$/,
    self: /this page comes from it does all the work hears of new events for all started/,
    other:
      /^app2 · 42 shares the work with others works for 2 branches: batumi, kutaisi Not well: Notifications started 2 hours ago$/,
    standby: /^app4 · 44 stands by, and takes over when need be started/,
    gone: /^app3 · 43 Not seen for [34] minutes Not well: Adoption of old rows started/,
    down: "Down: Notifications (process app2 · 42)",
    lost: "Gone or frozen: process app3 · 43",
    adoption: "Adoption of old rows",
    works: "process app2 · 42",
    noToken: "kutaisi has events and no token",
    nobody: "no process works for it",
    idle: "No process hears of new events"
  },
  ru: {
    verdict: "Как обстоят дела",
    title: "Процессы",
    parts: "Части",
    alone: /^Процесс \S+ · \d+ выполняет всю работу, запущен .+\.$/,
    self: /эта страница — от него выполняет всю работу слушает новые события за всех запущен/,
    other:
      /^app2 · 42 делит работу с другими ведёт 2 филиала: batumi, kutaisi Не в порядке: Уведомления запущен 2 часа назад$/,
    standby: /^app4 · 44 в резерве: подхватит работу, если понадобится запущен/,
    gone: /^app3 · 43 Не выходит на связь [34] минуты Не в порядке: Приём старых строк запущен/,
    down: "Не работает: Уведомления (процесс app2 · 42)",
    lost: "Не на связи: процесс app3 · 43",
    adoption: "Приём старых строк",
    works: "процесс app2 · 42",
    noToken: "У филиала kutaisi есть события, но нет токена",
    nobody: "его не ведёт ни один процесс",
    idle: "Новые события никто не слушает"
  }
} as const

/** Three others: one that shares the work and is not well, one that was last seen minutes ago, one that stands by. */
const company = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  yield* sql`
    INSERT INTO jarvis_processes (id, host, pid, role, branches, started_at, seen_at) VALUES
      (102, 'app2', 42, 'sharing', '{batumi,kutaisi}', now() - interval '2 hours', now() + interval '1 hour'),
      (103, 'app3', 43, 'sharing', '{tbilisi}', now() - interval '2 hours', now() - interval '3 minutes'),
      (104, 'app4', 44, 'standing by', '{}', now() - interval '2 hours', now() + interval '1 hour'),
      (105, ${"endless".repeat(12)}, 45, 'standing by', '{}', now() - interval '2 hours', now() + interval '1 hour')
  `
  yield* sql`
    INSERT INTO jarvis_said (process, kind, name, said)
    SELECT said.process, 'component', said.name, jsonb_build_object(
      'name', said.name, 'state', said.state, 'since', '2025-11-25T08:00:00.000Z', 'detail', said.detail
    )
    FROM (VALUES
      (102, 'notifications', 'down', 'none came back'), (102, 'database', 'up', NULL), (102, 'something new', 'up', NULL),
      (103, 'adoption', 'down', 'it was held'), (104, 'event listener', 'up', 'in another process')
    ) AS said (process, name, state, detail)
  `
})

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ")

layer(Browser.layer, { excludeTestServices: true })("processes", (it) => {
  it.effect("one that is alone is a line", () =>
    Effect.gen(function* () {
      for (const locale of languages) {
        const { page } = yield* visit("/", { locale })
        const { alone, title } = words[locale]
        yield* doing(async () => {
          await page.getByText(alone).waitFor()
          assert.strictEqual(await page.getByRole("region", { name: title }).count(), 0)
          const branches = await page.getByRole("row").allInnerTexts()
          assert.isAbove(branches.length, 2)
          for (const branch of branches) assert.notMatch(branch, /·/)
        })
      }
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("of several each says what it does, and the verdict which of them is not well", () =>
    Effect.gen(function* () {
      yield* company
      for (const locale of languages) {
        const { page } = yield* visit("/", { locale })
        const { adoption, down, gone, lost, other, parts, self, standby, title, verdict, works } =
          words[locale]
        const list = page.getByRole("region", { name: title })
        const said = page.getByRole("region", { name: verdict })
        yield* doing(async () => {
          await said.getByText(down, { exact: true }).waitFor()
          await said.getByText("none came back").waitFor()
          await said.getByText(lost, { exact: true }).waitFor()
          // That of one which is gone is no news of the service.
          assert.notInclude(await said.innerText(), adoption)
        })
        const lines = yield* until(
          doing(async () => (await list.getByRole("listitem").allInnerTexts()).map(oneLine)),
          (lines) => lines.some((line) => self.test(line))
        )
        for (const line of [other, gone, standby]) {
          assert.strictEqual(
            lines.filter((text) => line.test(text)).length,
            1,
            `${line} in ${lines.join("\n")}`
          )
        }
        yield* doing(async () => {
          await page.getByRole("row", { name: `kutaisi ${works}` }).waitFor()
          const part = page.getByRole("region", { name: parts }).getByRole("listitem")
          assert.include(oneLine(await part.filter({ hasText: "something new" }).innerText()), works)
        })
      }
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("several fit any window, and axe finds nothing wrong", () =>
    Effect.gen(function* () {
      yield* company
      const { complaints, page } = yield* visit("/", { locale: "ru" })
      yield* doing(async () => {
        await settled(page)
        await page.getByRole("region", { name: words.ru.title }).waitFor()
        for (const width of [390, 721, 900, 1024, 1440]) {
          await page.setViewportSize({ width, height: 900 })
          await page.evaluate(
            "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
          )
          const { clientWidth, scrollWidth } = await page
            .locator("html")
            .evaluate(({ clientWidth, scrollWidth }) => ({ clientWidth, scrollWidth }))
          assert.isAtMost(scrollWidth, clientWidth, `at ${width}`)
        }
        await assertAccessible(page)
        assert.deepStrictEqual(complaints, [])
      })
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("that nobody works is not well", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      // As between the end of one and the turn of the next.
      yield* sql`
        CREATE FUNCTION idle() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN NEW.listens = false; NEW.started_at = now() - interval ''1 minute''; RETURN NEW; END'
      `
      yield* sql`CREATE TRIGGER idle BEFORE UPDATE ON jarvis_processes FOR EACH ROW EXECUTE FUNCTION idle()`
      const visits = yield* Effect.forEach(languages, (locale) =>
        Effect.map(visit("/", { locale }), ({ page }) => ({ page, says: words[locale] }))
      )
      for (const { page, says } of visits) {
        const verdict = page.getByRole("region", { name: says.verdict })
        yield* doing(() => verdict.getByText(says.idle, { exact: true }).waitFor())
      }
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("a branch that no process works for misses no token", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      yield* sql`INSERT INTO events (branch, type, ext_id, payload) VALUES ('kutaisi', 'car_update', '2', '{}')`
      const visits = yield* Effect.forEach(languages, (locale) =>
        Effect.map(visit("/", { locale }), ({ page }) => ({ page, says: words[locale] }))
      )
      for (const { page, says } of visits) {
        yield* doing(() => page.getByText(says.noToken).waitFor())
      }
      yield* sql`DELETE FROM jarvis_said WHERE kind = 'standing' AND name = 'kutaisi'`
      for (const { page, says } of visits) {
        yield* doing(async () => {
          await page.getByRole("row", { name: "kutaisi" }).getByText(says.nobody).waitFor()
          await page.getByText(says.noToken).waitFor({ state: "detached" })
        })
      }
    }).pipe(Effect.scoped, Effect.provide(server()))
  )
})
