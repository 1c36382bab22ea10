import { type Duration, Effect, Latch, type Request, RequestResolver } from "effect"

/** How many requests in a row are waited for. */
const mostInARow = 1000

/**
 * Lets requests go at once where nothing is under way, with all others of the same moment. Those that come meanwhile share
 * the next batch, which waits until that is done, or for so long at most: a slow one holds up nobody.
 */
export const inTurn =
  (most: Duration.Input) =>
  <A extends Request.Any>(resolver: RequestResolver.RequestResolver<A>) => {
    let came = 0
    let underWay = 0
    const idle = Latch.makeUnsafe(true)

    /** Whoever makes many requests in a row is let out of turn now and then: until a moment brings no more. */
    const gather = (until: number): Effect.Effect<void> =>
      Effect.suspend(() => {
        const before = came
        return Effect.andThen(
          Effect.yieldNow,
          Effect.suspend(() => (came === before || came >= until ? Effect.void : gather(until)))
        )
      })
    const turn = Effect.suspend(() =>
      idle.isOpen() ? Effect.void : Effect.asVoid(Effect.timeoutOption(idle.await, most))
    )
    const begin = Effect.sync(() => {
      underWay += 1
      idle.closeUnsafe()
    })
    const end = Effect.sync(() => {
      underWay -= 1
      if (underWay === 0) idle.openUnsafe()
    })

    return RequestResolver.makeWith<A>({
      ...resolver,
      collectWhile: (entries) => {
        came += 1
        return resolver.collectWhile(entries)
      },
      delay: Effect.andThen(
        Effect.suspend(() => gather(came + mostInARow)),
        turn
      ),
      runAll: (entries, key) =>
        Effect.acquireUseRelease(
          begin,
          () => resolver.runAll(entries, key),
          () => end
        )
    })
  }
