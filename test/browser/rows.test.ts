/** Looking for rows, and looking at one: its story, its record, and the way from one to the other. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { server } from "../http/server.ts"
import { insertEvents } from "../support/events.ts"
import { until } from "../support/tables.ts"
import { Browser, doing, visit } from "./Browser.ts"
import { Shown, shown } from "./shown.ts"

/** The numbers of the rows that a list shows. */
const listed = (page: Page) => doing(() => page.getByRole("table").getByRole("rowheader").allInnerTexts())
const lists = (page: Page, ids: ReadonlyArray<string>) =>
  until(listed(page), (shown) => shown.join() === ids.join())

const address = (page: Page) => {
  const { pathname, search } = new URL(page.url())
  return `${pathname}${search}`
}

/** Two events of a branch that are parked, one of another branch, and one that waits; answers their ids. */
const some = Effect.fnUntraced(function* (branch: string) {
  const rows = yield* insertEvents([
    { type: "car_explode", branch, payload: { note: "zebra" } },
    { type: "car_explode", branch, payload: { note: "Жираф" } },
    { type: "car_explode", branch: "kutaisi", payload: {} },
    { type: "car_update", branch, ext_id: "7", payload: { id: 7 } }
  ])
  return rows.map(({ id }) => id)
})

layer(Browser.layer, { excludeTestServices: true, concurrent: true })("rows", (it) => {
  it.effect("filters stand in the address: they outlive a reload, and the back button takes them back", () =>
    Effect.gen(function* () {
      const [zebra = "", giraffe = "", other = ""] = yield* some("batumi")
      const { page } = yield* visit("/events")
      yield* doing(async () => {
        await page.getByRole("navigation", { name: "State" }).getByRole("link", { name: "Parked" }).click()
        await page.waitForURL("/events?state=parked")
        await page.getByRole("heading", { name: "Events", level: 1 }).waitFor()
        await page.getByLabel("Branch").selectOption("batumi")
        await page.waitForURL("/events?state=parked&branch=batumi")
      })
      yield* lists(page, [giraffe, zebra])
      yield* doing(async () => {
        await page.reload()
        assert.strictEqual(await page.getByLabel("Branch").inputValue(), "batumi")
        assert.strictEqual(await page.title(), "Parked · Events · Jarvis")
      })
      yield* lists(page, [giraffe, zebra])
      assert.strictEqual(address(page), "/events?state=parked&branch=batumi")

      yield* doing(() => page.goBack())
      yield* until(listed(page), (ids) => ids[0] === other && ids.includes(zebra))
      assert.strictEqual(address(page), "/events?state=parked")
      assert.strictEqual(yield* doing(() => page.getByLabel("Branch").inputValue()), "")
      yield* doing(() => page.goForward())
      yield* lists(page, [giraffe, zebra])

      yield* doing(async () => {
        await page.getByLabel("Reason").selectOption({ label: "Unreadable payload" })
        await page.getByText("No rows match.").waitFor()
        await page.getByRole("link", { name: "Clear filters" }).click()
        await page.waitForURL("/events")
      })
      yield* until(listed(page), (ids) => ids.includes(other) && ids.includes(giraffe))
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("a search finds what was received, in either case", () =>
    Effect.gen(function* () {
      const [zebra = "", giraffe = "", , waiting = ""] = yield* some("service-center")
      const { page } = yield* visit("/events?branch=service-center")
      const search = page.getByRole("searchbox", { name: "Search" })
      yield* lists(page, [waiting, giraffe, zebra])
      yield* doing(() => search.fill("ZEBRA"))
      yield* lists(page, [zebra])
      assert.strictEqual(address(page), "/events?branch=service-center&text=ZEBRA")
      yield* doing(() => search.fill("жираф"))
      yield* lists(page, [giraffe])
      yield* doing(() => search.fill("no such thing"))
      yield* doing(() => page.getByText("No rows match.").waitFor())
      yield* doing(() => search.fill(""))
      yield* lists(page, [waiting, giraffe, zebra])
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("a search that rests takes nothing back, and leaves the next word its space", () =>
    Effect.gen(function* () {
      const [zebra = ""] = yield* some("batumi")
      const { page } = yield* visit("/events")
      const search = page.getByRole("searchbox", { name: "Search" })
      yield* doing(async () => {
        await page.getByLabel("Branch").getByRole("option", { name: "batumi" }).waitFor({ state: "attached" })
        await search.fill("zebra")
        await page.getByLabel("Branch").selectOption("batumi")
        await page.waitForURL("/events?branch=batumi&text=zebra")
      })
      yield* lists(page, [zebra])
      yield* doing(async () => {
        await search.fill("car ")
        await page.waitForURL("/events?branch=batumi&text=car")
        await search.pressSequentially("wash")
        await page.waitForURL("/events?branch=batumi&text=car+wash")
        assert.strictEqual(await search.inputValue(), "car wash")
      })
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("a time is typed whole before it counts", () =>
    Effect.gen(function* () {
      const { page } = yield* visit("/events", { timezoneId: "Asia/Tbilisi" })
      yield* doing(async () => {
        await page.getByLabel("From", { exact: true }).focus()
        await page.keyboard.type("02022026")
        // Where the clock has 24 hours, the letters are nothing.
        await page.keyboard.type("1030AM")
      })
      assert.strictEqual(address(page), "/events")
      yield* doing(async () => {
        await page.keyboard.press("Enter")
        await page.waitForURL(/from=2026-02-02T06%3A30%3A00/)
        assert.strictEqual(await page.getByLabel("From", { exact: true }).inputValue(), "2026-02-02T10:30")
      })
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("older rows follow what is shown, however many have come since", () =>
    Effect.gen(function* () {
      const sing = (length: number) =>
        insertEvents(Array.from({ length }, () => ({ type: "car_sing", branch: "kutaisi", payload: {} })))
      const ids = (yield* sing(60)).map(({ id }) => id).toReversed()
      const { page } = yield* visit("/events?state=parked&text=car_sing")
      yield* lists(page, ids.slice(0, 50))
      yield* sing(55)
      yield* doing(async () => {
        await page.getByRole("button", { name: "Show 50+ new rows" }).waitFor()
        await page.getByRole("link", { name: "Older" }).click()
      })
      yield* lists(page, ids.slice(50))
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("older rows are a page further", () =>
    Effect.gen(function* () {
      const rows = yield* insertEvents(
        Array.from({ length: 60 }, () => ({ type: "car_sing", branch: "kutaisi", payload: {} }))
      )
      const ids = rows.map(({ id }) => id).toReversed()
      const { page } = yield* visit("/events?state=parked&text=car_sing")
      yield* lists(page, ids.slice(0, 50))
      yield* doing(() => page.getByRole("link", { name: "Older" }).click())
      yield* lists(page, ids.slice(50))
      yield* doing(() => page.getByRole("link", { name: "Newest" }).click())
      yield* lists(page, ids.slice(0, 50))
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("a row tells its story, and leads to its record, whose timeline leads to what told of it", () =>
    Effect.gen(function* () {
      const { entry, event } = yield* Shown
      const sql = yield* PgClient.PgClient
      const [row] = yield* sql<{ readonly trace_id: string }>`
        SELECT trace_id FROM events WHERE id = ${event}::bigint
      `
      const trace = row?.trace_id ?? ""
      assert.match(trace, /^[0-9a-f]{32}$/)
      const { page } = yield* visit("/events?branch=tbilisi")
      yield* doing(async () => {
        await page.context().grantPermissions(["clipboard-read", "clipboard-write"])
        await page.getByRole("link", { name: event, exact: true }).click()
        await page.getByRole("heading", { name: `Event ${event}`, level: 1 }).waitFor()
        assert.strictEqual(address(page), `/events/${event}`)

        const received = page.getByRole("region", { name: "As received" })
        await received.getByText('{"mileage"=>[101191, 102035], "id"=>65311, "company_id"=>9247}').waitFor()
        const normalised = await page.getByRole("region", { name: "As normalised" }).innerText()
        assert.deepStrictEqual<unknown>(JSON.parse(normalised), {
          id: 65_311,
          mileage: 102_035,
          company_id: 9247
        })
        const steps = await page.getByRole("region", { name: "Story" }).getByRole("listitem").allInnerTexts()
        assert.match(steps[0] ?? "", /^Received\s/)
        assert.match(steps[1] ?? "", /^Attempt failed\s+RentProg refuses the token/)
        const standing = page.getByRole("region", { name: "Waiting RentProg refuses the token" })
        await standing.getByText("Set the branch's token in RENTPROG_TOKENS and restart.").waitFor()

        await page.getByText(trace, { exact: true }).first().waitFor()
        await page.getByRole("button", { name: "Copy the trace id" }).click()
        await page.getByText("Copied.").waitFor()
        assert.strictEqual(await page.evaluate("navigator.clipboard.readText()"), trace)

        await page.getByRole("link", { name: "Car 65311" }).click()
        await page.getByRole("heading", { name: "Car 65311", level: 1 }).waitFor()
        assert.strictEqual(address(page), "/entities/car/65311")
        const told = page.getByRole("region", { name: "Timeline" }).getByRole("listitem")
        await told
          .filter({ hasText: "Иван Петров" })
          .filter({ hasText: /mileage\s*101191 → 102035/ })
          .first()
          .waitFor()
        await page.getByText('"seats": 5').waitFor()
        await page.getByRole("link", { name: `log entry ${entry}` }).click()
        await page.getByRole("heading", { name: `Log entry ${entry}`, level: 1 }).waitFor()
        await page.getByText("Иван Петров изменил , mileage с 101191 на 102035").first().waitFor()
      })
    }).pipe(Effect.scoped, Effect.provide(shown))
  )

  it.effect("what is not there is said to be not there", () =>
    Effect.gen(function* () {
      const { page } = yield* visit("/events/999999999")
      yield* doing(async () => {
        await page.getByRole("alert").getByText("There is no such thing.").waitFor()
        await page.goto("/entities/car/999999999")
        await page.getByRole("alert").getByText("There is no such thing.").waitFor()
        await page.goto("/events/abc")
        await page.getByRole("heading", { name: "No such page" }).waitFor()
        await page.goto("/entities/spaceship/1")
        await page.getByRole("heading", { name: "No such page" }).waitFor()
      })
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("what is too large to show is said to be cut off, in the reader's language", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const payload = `{"id": 5, "mileage": [1, ${Array(3000).fill("1e131071").join()}]}`
      const [row] = yield* sql<{ readonly id: string }>`
        INSERT INTO events (branch, type, payload) VALUES ('batumi', 'car_update', ${payload}::jsonb)
        RETURNING events.id::text
      `
      for (const [locale, says] of [
        ["en-GB", "Cut off: too large to show."],
        ["ru-RU", "Обрезано: слишком велико, чтобы показать."]
      ] as const) {
        const { page } = yield* visit(`/events/${row?.id}`, { locale })
        yield* until(
          doing(() => page.getByText(says).count()),
          // As received, as normalised, and twice among the columns.
          (count) => count === 4
        )
      }
    }).pipe(Effect.scoped, Effect.provide(server()))
  )
})
