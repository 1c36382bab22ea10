/** A RentProg that takes no token, and the service that asks it. */
import { createServer } from "node:http"
import { Duration, Effect, Layer } from "effect"
import { WatchInterval } from "../../src/http/reportTroubles.ts"
import { server } from "./server.ts"

/** Answers 401 to whatever is asked; its URL. */
const refusing = Effect.map(
  Effect.acquireRelease(
    Effect.callback<ReturnType<typeof createServer>>((resume) => {
      const listening = createServer((_, response) => {
        response.writeHead(401).end()
      })
      listening.listen(0, "127.0.0.1", () => resume(Effect.succeed(listening)))
    }),
    (listening) => Effect.sync(() => listening.close())
  ),
  (listening) => {
    const address = listening.address()
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/api`
  }
)

const refusedWith = (env: Readonly<Record<string, string>>) =>
  Layer.unwrap(
    Effect.map(refusing, (url) =>
      server({
        RENTPROG_BASE_URL: url,
        RENTPROG_TOKENS: '{"tbilisi":"a token","batumi":"a token"}',
        EVENTS_FALLBACK_INTERVAL: "1 hour",
        ...env
      })
    )
  ).pipe(Layer.provide(Layer.succeed(WatchInterval, Duration.millis(200))))

/** Tbilisi and batumi have tokens, which RentProg refuses; kutaisi has none. Nothing is done but what is notified. */
export const refused = refusedWith({})

/** The same, which reads the log of tbilisi alone. */
export const logsRefused = refusedWith({ RENTPROG_HISTORY_TOKENS: '{"tbilisi":"a user\'s token"}' })
