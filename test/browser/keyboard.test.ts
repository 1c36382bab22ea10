/** With a keyboard alone: Tab, Enter, Escape and letters. The focus is always somewhere, and always seen. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Locator, Page } from "playwright-core"
import { server } from "../http/server.ts"
import { insertEvents } from "../support/events.ts"
import { states } from "../support/rows.ts"
import { Browser, doing, visit } from "./Browser.ts"

/** Nothing, or what is wrong with how the focus shows. */
const focusProblem = `(() => {
  const focused = document.activeElement
  if (focused === null || focused === document.body) return "the focus is nowhere"
  // A part of a field of the browser's own, such as the button of its calendar, which the browser marks.
  if (!focused.matches(":focus")) return null
  const { outlineStyle, outlineWidth } = getComputedStyle(focused)
  const { bottom, height, left, right, top, width } = focused.getBoundingClientRect()
  if (!focused.matches(":focus-visible") || outlineStyle === "none" || parseFloat(outlineWidth) < 1) {
    return "nothing shows the focus of " + focused.outerHTML
  }
  const isInView = top < innerHeight && bottom > 0 && left < innerWidth && right > 0 && width > 0 && height > 0
  if (!isInView) return "out of view: " + focused.outerHTML
  const at = document.elementFromPoint((left + right) / 2, (Math.max(top, 0) + Math.min(bottom, innerHeight)) / 2)
  return at === null || focused.contains(at) || at.contains(focused) ? null : "covered: " + focused.outerHTML + " by " + at.outerHTML
})()`

/** Far enough to go round the whole page once. */
const mostTabs = 120

/** Presses Tab until the focus is on the target. */
const tabTo = async (page: Page, target: Locator): Promise<void> => {
  await target.waitFor()
  for (let tabs = 0; tabs < mostTabs; tabs += 1) {
    await page.keyboard.press("Tab")
    // Having gone round, the focus is with the browser once.
    const problem = await page.evaluate(focusProblem)
    if (problem !== "the focus is nowhere") assert.isNull(problem)
    if ((await target.and(page.locator(":focus")).count()) === 1) return
  }
  assert.fail(`Tab does not lead to ${target}`)
}

layer(Browser.layer, { excludeTestServices: true, concurrent: true })("keyboard", (it) => {
  it.effect("from the skip link to a discarded row and back", () =>
    Effect.gen(function* () {
      const [row] = yield* insertEvents([
        { type: "car_explode", branch: "batumi", payload: { note: "zebra" } },
        { type: "car_explode", branch: "batumi", payload: {} },
        { type: "car_update", branch: "batumi", ext_id: "7", payload: { id: 7 } }
      ])
      const id = row?.id ?? ""
      const { page } = yield* visit("/events")
      const press = (key: string) => page.keyboard.press(key)
      const focused = (target: Locator) => target.and(page.locator(":focus")).waitFor()
      const discard = page.getByRole("button", { name: "Discard…" })
      const dialog = page.getByRole("dialog", { name: "Discard?" })
      const why = dialog.getByLabel("Why")

      yield* doing(async () => {
        await page.getByText("3 rows on this page").waitFor()
        await press("Tab")
        await focused(page.getByRole("link", { name: "Skip to the content" }))
        await press("Enter")
        await tabTo(
          page,
          page.getByRole("navigation", { name: "State" }).getByRole("link", { name: "Parked" })
        )
        await press("Enter")
        await page.getByText("2 rows on this page").waitFor()
        await tabTo(page, page.getByRole("searchbox", { name: "Search" }))
        await page.keyboard.type("zebra")
        await page.getByText("1 row on this page").waitFor()
        await focused(page.getByRole("searchbox", { name: "Search" }))
        assert.match(page.url(), /\/events\?state=parked&text=zebra$/)
        await tabTo(page, page.getByRole("link", { name: id, exact: true }))
        await press("Enter")
        await page.waitForURL(`/events/${id}`)
        await page.getByRole("region", { name: "Parked Unknown type" }).waitFor()
        await focused(page.getByRole("heading", { level: 1 }))

        await tabTo(page, discard)
        // However quick the fingers: what closed one dialog does not close the next.
        for (let times = 0; times < 5; times += 1) {
          await press("Enter")
          await dialog.waitFor()
          await press("Escape")
          await dialog.waitFor({ state: "detached" })
          await focused(discard)
        }

        await press("Enter")
        await dialog.getByText("1 row will count as done").waitFor()
        await tabTo(page, why)
        await page.keyboard.type("a test of the sender")
        await tabTo(page, dialog.getByRole("button", { name: "Discard" }))
        await press("Enter")
        await page.getByText("1 row discarded.").waitFor()
        await page.getByRole("region", { name: "Discarded Discarded" }).waitFor()
        // The button that opened the dialog can no longer be pressed, and the focus is somewhere all the same.
        await page.locator("body :focus").waitFor()
      })
      assert.strictEqual((yield* states("events"))[0], "discarded")

      yield* doing(async () => {
        await tabTo(page, page.getByRole("button", { name: "Undo" }))
        await press("Enter")
        await page.getByText("1 row stands as before.").waitFor()
        await page.getByRole("region", { name: "Parked Unknown type" }).waitFor()
        await focused(page.getByRole("heading", { level: 1 }))
      })
      assert.strictEqual((yield* states("events"))[0], "parked")
    }).pipe(Effect.scoped, Effect.provide(server()))
  )

  it.effect("rows are chosen and discarded, and the focus is not lost", () =>
    Effect.gen(function* () {
      const [row] = yield* insertEvents([{ type: "car_explode", branch: "batumi", payload: {} }])
      const { page } = yield* visit("/events?state=parked")
      const press = (key: string) => page.keyboard.press(key)
      const dialog = page.getByRole("dialog", { name: "Discard?" })
      yield* doing(async () => {
        await tabTo(page, page.getByLabel(`Select row ${row?.id}`))
        await press("Space")
        const chosen = page.getByRole("region", { name: "1 row selected" })
        await tabTo(page, chosen.getByRole("button", { name: "Discard…" }))
        await press("Enter")
        await dialog.getByText("1 row will count as done").waitFor()
        await page.keyboard.type("a test of the sender")
        await press("Enter")
        await page.getByText("1 row discarded.").waitFor()
        await page.getByText("No rows match.").waitFor()
        await page.locator("body :focus").waitFor()
        await tabTo(page, page.getByRole("button", { name: "Undo" }))
        await press("Enter")
        await page.getByText("1 row on this page").waitFor()
        await page.locator("body :focus").waitFor()
      })
      assert.deepStrictEqual(yield* states("events"), ["parked"])
    }).pipe(Effect.scoped, Effect.provide(server()))
  )
})
