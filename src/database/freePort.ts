import { createServer } from "node:net"
import { Effect } from "effect"

/** A port of 127.0.0.1 that nobody listens on: this one, or any where it is 0. Fails where somebody does. */
export const freePort = (wanted = 0): Effect.Effect<number, Error> =>
  Effect.callback((resume) => {
    const server = createServer()
    server.once("error", (error) => resume(Effect.fail(error)))
    server.listen(wanted, "127.0.0.1", () => {
      const address = server.address()
      server.close(() =>
        resume(
          typeof address === "object" && address !== null
            ? Effect.succeed(address.port)
            : Effect.fail(new Error("no free port"))
        )
      )
    })
  })
