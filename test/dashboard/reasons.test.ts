import { assert, it } from "@effect/vitest"
import { explanations } from "../../src/dashboard/i18n/reasons.ts"

it("an unknown branch is asked of RentProg before a person is, in both languages", () => {
  for (const { todo } of Object.values(explanations.unknown_branch)) assert.include(todo, "not asked yet")
})
