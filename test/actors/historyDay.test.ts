import { PgClient } from "@effect/sql-pg"
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Stream } from "effect"
import { ReadInterval } from "../../src/actors/HistoryProcessor.ts"
import { compareMirror } from "../../src/demo/Ledger.ts"
import { mainCompanies } from "../../src/simulator/Companies.ts"
import { day, populate } from "../../src/simulator/Day.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { insertEvents } from "../support/events.ts"
import { events, makeDue, until, wake } from "../support/tables.ts"
import { Log, service, surroundings } from "./world.ts"

const branches = mainCompanies.map(({ branch }) => branch)

interface Entry {
  readonly operation_id: string
  readonly description: string
  readonly processed: boolean
  readonly parked: boolean
  readonly reason: string | null
}

const entries = PgClient.PgClient.use(
  (sql) => sql<Entry>`
    SELECT operation_id, description, processed, coalesce(next_attempt_at = 'infinity', false) AS parked, reason
    FROM history ORDER BY operation_id
  `
)

it.live("a day: every entry of the log is applied or parked as garbage, and the mirror is as RentProg", () =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    yield* populate({ cars: 20, clients: 20, bookings: 20 })
    yield* Effect.gen(function* () {
      yield* day({ events: 400, seed: 5, garbage: 0.05 }).pipe(
        Stream.runForEachArray((webhooks) =>
          insertEvents(webhooks.map(({ event, payload }) => ({ type: event, payload })))
        )
      )
      const logged = yield* simulator.history
      const waiting = yield* until(
        Effect.gen(function* () {
          yield* makeDue
          yield* Effect.forEach(branches, wake, { discard: true })
          const rows = yield* entries
          const unsettled = (yield* events).filter(({ parked, processed }) => !processed && !parked)
          return {
            missing: logged.length - rows.length,
            entries: rows.filter(({ parked, processed }) => !processed && !parked).length,
            events: unsettled
          }
        }),
        (left) => left.missing === 0 && left.entries === 0 && left.events.length === 0
      )
      assert.deepStrictEqual(waiting, { missing: 0, entries: 0, events: [] })

      const rows = yield* entries
      const garbage = rows.filter(({ processed }) => !processed)
      assert.sameMembers(
        garbage.map(({ description }) => description),
        logged.filter((entry) => entry.garbage).map(({ description }) => description)
      )
      assert.isAbove(garbage.length, 0)
      for (const { reason } of garbage) {
        assert.match(reason ?? "", /^(unparsed_description: |empty_description$)/)
      }
      assert.sameMembers(
        rows.map((row) => row.operation_id),
        logged.map(({ id }) => String(id))
      )
      const { compared, wrong } = yield* compareMirror
      assert.deepStrictEqual(wrong, [])
      assert.isAbove(compared, 50)
      const { lines } = yield* Log
      assert.deepStrictEqual(
        lines.filter(({ level }) => level === "Error" || level === "Fatal").map(({ message }) => message),
        []
      )
    }).pipe(Effect.provide(service({ logs: branches, fallbackInterval: "200 millis" })))
  }).pipe(Effect.provide(surroundings()), Effect.provideService(ReadInterval, Duration.millis(100)))
)
