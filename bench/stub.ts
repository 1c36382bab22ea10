/** A RentProg of a few lines, which answers at once or never: what it costs hardly counts. */
import { createServer } from "node:http"
import { Deferred, Effect } from "effect"
import { freePort } from "../src/database/freePort.ts"
import { companyTokens } from "../src/simulator/Companies.ts"

const hour = 3_600_000

/** `answers`: any record that is asked for is there. `holds`: whoever asks for one waits for ever. */
export const rentprogStub = Effect.fnUntraced(function* (manner: "answers" | "holds") {
  const expected = new Map<string, Deferred.Deferred<bigint>>()
  const server = createServer((request, response) => {
    const arrived = process.hrtime.bigint()
    const path = new URL(request.url ?? "/", "http://stub").pathname
    const id = path.split("/").at(-1) ?? ""
    const waiting = expected.get(id)
    if (waiting !== undefined) Deferred.doneUnsafe(waiting, Effect.succeed(arrived))
    const isToken = id === "get_token"
    if (manner === "holds" && !isToken) return
    const exp = new Date(Date.now() + hour).toISOString()
    const record = /^\d+$/.test(id)
      ? { id: Number(id), company_id: 9247, code: `Car ${id}`, mileage: 101_191 }
      : []
    response.setHeader("content-type", "application/json")
    response.end(JSON.stringify(isToken ? { token: "stub", exp } : record))
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
