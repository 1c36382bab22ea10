/** The state at a glance, from one stream of server-sent events for the whole page. */
import { Effect, Stream } from "effect"
import { useEffect } from "preact/hooks"
import type { Away, Overview } from "../../http/api/Overview.ts"
import type { Jarvis } from "../api.ts"
import { isPassing, type Problem } from "../problem.ts"
import { asked, start } from "../run.ts"
import { gate } from "./session.ts"
import { makeStore, useStore } from "./store.ts"
import { useVisible } from "./visible.ts"

export interface Live {
  /** `away`: the service is there, its database is not. */
  readonly connection: "connecting" | "live" | "away" | "lost"
  /** As last heard; it may be old where the connection is not live. */
  readonly overview: Overview | undefined
  readonly away: Away | undefined
  readonly problem: Problem | undefined
  /** When the next attempt is due, in milliseconds since 1970. */
  readonly retryAt: number | undefined
}

const live = makeStore<Live>({
  connection: "connecting",
  overview: undefined,
  away: undefined,
  problem: undefined,
  retryAt: undefined
})

const shortestWait = 1000
const longestWait = 30_000

/** The server speaks every 2 s; after so long a silence the connection is dead, whatever it looks like. */
const longestSilence = "10 seconds"

const hear = (heard: Overview | Away): void =>
  live.set(
    "away" in heard
      ? { ...live.get(), connection: "away", away: heard, problem: undefined, retryAt: undefined }
      : { connection: "live", overview: heard, away: undefined, problem: undefined, retryAt: undefined }
  )

const listen = (wait: number): Effect.Effect<void, never, Jarvis> =>
  Effect.suspend(() => {
    let next = wait
    const once = asked((jarvis) =>
      // The silence before the stream is open counts as well.
      Stream.unwrap(jarvis.glance.live()).pipe(
        Stream.timeout(longestSilence),
        Stream.runForEach((heard) =>
          Effect.sync(() => {
            next = shortestWait
            hear(heard)
          })
        )
      )
    )
    // A stream that ends is a connection lost: this one has no end of its own.
    return Effect.flatMap(
      Effect.flip(Effect.andThen(once, Effect.fail<Problem>({ kind: "network" }))),
      (problem) => {
        if (!isPassing(problem)) {
          live.set({ ...live.get(), connection: "lost", problem, retryAt: undefined })
          return Effect.void
        }
        live.set({ ...live.get(), connection: "lost", problem, retryAt: Date.now() + next })
        return Effect.andThen(Effect.sleep(next), listen(Math.min(next * 2, longestWait)))
      }
    )
  })

/** Listens while the page is visible and let in. To be used once. */
export const useLiveStream = (): void => {
  const visible = useVisible()
  const isOpen = useStore(gate).kind === "open"
  useEffect(() => {
    if (!visible || !isOpen) return
    // What was heard before may be long past.
    live.set({ ...live.get(), connection: "connecting", problem: undefined, retryAt: undefined })
    return start(listen(shortestWait))
  }, [visible, isOpen])
}

export const useLive = (): Live => useStore(live)
