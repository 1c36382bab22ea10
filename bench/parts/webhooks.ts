/** How soon a webhook is answered, while the service works on what the others brought; each is about one of 100 cars. */
import autocannon from "autocannon"
import { Effect } from "effect"
import { makeBy } from "effect/Array"
import { jarvis, serve } from "../contestants/jarvis.ts"
import { BenchError, Extent, inRounds, type Part, pick, Server } from "../Part.ts"
import { rentprogStub } from "../stub.ts"

const cars = 100

/** In a thread of its own; answers how many were answered in a second, and the 99th percentile in milliseconds. */
const shoot = Effect.fnUntraced(function* (
  address: string,
  options: { readonly duration: number; readonly overallRate?: number }
) {
  const {
    "2xx": answered,
    errors,
    latency,
    non2xx,
    requests,
    timeouts
  } = yield* Effect.promise(() =>
    autocannon({
      url: `${address}/webhooks/rentprog`,
      method: "POST",
      headers: { "content-type": "application/json" },
      connections: 100,
      workers: 1,
      ...options,
      requests: makeBy(cars, (n) => ({
        body: JSON.stringify({
          event: "car_update",
          payload: { id: n + 1, company_id: 9247, mileage: [n, n + 1] }
        })
      }))
    })
  )
  const lost = non2xx + errors + timeouts
  if (lost > 0) {
    return yield* new BenchError({ message: `${lost} webhooks of ${answered + lost} were not answered 200` })
  }
  return { rate: requests.average, p99: latency.p99 }
})

export const webhooks: Part = {
  title: "Webhooks",
  measure: Effect.gen(function* () {
    const { database } = yield* Server
    const { share } = yield* Extent
    const url = yield* database()
    yield* jarvis(url)
    const { address } = yield* serve(url, yield* rentprogStub("singly"))
    // A process that has just started compiles as it goes.
    yield* shoot(address, { duration: 5, overallRate: 500 })
    const rounds = yield* inRounds(
      Effect.gen(function* () {
        const steady = yield* shoot(address, { duration: Math.ceil(8 * share), overallRate: 500 })
        const most = yield* shoot(address, { duration: Math.ceil(4 * share) })
        return { most: most.rate, p99: steady.p99 }
      })
    )
    return [
      {
        what: "webhooks answered",
        unit: "a second",
        better: "more",
        rounds: { Jarvis: pick(rounds, "most") }
      },
      {
        what: "until a webhook is answered, at 500 a second: 99th percentile",
        ...{ unit: "ms", better: "less", rounds: { Jarvis: pick(rounds, "p99") } }
      }
    ]
  })
}
