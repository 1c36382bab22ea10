/** What an event means for the mirror. */
import { Clock, Effect, Option, Schema } from "effect"
import { Mirror, type Written } from "../database/Mirror.ts"
import { type EntityKey, keyText, RentprogId } from "../domain/Entity.ts"
import { meaning, type Taken } from "../domain/Event.ts"
import {
  type EventError,
  isSpent,
  MissingDependency,
  type RentProgNotFound,
  reasonText
} from "../domain/Reason.ts"
import { type Fetched, RentProg } from "../rentprog/RentProg.ts"

/**
 * Brings the mirror up to date with one record, whatever number of events says that it changed, and answers whether anything
 * was written for that.
 *
 * An event only says that a record changed, and events come late, twice and out of order; so the record is fetched as
 * it is now. One that was destroyed is gone: RentProg gives no number twice.
 *
 * `arriving` waits for another record that is being handled right now, if it is.
 */
export const handleRentProgEvent = Effect.fn("handleRentProgEvent")(function* (
  { branch, events, leastAttempts, record: key }: Taken,
  arriving: (key: EntityKey) => Effect.Effect<void>
): Effect.fn.Return<Written, EventError, Mirror | RentProg> {
  const mirror = yield* Mirror
  const rentprog = yield* RentProg

  if (events.some(({ type }) => meaning[type].operation === "destroy")) {
    return yield* mirror.destroy(key, branch, yield* Clock.currentTimeMillis)
  }

  const gone = Effect.fnUntraced(function* (notFound: RentProgNotFound) {
    const known = Option.getOrNull(yield* mirror.known(key))
    // What it says has been seen already: the record is deleted, or lives on in another branch.
    if (known?.deleted || (known?.branch ?? branch) !== branch) return "superseded" as const
    // RentProg's own copies lag, so a record is believed gone only when every attempt is spent.
    if (known !== null && isSpent("rentprog_not_found", leastAttempts + 1)) {
      yield* mirror.destroy(key, branch, yield* Clock.currentTimeMillis)
    }
    return yield* notFound
  })

  const fetchInto = Effect.fnUntraced(function* (wanted: EntityKey): Effect.fn.Return<Written, EventError> {
    const record = yield* rentprog.fetch(branch, wanted)
    yield* Effect.forEach(dependenciesOf(record), present, { concurrency: "unbounded", discard: true })
    return yield* mirror.write(record)
  })

  const present = Effect.fnUntraced(function* (dependency: EntityKey): Effect.fn.Return<void, EventError> {
    if (Option.isSome(yield* mirror.known(dependency))) return
    yield* arriving(dependency)
    if (Option.isSome(yield* mirror.known(dependency))) return
    yield* Effect.mapError(
      fetchInto(dependency),
      (error) => new MissingDependency({ detail: `${keyText(dependency)}: ${reasonText(error)}` })
    )
  })

  return yield* Effect.catchTag(fetchInto(key), "RentProgNotFound", gone)
})

/** What has to be in the mirror before the record is: a booking's car and client. */
const dependenciesOf = (record: Fetched): ReadonlyArray<EntityKey> => {
  if (record.entityType !== "booking") return []
  const { car_id, client_id } = record.columns
  return [
    { entityType: "car" as const, entityId: car_id },
    { entityType: "client" as const, entityId: client_id }
  ].flatMap(({ entityId, entityType }) =>
    Option.match(readId(entityId), { onNone: () => [], onSome: (id) => [{ entityType, entityId: id }] })
  )
}

const readId = Schema.decodeUnknownOption(RentprogId)
