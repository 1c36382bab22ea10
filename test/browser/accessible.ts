import { AxeBuilder } from "@axe-core/playwright"
import { assert } from "@effect/vitest"
import type { Page } from "playwright-core"

/** What axe finds wrong with the page as it stands, be it serious or not: each a line. */
const violations = async (page: Page): Promise<ReadonlyArray<string>> => {
  // Legacy mode opens no second page to gather what the frames of a page say: these have none.
  const { passes, violations } = await new AxeBuilder({ page }).setLegacyMode().analyze()
  assert.isAbove(passes.length, 10)
  return violations.flatMap(({ id, impact, nodes }) => nodes.map(({ html }) => `${impact}: ${id}: ${html}`))
}

/** Sees that axe finds nothing wrong with the page as it stands, in light and in dark. */
export const assertAccessible = async (page: Page): Promise<void> => {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme })
    assert.deepStrictEqual(await violations(page), [], colorScheme)
  }
}
