/**
 * Wants of records, gathered until a call may go out and satisfied by the fewest calls: each record once however many
 * want it, many records of a kind from the pages of its list, the rest one by one.
 *
 * A want that comes while its record is already on its way gets a call of its own: it may be about a change that the
 * answer under way does not show. A call that nobody wants any more does not go out.
 */
import { Effect, Exit, Fiber, Latch, Request, RequestResolver } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { EntityKey, EntityType, RentprogId } from "../domain/Entity.ts"
import type { RentProgError } from "../domain/Reason.ts"
import { inTurn } from "../inTurn.ts"
import { type Addresses, type Fetched, pageSize, sizeByFirst } from "./Addresses.ts"
import { Patience } from "./Patience.ts"

class Want extends Request.Class<
  {
    readonly branch: Branch
    readonly key: EntityKey
    /** Open once nobody waits for the answer any more. */
    readonly forsaken: Latch.Latch
  },
  Fetched,
  RentProgError
> {}

type Wants = ReadonlyArray<Request.Entry<Want>>

/** Until nobody waits for any of the answers any more. */
const forsaken = (wants: Wants): Effect.Effect<void> =>
  Effect.forEach(wants, ({ request }) => request.forsaken.await, { discard: true })

const isForsaken = (wants: Wants): boolean => wants.every(({ request }) => request.forsaken.isOpen())

/** How many wants a list is worth whose end was not seen: those that a page of the smallest size may bring. */
const worthALongList = 10
/** How many pages in a row may bring nothing, after pages that brought much. */
const poorPages = 3
/** How many single reads of a batch run side by side: enough that a few which hang hold up no others. */
const sideBySide = 32

/** `ready` waits until a call of the branch may go out. */
export const make = Effect.fnUntraced(function* (
  { one, page }: Addresses,
  ready: (branch: Branch) => Effect.Effect<void>
) {
  const { gatherFor } = yield* Patience
  const scope = yield* Effect.scope

  const makeResolver = (branch: Branch, entityType: EntityType) => {
    /** How many pages the list has, as far as is known: the first read finds out. */
    let pages = 1

    const satisfy = Effect.fn("RentProg.satisfy")(function* (entries: Wants) {
      const wanted = Map.groupBy(entries, ({ request }) => request.key.entityId)
      yield* Effect.annotateCurrentSpan({ branch, entityType, wanted: wanted.size })

      /** Answers all who want the record; false where nobody does. */
      const settle = (id: RentprogId, exit: Exit.Exit<Fetched, RentProgError>): boolean => {
        for (const entry of wanted.get(id) ?? []) entry.completeUnsafe(exit)
        return wanted.delete(id)
      }

      const dropForsaken = Effect.sync(() => {
        for (const [id, wants] of wanted) {
          if (isForsaken(wants)) wanted.delete(id)
        }
      })

      /**
       * Pages are read while they are worth more than the single reads they save: each costs one call and is worth the
       * wanted records it brings. At the worst that is a call more than single reads alone, as the first page may
       * bring nothing.
       */
      const readPages = Effect.gen(function* () {
        const seen = new Set<RentprogId>()
        let size = pageSize
        let gain = 0
        for (let number = 1; ; number += 1) {
          const { ids, length, records } = yield* page(branch, entityType, number, (id) => wanted.has(id))
          yield* dropForsaken
          const fresh = ids.filter((id) => !seen.has(id))
          for (const id of fresh) seen.add(id)
          const found = records.filter((record) => settle(record.entityId, Exit.succeed(record))).length
          gain = Math.min(gain + found - 1, poorPages)
          if (number === 1) size = sizeByFirst(length)
          // A server may repeat its last page for ever: one that brings nothing new is the end, too.
          const isLast = length < size || fresh.length === 0
          pages = isLast ? number : Math.max(pages, number + 1, worthALongList)
          // The last one missing is certain to cost a single call when read singly.
          if (isLast || gain <= 0 || wanted.size <= 1) return
        }
      }).pipe(
        // A list that fails says nothing about its records, which may well be had singly; but single reads would
        // only spend more of a quota that is used up.
        Effect.catch((error) =>
          Effect.sync(() => {
            if (error._tag === "RentProgRateLimited")
              for (const id of wanted.keys()) settle(id, Exit.fail(error))
          })
        )
      )

      if (wanted.size > pages) yield* Effect.raceFirst(readPages, forsaken(entries))
      yield* Effect.forEach(
        Array.from(wanted),
        ([entityId, wants]) =>
          isForsaken(wants)
            ? Effect.void
            : one(branch, { entityType, entityId }).pipe(
                Effect.exit,
                Effect.map((exit) => settle(entityId, exit)),
                Effect.raceFirst(forsaken(wants))
              ),
        { concurrency: sideBySide, discard: true }
      )
    })

    return RequestResolver.make<Want>((entries) =>
      // A batch outlives any one of its callers, but not this layer.
      Effect.flatMap(Effect.forkIn(satisfy(entries), scope, { startImmediately: true }), Fiber.join)
    ).pipe(
      // Where the quota is used up, wants gather until a call may go out: the more there are, the more a page saves.
      inTurn(gatherFor),
      (resolver) => RequestResolver.setDelayEffect(resolver, Effect.andThen(resolver.delay, ready(branch)))
    )
  }

  const resolvers = new Map<string, RequestResolver.RequestResolver<Want>>()
  const resolverOf = (branch: Branch, entityType: EntityType) => {
    const name = `${branch} ${entityType}`
    const resolver = resolvers.get(name) ?? makeResolver(branch, entityType)
    resolvers.set(name, resolver)
    return resolver
  }

  const fetch = Effect.fn("RentProg.fetch")(function* (branch: Branch, key: EntityKey) {
    yield* Effect.annotateCurrentSpan({ branch, ...key })
    const forsaken = Latch.makeUnsafe()
    return yield* Effect.request(
      new Want({ branch, key, forsaken }),
      resolverOf(branch, key.entityType)
    ).pipe(Effect.onInterrupt(() => forsaken.open))
  })

  return { fetch }
})
