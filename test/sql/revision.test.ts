/** A company may have a column `revision` of its own, which holds nulls. */
import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { History } from "../../src/database/History.ts"
import { insertEvent, readEvents } from "../support/events.ts"
import { begin, insertEntry, readHistory } from "../support/history.ts"
import { testDatabase } from "../support/TestDatabase.ts"

const loosen = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  for (const table of ["events", "history"]) {
    yield* sql`
      ALTER TABLE ${sql(table)} ALTER COLUMN revision DROP NOT NULL, ALTER COLUMN revision DROP DEFAULT
    `
  }
})

layer(History.layer.pipe(Layer.provideMerge(testDatabase)), { excludeTestServices: true })(
  "a revision that is null",
  (it) => {
    it.effect("is raised by the service's own book-keeping, which the trigger leaves alone", () =>
      Effect.gen(function* () {
        yield* loosen
        yield* begin
        const sql = yield* PgClient.PgClient
        const { id } = yield* insertEvent({ type: "car_update", branch: "tbilisi", payload: { id: 9 } })
        yield* sql`UPDATE events SET revision = 1, attempts = 1 WHERE id = ${id}::bigint`
        assert.deepInclude((yield* readEvents([id]))[0], { attempts: 1 })

        const entry = yield* insertEntry({ description: "Мария Ли удалила авто №6" })
        yield* sql`ALTER TABLE history DISABLE TRIGGER USER`
        yield* sql`UPDATE history SET next_attempt_at = now()`
        yield* sql`ALTER TABLE history ENABLE TRIGGER USER`
        const history = yield* History
        yield* history.retry(() => Effect.succeed(Duration.hours(1)))
        assert.deepInclude((yield* readHistory([entry.id]))[0], { attempts: 1 })
      })
    )
  }
)
