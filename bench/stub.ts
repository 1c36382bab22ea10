/** A RentProg of a few lines, which answers at once: what it costs hardly counts. */
import { createServer } from "node:http"
import { Deferred, Effect } from "effect"
import { makeBy } from "effect/Array"
import { freePort } from "../src/database/freePort.ts"
import { companyTokens } from "../src/simulator/Companies.ts"

const hour = 3_600_000

/** What else stands in a record: one takes about as much as RentProg's do. */
const description = "Volkswagen ".repeat(200)

/** How many records a page of a list has. */
const pageSize = 100

/** `singly`: any record that is asked for is there, and its lists are empty. `lists`: they have all records as well. */
export const rentprogStub = Effect.fnUntraced(function* (manner: "singly" | "lists") {
  const expected = new Map<string, Deferred.Deferred<bigint>>()
  const server = createServer((request, response) => {
    const arrived = process.hrtime.bigint()
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://stub")
    const id = pathname.split("/").at(-1) ?? ""
    const waiting = expected.get(id)
    if (waiting !== undefined) Deferred.doneUnsafe(waiting, Effect.succeed(arrived))
    const isToken = id === "get_token"
    const exp = new Date(Date.now() + hour).toISOString()
    const record = (id: number) => ({ id, company_id: 9247, code: `Car ${id}`, mileage: 101_191 })
    const first = (Number(searchParams.get("page") ?? 1) - 1) * pageSize + 1
    const list = manner === "lists" ? makeBy(pageSize, (n) => ({ ...record(first + n), description })) : []
    const found = /^\d+$/.test(id) ? record(Number(id)) : list
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify(isToken ? { token: "stub", exp } : found))
  })
  const port = yield* Effect.orDie(freePort())
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(port, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  return {
    url: `http://127.0.0.1:${port}/api/v1/public`,
    tokens: companyTokens,
    /** Runs what makes somebody ask for this record, and answers the monotonic nanosecond of that call. */
    callAfter: <E, R>(id: number, cause: Effect.Effect<unknown, E, R>) =>
      Effect.gen(function* () {
        const call = yield* Deferred.make<bigint>()
        expected.set(String(id), call)
        yield* cause
        return yield* Deferred.await(call)
      }).pipe(Effect.ensuring(Effect.sync(() => expected.delete(String(id)))))
  }
})
