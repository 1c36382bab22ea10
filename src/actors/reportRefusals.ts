import { Effect } from "effect"
import { type Refusing, type Source, sayRefusing } from "../database/Refusals.ts"
import { Health } from "./Health.ts"

const components = { events: "event settling", history: "history settling" } as const

/** Tells Health whether rows of a table refuse to be updated. */
export const reportRefusals = Effect.fnUntraced(function* (table: Source, { count, why }: Refusing) {
  const health = yield* Health
  yield* why === null
    ? health.report(components[table], "up")
    : health.report(components[table], "down", sayRefusing(table, count, why))
})
