/** What a person does: run rows again, discard them and take that back, hold a branch; and what is written down of it. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { server } from "../http/server.ts"
import { insertEvent, insertEvents } from "../support/events.ts"
import { fail, states, wholeRows } from "../support/rows.ts"
import { until } from "../support/tables.ts"
import { Browser, doing, visit } from "./Browser.ts"

const name = "Нина Ли"

/** Says who one is. */
const introduce = async (page: Page): Promise<void> => {
  await page.getByRole("button", { name: "You" }).click()
  const dialog = page.getByRole("dialog", { name: "You" })
  await dialog.getByLabel("Your name").fill(name)
  await dialog.getByRole("button", { name: "Save" }).click()
  await page.getByRole("button", { name }).waitFor()
  await page.getByRole("button", { name: "Close" }).click()
}

/** What is said at the edge of the page. */
const toast = (page: Page, text: string) => page.getByRole("status").filter({ hasText: text }).first()

/** Discards in the dialog that is open, which counts so many rows. */
const discard = async (page: Page, counted: string, reason: string): Promise<void> => {
  const dialog = page.getByRole("dialog", { name: "Discard?" })
  await dialog.getByText(`${counted} will count as done without having been processed.`).waitFor()
  await dialog.getByText(`Written down as ${name}.`).waitFor()
  const button = dialog.getByRole("button", { name: /^Discard/ })
  assert.isTrue(await button.isDisabled(), "a discard needs a reason")
  await dialog.getByLabel("Why").fill(reason)
  await button.click()
  await dialog.waitFor({ state: "detached" })
}

/** Parked events of a branch; answers their ids. */
const park = (branch: string, count: number) =>
  Effect.map(
    insertEvents(Array.from({ length: count }, () => ({ type: "car_explode", branch, payload: { id: 1 } }))),
    (rows) => rows.map(({ id }) => id)
  )

