/**
 * Wants of records, gathered for a few milliseconds and satisfied by the fewest calls: each record once however many
 * want it, many records of a kind from the pages of its list, the rest one by one.
 *
 * A want that comes while its record is already on its way gets a call of its own: it may be about a change that the
 * answer under way does not show.
 */
import { Deferred, Effect, Exit, Fiber, Request, RequestResolver } from "effect"
import type { Branch } from "../domain/Branch.ts"
import type { EntityKey, EntityType, RentprogId } from "../domain/Entity.ts"
import type { RentProgError } from "../domain/Reason.ts"
import type { Addresses, Fetched } from "./Addresses.ts"
import { Patience } from "./Patience.ts"

/** `gone` is done once whoever wanted the record no longer waits. */
class Want extends Request.Class<
  { readonly branch: Branch; readonly key: EntityKey; readonly gone: Deferred.Deferred<void> },
  Fetched,
  RentProgError
> {}

type Wants = ReadonlyArray<Request.Entry<Want>>

/** Stops what nobody waits for any more, so that it costs no quota. */
const whileWanted =
  (wants: Wants) =>
  <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.raceFirst(
      Effect.andThen(
        Effect.forEach(wants, ({ request }) => Deferred.await(request.gone), { discard: true }),
        Effect.interrupt
      ),
      self
    )

/** RentProg: a page that is not the last holds at least 10 records, whatever size was asked for. */
const smallestPage = 10
/** How many pages in a row may bring nothing, after pages that brought much. */
const poorPages = 3
/** How many single reads run side by side. */
const sideBySide = 8

export const make = Effect.fnUntraced(function* ({ one, page }: Addresses) {
  const { gatherFor } = yield* Patience
  const scope = yield* Effect.scope

  const satisfy = Effect.fn("RentProg.satisfy")(function* (
    branch: Branch,
    entityType: EntityType,
    entries: Wants
  ) {
    const wanted = Map.groupBy(entries, ({ request }) => request.key.entityId)
    yield* Effect.annotateCurrentSpan({ branch, entityType, wanted: wanted.size })

    /** Answers all who want the record; false where nobody does. */
    const settle = (id: RentprogId, exit: Exit.Exit<Fetched, RentProgError>): boolean => {
      for (const entry of wanted.get(id) ?? []) entry.completeUnsafe(exit)
      return wanted.delete(id)
    }

    /**
     * Pages are read while they are worth more than the single reads they save: each costs one call and is worth the
     * wanted records it brings. At the worst that is a call more than single reads alone, as the first page may
     * bring nothing.
     */
    const readPages = Effect.gen(function* () {
      const seen = new Set<RentprogId>()
      let size = smallestPage
      let gain = 0
      for (let number = 1; ; number += 1) {
        const { length, records } = yield* page(branch, entityType, number)
        const fresh = records.filter(({ entityId }) => !seen.has(entityId))
        for (const { entityId } of fresh) seen.add(entityId)
        const found = fresh.filter((record) => settle(record.entityId, Exit.succeed(record))).length
        gain = Math.min(gain + found - 1, poorPages)
        // A server may repeat its last page for ever: one that brings nothing new is the end, too.
        const isLast = length < size || fresh.length === 0
        size = Math.max(size, length)
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

    if (wanted.size > smallestPage) yield* readPages
    yield* Effect.forEach(
      Array.from(wanted),
      ([entityId, wants]) =>
        one(branch, { entityType, entityId }).pipe(
          whileWanted(wants),
          Effect.exit,
          Effect.map((exit) => settle(entityId, exit))
        ),
      { concurrency: sideBySide, discard: true }
    )
  })

  const resolver = RequestResolver.makeGrouped<Want, string>({
    key: ({ request }) => `${request.branch} ${request.key.entityType}`,
    resolver: (entries) => {
      const { branch, key } = entries[0].request
      const satisfied = satisfy(branch, key.entityType, entries).pipe(whileWanted(entries))
      // A batch outlives any one of its callers, but not this layer.
      return Effect.flatMap(Effect.forkIn(satisfied, scope), Fiber.join)
    }
  }).pipe(RequestResolver.setDelay(gatherFor))

  const fetch = Effect.fn("RentProg.fetch")(function* (branch: Branch, key: EntityKey) {
    yield* Effect.annotateCurrentSpan({ branch, ...key })
    const gone = yield* Deferred.make<void>()
    return yield* Effect.request(new Want({ branch, key, gone }), resolver).pipe(
      Effect.onInterrupt(() => Deferred.succeed(gone, undefined))
    )
  })

  return { fetch }
})
