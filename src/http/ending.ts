/**
 * How the server ends: answers under way are finished and no new ones begun. Nobody waits for those who only watch, nor for
 * connections that are kept in case of another request.
 */
import type { Server } from "node:http"
import { Context, Effect, Latch, Layer, Stream } from "effect"
import { HttpBody, HttpRouter, HttpServerResponse } from "effect/http"

/** Open once the server is told to end. */
export class Ending extends Context.Service<Ending, Latch.Latch>()("jarvis/http/Ending") {
  static readonly layer = Layer.effect(Ending, Latch.make(false))
}

/**
 * How long requests under way, such as posts of many entries, are waited for. It leaves time for the actors, which end after
 * the server.
 */
const patience = "10 seconds"

/**
 * Tells of the end, waits for what is under way, and cuts who dawdles: Effect's own server would wait for those as well.
 * What this layer is begun after ends after it.
 */
export const endInOrder = (server: Server) =>
  Layer.effectDiscard(
    Effect.flatMap(Ending, (ending) =>
      Effect.addFinalizer(() =>
        ending.open.pipe(
          Effect.andThen(Effect.timeoutOption(closed(server), patience)),
          Effect.andThen(Effect.sync(() => server.closeAllConnections()))
        )
      )
    )
  )

/** Also where it is told to end, when nothing else may be interrupted. */
const closed = (server: Server): Effect.Effect<void> =>
  Effect.interruptible(
    Effect.callback((resume) => {
      server.close(() => resume(Effect.void))
    })
  )

/** For all routes: a stream ends with the server. */
export const streamsEnd = HttpRouter.middleware(
  Effect.map(
    Ending,
    (ending) => (handler) =>
      Effect.map(handler, (response) =>
        response.body._tag === "Stream"
          ? HttpServerResponse.setBody(
              response,
              HttpBody.stream(
                Stream.interruptWhen(response.body.stream, ending.await),
                response.body.contentType,
                response.body.contentLength
              )
            )
          : response
      )
  ),
  { global: true }
)

/** Node closes those connections that are idle when a server is closed, and leaves open those that become so afterwards. */
export const closeIdle = (server: Server): Server =>
  server.on("request", (_request, response) => {
    response.once("close", () => {
      if (!server.listening) server.closeIdleConnections()
    })
  })
