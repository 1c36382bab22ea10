import { assert, layer } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { adopt } from "../../src/database/adoption.ts"
import { Events } from "../../src/database/Events.ts"
import { History } from "../../src/database/History.ts"
import { publicSchema } from "../../src/database/SchemaName.ts"
import { readBooks } from "./MigrationsProgram.ts"
import { bareDatabase, earlyVersions, migratePublic, Owner, Upgraded } from "./upgradeFrom.ts"
import { eventsGoOn, historyGoesOn } from "./upgradeInFlight.ts"
import { wholeSchema } from "./wholeSchema.ts"

/** What a database that Jarvis is new to gets. */
class New extends Context.Service<
  New,
  {
    readonly schema: Effect.Success<ReturnType<typeof wholeSchema>>
    readonly ran: ReadonlyArray<string>
    readonly books: Effect.Success<typeof readBooks>
  }
>()("test/New") {
  static readonly layer = Layer.effect(
    New,
    Effect.gen(function* () {
      const ran = yield* migratePublic
      return { ran, books: yield* readBooks, schema: yield* wholeSchema(publicSchema) }
    })
  ).pipe(Layer.provide(bareDatabase))
}

const tests = New.layer.pipe(Layer.provideMerge(Owner.layer))

layer(tests, { excludeTestServices: true })("an early database", (it) => {
  for (const early of earlyVersions) {
    const { attempts, version } = early
    const name = `of version ${version}${attempts ? " with the table attempts" : ""}`
    it.layer(Upgraded.from(early))(name, (it) => {
      it.effect("gets the schema of a new one", () =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* wholeSchema(publicSchema), (yield* New).schema)
        })
      )

      it.effect("keeps every row as it stood", () =>
        Effect.gen(function* () {
          const { after, before } = yield* Upgraded
          const kept = (table: string) => after.get(table === "attempts" ? "row_attempts" : table) ?? []
          assert.isAbove(before.size, 4)
          for (const [table, rows] of before) {
            const [first = {}] = rows
            const asBefore = kept(table).map((row) =>
              Object.fromEntries(Object.keys(first).map((column) => [column, row[column]]))
            )
            assert.deepStrictEqual<unknown>(asBefore, rows, table)
          }
          // What came anew is empty, but for the sentences that Jarvis knows to mean nothing: nothing waits to be adopted either.
          for (const [table, rows] of after) {
            if (
              !before.has(table) &&
              !(attempts && table === "row_attempts") &&
              table !== "ignored_sentences"
            )
              assert.deepStrictEqual(rows, [], table)
          }
          assert.deepStrictEqual(yield* adopt(() => Effect.void), [])
        })
      )

      it.effect("says what ran, and is up to date", () =>
        Effect.gen(function* () {
          const { books, ran, schema } = yield* New
          assert.deepStrictEqual((yield* Upgraded).ran, ran)
          assert.deepStrictEqual(yield* readBooks, books)
          assert.deepStrictEqual(yield* migratePublic, [])
          assert.deepStrictEqual(yield* readBooks, books)
          assert.deepStrictEqual(yield* wholeSchema(publicSchema), schema)
        })
      )

      it.effect("goes on with the rows that were in flight", () =>
        Effect.gen(function* () {
          yield* eventsGoOn(early)
          yield* historyGoesOn(early)
        }).pipe(Effect.provide([Events.layer, History.layer]))
      )
    })
  }
})