layer(Browser.layer, { excludeTestServices: true, concurrent: true })("deeds", (it) => {
  it.effect("a branch is held, and let go on", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const held = sql`SELECT branch, paused_by FROM paused_branches`
      const { complaints, page } = yield* visit("/")
      const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: /^kutaisi/ }) })
      yield* doing(async () => {
        await introduce(page)
        await row.getByRole("button", { name: "Pause kutaisi" }).click()
        const dialog = page.getByRole("dialog", { name: "Pause kutaisi?" })
        await dialog.getByRole("button", { name: "Pause" }).click()
        await toast(page, "kutaisi is paused.").waitFor()
        await row.getByText(`paused by ${name}`).waitFor()
        await page.getByText(`kutaisi is paused by ${name}`).waitFor()
      })
      assert.deepStrictEqual(yield* held, [{ branch: "kutaisi", paused_by: name }])
      // Whatever comes for it waits.
      yield* insertEvent({ type: "car_update", branch: "kutaisi", ext_id: "7", payload: { id: 7 } })
      yield* doing(async () => {
        await row.getByRole("cell", { name: "1", exact: true }).waitFor()
        await row.getByRole("button", { name: "Resume kutaisi" }).click()
        const dialog = page.getByRole("dialog", { name: "Resume kutaisi?" })
        await dialog.getByRole("button", { name: "Resume" }).click()
        await toast(page, "kutaisi goes on.").waitFor()
        await row.getByRole("button", { name: "Pause kutaisi" }).waitFor()
        await page.getByText(`kutaisi is paused by ${name}`).waitFor({ state: "detached" })
      })
      assert.deepStrictEqual(yield* held, [])
      yield* until(states("events"), ([state]) => state === "waiting")
      yield* doing(async () => {
        await page.getByRole("link", { name: "Actions" }).click()
        await page.getByText(`${name} · Paused kutaisi`).waitFor()
        await page.getByText(`${name} · Resumed kutaisi`).waitFor()
      })
      assert.deepStrictEqual(complaints, [])
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("a deed whose answer is lost is not said to be repeated", () =>
    Effect.gen(function* () {
      const { page } = yield* visit("/")
      yield* doing(async () => {
        await page.route("**/api/branches/kutaisi/pause", (route) => route.abort())
        await page.getByRole("button", { name: "Pause kutaisi" }).click()
        const dialog = page.getByRole("dialog", { name: "Pause kutaisi?" })
        await dialog.getByRole("button", { name: "Pause" }).click()
        await dialog
          .getByRole("alert")
          .getByText(
            "The service does not answer. It is not known whether it was done: look, then try again.",
            { exact: true }
          )
          .waitFor()
        // It is the trouble of this dialog alone.
        await dialog.getByRole("button", { name: "Cancel" }).click()
        await page.getByRole("button", { name: "Pause batumi" }).click()
        const other = page.getByRole("dialog", { name: "Pause batumi?" })
        await other.waitFor()
        assert.strictEqual(await other.getByRole("alert").count(), 0)
      })
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("a parked row that was mended is run again", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const { id } = yield* insertEvent({ type: "car_update", payload: { id: 5, company_id: 77_001 } })
      // As after every branch was asked.
      yield* fail("events", id, {
        reason: "unknown_branch: asked tbilisi: none has car 5",
        next: "'infinity'"
      })
      assert.deepStrictEqual(yield* states("events"), ["parked"])
      const { complaints, page } = yield* visit(`/events/${id}`)
      yield* doing(async () => {
        await introduce(page)
        await page.getByRole("region", { name: "Parked Unknown branch" }).waitFor()
      })
      // Past the trigger, which runs the row by itself.
      yield* sql`ALTER TABLE branches DISABLE TRIGGER USER`
      yield* sql`INSERT INTO branches (company_id, code) VALUES (77001, 'tbilisi')`
      yield* sql`ALTER TABLE branches ENABLE TRIGGER USER`
      yield* doing(async () => {
        await page.getByRole("button", { name: "Retry" }).click()
        const dialog = page.getByRole("dialog", { name: "Run again?" })
        await dialog.getByText("1 row will be run again, with a fresh count of attempts.").waitFor()
        await dialog.getByRole("button", { name: "Run again" }).click()
        await toast(page, "1 row runs again.").waitFor()
        // Nobody answers for RentProg, so its turn comes to nothing; but it has one.
        await page.getByRole("region", { name: "Waiting RentProg refuses the token" }).waitFor()
        await page.getByRole("region", { name: "Story" }).getByText(`Run again by ${name}`).waitFor()
      })
      assert.deepStrictEqual(yield* states("events"), ["waiting"])
      const rows = yield* sql`SELECT branch FROM events WHERE id = ${id}::bigint`
      assert.deepStrictEqual(rows, [{ branch: "tbilisi" }])
      yield* doing(async () => {
        await page.getByRole("link", { name: "Actions" }).click()
        await page
          .getByRole("listitem")
          .filter({ hasText: `${name} · Ran 1 row again` })
          .waitFor()
      })
      assert.deepStrictEqual(complaints, [])
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("a row is discarded, and stands as before when that is undone", () =>
    Effect.gen(function* () {
      const [id = ""] = yield* park("batumi", 2)
      const before = yield* wholeRows("events")
      const { complaints, page } = yield* visit(`/events/${id}`)
      yield* doing(async () => {
        await introduce(page)
        await page.getByRole("button", { name: "Discard…" }).click()
        await discard(page, "1 row", "a test of the sender")
        await toast(page, "1 row discarded.").waitFor()
        await page.getByRole("region", { name: "Discarded Discarded" }).waitFor()
        assert.isTrue(await page.getByRole("button", { name: "Discard…" }).isDisabled())
      })
      assert.deepStrictEqual(yield* states("events"), ["discarded", "parked"])
      const [discarded] = yield* wholeRows("events")
      assert.deepInclude(discarded?.row, { reason: "discarded: a test of the sender" })
      yield* doing(async () => {
        await page.getByRole("button", { name: "Undo" }).click()
        await toast(page, "1 row stands as before.").waitFor()
        await page.getByRole("region", { name: "Parked Unknown type" }).waitFor()
        const steps = await page.getByRole("region", { name: "Story" }).getByRole("listitem").allInnerTexts()
        assert.deepStrictEqual(
          steps.map((step) => step.split("\n")[0]),
          ["Received", "Parked", `Discarded by ${name}`, `Discard taken back by ${name}`]
        )
      })
      assert.deepStrictEqual(yield* wholeRows("events"), before)
      assert.deepStrictEqual(complaints, [])
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("all that a filter matches is discarded, and the audit takes it back", () =>
    Effect.gen(function* () {
      yield* park("batumi", 3)
      yield* park("kutaisi", 1)
      const before = yield* wholeRows("events")
      const { complaints, page } = yield* visit("/events?state=parked&branch=batumi")
      yield* doing(async () => {
        await introduce(page)
        await page.getByText("3 rows on this page").waitFor()
        await page.getByRole("button", { name: "Discard matching…" }).click()
        await discard(page, "3 rows", "sold")
        await toast(page, "3 rows discarded.").waitFor()
        await page.getByText("No rows match.").waitFor()
      })
      assert.deepStrictEqual(yield* states("events"), ["discarded", "discarded", "discarded", "parked"])

      yield* doing(async () => {
        await page.getByRole("link", { name: "Actions" }).click()
        const entry = page.getByRole("listitem").filter({ hasText: `${name} · Discarded 3 rows · Events` })
        await entry.getByText("Reason: sold").waitFor()
        await entry.getByRole("link", { name: "state parked, branch batumi" }).waitFor()
        await entry.getByRole("button", { name: "Undo" }).click()
        const dialog = page.getByRole("dialog", { name: "Take the discard back?" })
        await dialog.getByText("3 rows will stand as before the discard.").waitFor()
        await dialog.getByRole("button", { name: "Take back" }).click()
        await toast(page, "3 rows stand as before.").waitFor()
        await page.getByText(`${name} · Took back the discard of 3 rows`).waitFor()
        // What was undone cannot be undone again.
        await page.getByRole("button", { name: "Undo" }).waitFor({ state: "detached" })
      })
      assert.deepStrictEqual(yield* wholeRows("events"), before)
      assert.deepStrictEqual(complaints, [])
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("rows are chosen one by one", () =>
    Effect.gen(function* () {
      const [first, , third] = yield* park("batumi", 4)
      const { page } = yield* visit("/events")
      yield* doing(async () => {
        await introduce(page)
        for (const id of [first, third]) await page.getByLabel(`Select row ${id}`).check()
        const chosen = page.getByRole("region", { name: "2 rows selected" })
        await chosen.getByRole("button", { name: "Discard…" }).click()
        const dialog = page.getByRole("dialog")
        // Nothing is done where one changes one's mind.
        await dialog.getByRole("button", { name: "Cancel" }).click()
        await dialog.waitFor({ state: "detached" })
        await chosen.getByRole("button", { name: "Discard…" }).click()
        await discard(page, "2 rows", "sold")
        await toast(page, "2 rows discarded.").waitFor()
        await chosen.waitFor({ state: "detached" })
      })
      assert.deepStrictEqual(yield* states("events"), ["discarded", "parked", "discarded", "parked"])
      yield* doing(async () => {
        // The undo that is offered stands in nobody's way.
        await page.getByLabel(`Select row ${first}`).check()
        const next = page.getByRole("region", { name: "1 row selected" })
        await next.getByRole("button", { name: "Retry" }).click()
        await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click()
        await page.getByRole("button", { name: "Undo" }).click()
        await toast(page, "2 rows stand as before.").waitFor()
      })
      assert.deepStrictEqual(new Set(yield* states("events")), new Set(["parked"]))
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("an undo that comes too late is refused with words", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const [id = ""] = yield* park("batumi", 1)
      const { page } = yield* visit(`/events/${id}`)
      yield* doing(async () => {
        await introduce(page)
        await page.getByRole("button", { name: "Discard…" }).click()
        await discard(page, "1 row", "sold")
      })
      yield* sql`UPDATE events SET processed = false WHERE id = ${id}::bigint`
      yield* doing(async () => {
        await page.getByRole("button", { name: "Undo" }).click()
        await toast(page, "That is no longer possible").waitFor()
      })
      assert.deepStrictEqual(yield* states("events"), ["parked"])
    }).pipe(Effect.scoped, Effect.provide(server()))
  )
})
