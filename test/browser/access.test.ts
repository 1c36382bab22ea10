/** Who is let in where an admin token is set. */
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import type { Page } from "playwright-core"
import { server } from "../http/server.ts"
import { assertAccessible } from "./accessible.ts"
import { Browser, doing, visit } from "./Browser.ts"

const token = "a-token-that-nobody-guesses"
const guarded = server({ JARVIS_ADMIN_TOKEN: token })

const signIn = async (page: Page, given: string): Promise<void> => {
  await page.getByLabel("Admin token").fill(given)
  await page.getByRole("button", { name: "Sign in" }).click()
}

layer(Browser.layer, { excludeTestServices: true, concurrent: true })("access", (it) => {
  it.effect("a wrong token is refused with words, the right one lets in, and is forgotten", () =>
    Effect.gen(function* () {
      const { complaints, page } = yield* visit("/history")
      yield* doing(async () => {
        await page.getByRole("heading", { name: "Sign in" }).waitFor()
        assert.strictEqual(await page.title(), "Sign in · Jarvis")
        assert.strictEqual(await page.getByRole("banner").count(), 0)
        await signIn(page, "another")
        await page.getByRole("alert").getByText("That is not the token.").waitFor()
        await assertAccessible(page)
        await page.getByLabel("Your name").fill("Нина Ли")
        await signIn(page, token)
        await page.getByRole("heading", { name: "History", level: 1 }).waitFor()
        await page.getByRole("banner").getByText("Live").waitFor()
        assert.notInclude(page.url(), token)

        // It lives as long as the tab.
        await page.reload()
        await page.getByText("No rows match.").waitFor()
        await page.getByRole("button", { name: "Нина Ли" }).click()
        await page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click()
        await page.getByRole("heading", { name: "Sign in" }).waitFor()
        await page.reload()
        await page.getByRole("heading", { name: "Sign in" }).waitFor()
        assert.strictEqual(await page.getByLabel("Admin token").inputValue(), "")
        const kept = String(
          await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
        )
        assert.notInclude(kept, token)
        // Whatever was complained of is a 401.
        assert.deepStrictEqual(
          complaints.filter((line) => !line.includes("401")),
          []
        )
      })
    }).pipe(Effect.scoped, Effect.provide(guarded))
  )

  it.effect("who was wrong too often is told to wait", () =>
    Effect.gen(function* () {
      const { page } = yield* visit("/")
      yield* doing(async () => {
        const said = page.getByRole("alert")
        const tooMany = said.getByText(
          "Too many wrong tokens came from your address. Wait a minute and try again."
        )
        for (let wrong = 0; wrong < 60 && !(await tooMany.isVisible()); wrong += 1) {
          const answered = page.waitForResponse((response) => response.url().endsWith("/api/branches"))
          await signIn(page, `wrong ${wrong}`)
          await answered
          await said.getByText(/./).waitFor()
        }
        await tooMany.waitFor()
        // Who has the token is let in all the same.
        await signIn(page, token)
        await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor({ state: "attached" })
      })
    }).pipe(Effect.scoped, Effect.provide(guarded))
  )

  it.effect("a token that is no longer right asks for another", () =>
    Effect.gen(function* () {
      const { page } = yield* visit("/")
      yield* doing(async () => {
        await signIn(page, token)
        await page.getByRole("banner").getByText("Live").waitFor()
        await page.evaluate("sessionStorage.setItem('jarvis.token', 'another')")
        await page.goto("/actions")
        await page.getByRole("heading", { name: "Sign in" }).waitFor()
      })
    }).pipe(Effect.scoped, Effect.provide(guarded))
  )
})
