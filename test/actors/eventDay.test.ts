import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { compareMirror } from "../../src/demo/Ledger.ts"
import { day, populate } from "../../src/simulator/Day.ts"
import { insertEvents } from "../support/events.ts"
import { events, makeDue, until } from "../support/tables.ts"
import { service, surroundings } from "./world.ts"

it.live("a day of events that name no company: each ends, and the mirror is as RentProg", () =>
  Effect.gen(function* () {
    yield* populate({ cars: 20, clients: 20, bookings: 20 })
    yield* Effect.gen(function* () {
      yield* day({ events: 300, seed: 7, garbage: 0.03, withoutCompany: 1 }).pipe(
        Stream.runForEachArray((webhooks) =>
          insertEvents(webhooks.map(({ event, payload }) => ({ type: event, payload })))
        )
      )
      const left = yield* until(
        Effect.andThen(
          makeDue,
          Effect.map(events, (rows) => rows.filter(({ parked, processed }) => !processed && !parked))
        ),
        ({ length }) => length === 0
      )
      assert.deepStrictEqual(left, [])
      const rows = yield* events
      const parked = rows.filter((row) => row.parked)
      assert.isAbove(parked.length, 0)
      assert.isBelow(parked.length, 30)
      for (const { reason } of parked) {
        assert.match(
          reason ?? "",
          /^(invalid_payload|unknown_event_type|missing_ext_id|unknown_branch: asked .*; company_id 1 is not)/
        )
      }
      const { compared, wrong } = yield* compareMirror
      assert.deepStrictEqual(wrong, [])
      assert.isAbove(compared, 50)
    }).pipe(Effect.provide(service({ fallbackInterval: "200 millis" })))
  }).pipe(Effect.provide(surroundings()))
)
