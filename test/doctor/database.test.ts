/** What doctor says of a server, where the surroundings are hard to break. */
import { PgClient } from "@effect/sql-pg"
import { assert, describe, it } from "@effect/vitest"
import { Clock, ConfigProvider, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { checks } from "../../src/doctor/database.ts"
import { Settings } from "../../src/Settings.ts"
import { emptyDatabase } from "../support/TestDatabase.ts"

const settings = Settings.layer.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))))

/** What is said of the clock, where this machine's is so many milliseconds ahead of the server's. */
const clockAhead = Effect.fnUntraced(function* (millis: number) {
  const sql = yield* PgClient.PgClient
  const [row] = yield* sql<{
    readonly now: number
  }>`SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now`
  const clock = yield* TestClock.make()
  yield* clock.setTime((row?.now ?? 0) + millis)
  const look = checks.find(({ name }) => name === "clock")?.look
  assert.isDefined(look)
  return yield* Effect.provideService(look, Clock.Clock, clock)
})

describe("the clock", () => {
  it.live("may be a little ahead or behind, and no more", () =>
    Effect.gen(function* () {
      const remedy = "set both by a time server (NTP)"
      assert.strictEqual((yield* clockAhead(0)).state, "ok")
      const hour = yield* clockAhead(3_600_000)
      assert.match(hour.says, /^this machine's is 3,(599|600) s ahead of the server's: /)
      const minute = yield* clockAhead(-60_000)
      assert.match(minute.says, /^this machine's is 6\d s behind the server's: /)
      for (const { says, state } of [hour, minute]) assert.isTrue(state === "wrong" && says.endsWith(remedy))
    }).pipe(Effect.provide([emptyDatabase, settings]))
  )
})
