/** What the log says of an act, and what it keeps to itself. */
import { assert, layer } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Audit } from "../../src/database/Audit.ts"
import { Backlog } from "../../src/database/Backlog.ts"
import { Pauses } from "../../src/database/Pauses.ts"
import { RowActions } from "../../src/database/RowActions.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { Log } from "../actors/world.ts"
import { cars, fresh, who } from "../support/rows.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const tests = Layer.merge(RowActions.layer, Pauses.layer).pipe(
  Layer.provideMerge(Layer.merge(Audit.layer, Backlog.layer({ tokens: [], logs: [] }))),
  Layer.provideMerge(testDatabase),
  Layer.provideMerge(Log.layer)
)

layer(tests, { excludeTestServices: true })("an act", (it) => {
  it.effect("is logged once, without what was searched for and why", () =>
    Effect.gen(function* () {
      yield* fresh
      const actions = yield* RowActions
      const pauses = yield* Pauses
      const { lines } = yield* Log
      const tbilisi = Branch.make("tbilisi")
      yield* cars(2)
      const filter = { text: "mileage", branch: "tbilisi" }
      const said = lines.length
      yield* actions.retry({ table: "events", filter }, who)
      yield* actions.discard({ table: "events", filter, dryRun: true }, "asked by +995 555", who)
      const { action } = yield* actions.discard({ table: "events", filter }, "asked by +995 555", who)
      yield* actions.undo(action ?? "", who)
      yield* pauses.pause(tbilisi, who)
      yield* pauses.resume(tbilisi, who)
      assert.deepStrictEqual<unknown>(
        lines.slice(said).map(({ labels, level, message }) => [level, message, labels]),
        [
          { action: "retry", table: "events", count: 2 },
          { action: "discard", table: "events", count: 2 },
          { action: "undo", table: "events", count: 2 },
          { action: "pause", branch: "tbilisi" },
          { action: "resume", branch: "tbilisi" }
        ].map((act) => ["Info", "an operator acted", { ...act, operator: who.name }])
      )
    })
  )
})
