/** The whole path, from webhooks to the mirror, with a RentProg that answers in a millisecond and counts no calls. */
import { Clock, Effect } from "effect"
import { makeBy, type NonEmptyReadonlyArray } from "effect/Array"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import { mainCompanies } from "../../src/simulator/Companies.ts"
import { Simulator } from "../../src/simulator/Simulator.ts"
import { jarvis, serve } from "../contestants/jarvis.ts"
import { BenchError, inRounds, type Part, pick, rows, Server } from "../Part.ts"
import type { Figure } from "../Results.ts"

const companies: NonEmptyReadonlyArray<{ readonly companyId: number }> = mainCompanies

/** A car of one of the four branches, in turn. */
export const carOf = (id: number) => ({
  ...{ id, code: `Car ${id}`, mileage: 100_000 + id },
  company_id: (companies[id % companies.length] ?? companies[0]).companyId
})

const post = (address: string, id: number) =>
  HttpClientRequest.post(`${address}/webhooks/rentprog`).pipe(
    HttpClientRequest.bodyJsonUnsafe({ event: "car_create", payload: carOf(id) }),
    (request) => HttpClient.HttpClient.use((client) => HttpClient.filterStatusOk(client).execute(request)),
    Effect.mapError((error) => new BenchError({ message: `a webhook failed: ${error.message}` }))
  )

export const path: Part = {
  title: "From webhook to mirror",
  measure: Effect.gen(function* () {
    const { database } = yield* Server
    const count = yield* rows(2000)
    const { companyTokens: tokens, put, url: rentprog } = yield* Simulator
    const url = yield* database()
    const { clear, isBusy, sql } = yield* jarvis(url)
    const ids = makeBy(count, (n) => n + 1)
    yield* Effect.forEach(ids, (id) => put("car", carOf(id)), { discard: true })

    const atOnce = Effect.gen(function* () {
      yield* clear
      const { address, ended } = yield* serve(url, { url: rentprog, tokens })
      const began = yield* Clock.currentTimeMillis
      yield* Effect.forEach(ids, (id) => post(address, id), { concurrency: 50, discard: true })
      yield* Effect.repeat(Effect.delay(isBusy, "20 millis"), { until: (isBusy) => !isBusy }).pipe(
        Effect.raceFirst(ended)
      )
      const took = (yield* Clock.currentTimeMillis) - began
      const [row] = yield* sql<{ readonly cars: number; readonly p50: number; readonly p99: number }>`
        SELECT (SELECT count(*)::int FROM cars WHERE fetched_at IS NOT NULL) AS cars,
          percentile_cont(0.5) WITHIN GROUP (ORDER BY took) AS p50,
          percentile_cont(0.99) WITHIN GROUP (ORDER BY took) AS p99
        FROM (
          SELECT (extract(epoch FROM processed_at - ts) * 1000)::float8 AS took FROM events WHERE processed AND ok
        ) AS done
      `
      if (row?.cars !== count) {
        return yield* new BenchError({ message: `${row?.cars} of ${count} cars are in the mirror` })
      }
      return { rate: (count * 1000) / took, p50: row.p50, p99: row.p99 }
    }).pipe(Effect.scoped)

    const rounds = yield* inRounds(atOnce)
    return [
      {
        what: "2,000 webhooks at once about as many cars, until all are in the mirror",
        ...{ unit: "cars/s", better: "more", rounds: { Jarvis: pick(rounds, "rate") } }
      },
      {
        what: "of these, from received to processed: median",
        ...{ unit: "ms", better: "less", rounds: { Jarvis: pick(rounds, "p50") } }
      },
      {
        what: "of these, from received to processed: 99th percentile",
        ...{ unit: "ms", better: "less", rounds: { Jarvis: pick(rounds, "p99") } }
      }
    ] satisfies ReadonlyArray<Figure>
  }).pipe(
    Effect.provide([
      Simulator.layer({ readsPerMinute: 1_000_000, tokensPerMinute: 1000, latency: "1 millis" }),
      FetchHttpClient.layer
    ])
  )
}
