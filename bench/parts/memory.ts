/** How much memory the service takes while nearly all that is pending waits for quota. */
import { Clock, Effect } from "effect"
import { jarvis, serve } from "../contestants/jarvis.ts"
import { Extent, inRounds, type Part, rows, Server } from "../Part.ts"
import { rentprogStub } from "../stub.ts"

/** RentProg: the reads a minute that a branch has as the service comes. */
const readsPerMinute = 60

const companies = "(ARRAY[9247, 9248, 9506, 11163])[1 + n % 4]"

/** The most that it has within so many seconds while so many events of four branches are pending, each about a car of its own. */
const most = (pending: number, seconds: number) =>
  Effect.gen(function* () {
    const { database } = yield* Server
    const { share } = yield* Extent
    const url = yield* database()
    const { sql } = yield* jarvis(url)
    const stub = yield* rentprogStub("lists")
    yield* sql`
      INSERT INTO events (type, payload)
      SELECT 'car_update', jsonb_build_object('id', n, 'company_id', ${sql.literal(companies)}, 'mileage', jsonb_build_array(n, n + 1))
      FROM generate_series(1, ${yield* rows(pending)}::int) AS n
    `
    yield* sql`ANALYZE`
    const { megabytes } = yield* serve(url, stub, readsPerMinute)
    const until = (yield* Clock.currentTimeMillis) + seconds * share * 1000
    let most = 0
    while ((yield* Clock.currentTimeMillis) < until) {
      most = Math.max(most, yield* Effect.delay(megabytes, "250 millis"))
    }
    return most
  }).pipe(Effect.scoped)

export const memory: Part = {
  title: "Memory",
  measure: Effect.map(inRounds(most(20_000, 15)), (values) => [
    {
      ...{ what: "the service with 20,000 pending", unit: "MB", better: "less", rounds: { Jarvis: values } },
      goal: { is: "at most", value: 200 }
    }
  ])
}

export const memoryOfMillion: Part = {
  title: "Memory with a million",
  isLong: true,
  measure: Effect.map(most(1_000_000, 60), (value) => [
    {
      ...{
        what: "the service with a million pending",
        unit: "MB",
        better: "less",
        rounds: { Jarvis: [value] }
      },
      goal: { is: "at most", value: 300 }
    }
  ])
}
