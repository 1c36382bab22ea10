/** What events cost of RentProg's quota: 1,000 events about 600 records of one branch, since each branch has its own. */
import { Clock, Duration, Effect, Predicate, Schedule } from "effect"
import { makeBy } from "effect/Array"
import type { EntityType } from "../../src/domain/Entity.ts"
import { mainCompanies } from "../../src/simulator/Companies.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { jarvis, serve } from "../contestants/jarvis.ts"
import { BenchError, Extent, type Part, Server } from "../Part.ts"
import type { Figure } from "../Results.ts"

const events = 1000
const counts = { car: 250, client: 150, booking: 200 } as const

/** Nothing that is due waits for longer. */
const patience = "20 minutes"

interface Known {
  readonly kind: EntityType
  readonly record: {
    readonly id: number
    readonly company_id: number
    readonly [field: string]: number | string
  }
}

const records: ReadonlyArray<Known> = (["car", "client", "booking"] as const).flatMap((kind) =>
  makeBy(counts[kind], (n) => ({
    kind,
    record: {
      id: n + 1,
      company_id: mainCompanies[0].companyId,
      ...(kind === "booking"
        ? { car_id: n + 1, client_id: (n % counts.client) + 1 }
        : { code: `${kind} ${n + 1}` })
    }
  }))
)

/** What the events are about, in their order: each record once, then some of them again. */
const changed = makeBy(
  events,
  (n) => records[(n < records.length ? n * 7 : n * 389) % records.length]
).filter(Predicate.isNotUndefined)

const spent = Effect.fnUntraced(
  function* (over: Duration.Duration) {
    const { database } = yield* Server
    const { calls, companyTokens: tokens, put, url: rentprog } = yield* Simulator
    yield* Effect.forEach(records, ({ kind, record }) => put(kind, record), { discard: true })
    const url = yield* database()
    const { isBusy, sql } = yield* jarvis(url)
    const { ended } = yield* serve(url, { url: rentprog, tokens }, 60)

    const began = yield* Clock.currentTimeMillis
    const each = Duration.toMillis(over) / events
    yield* Effect.forEach(
      changed,
      ({ kind, record }, n) =>
        Clock.currentTimeMillis.pipe(
          Effect.flatMap((now) => Effect.sleep(Math.max(0, began + n * each - now))),
          Effect.andThen(
            sql`INSERT INTO events (type, payload) VALUES (${`${kind}_update`}, ${sql.json(record)})`
          )
        ),
      { discard: true }
    )
    yield* Effect.repeat(isBusy, {
      schedule: Schedule.spaced("200 millis"),
      until: (isBusy) => !isBusy
    }).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () => Effect.fail(new BenchError({ message: "not all events are done" }))
      }),
      Effect.raceFirst(ended)
    )
    const last = yield* Clock.currentTimeMillis
    const reads = (yield* calls).filter(({ path }) => path !== "/get_token").length
    return { calls: reads / events, seconds: (last - began) / 1000 }
  },
  Effect.scoped,
  // The quota is counted by the clock: what one run has used, the other must not lack.
  (run) => Effect.provide(run, Simulator.layer())
)

export const quota: Part = {
  title: "RentProg's quota",
  isLong: true,
  measure: Effect.gen(function* () {
    const { share } = yield* Extent
    const atOnce = yield* spent(Duration.zero)
    const spread = yield* spent(Duration.minutes(10 * share))
    const figures = (
      when: string,
      { calls, seconds }: typeof atOnce,
      most: number
    ): ReadonlyArray<Figure> => [
      {
        what: `1,000 events about 600 records ${when}: calls of the API`,
        ...{
          unit: "an event",
          better: "less",
          rounds: { Jarvis: [calls] },
          goal: { is: "at most", value: most }
        }
      },
      { what: `${when}: until the last is done`, unit: "s", better: "less", rounds: { Jarvis: [seconds] } }
    ]
    return [...figures("all at once", atOnce, 0.15), ...figures("spread over ten minutes", spread, 0.6)]
  })
}
