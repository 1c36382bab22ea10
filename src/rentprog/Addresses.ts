/**
 * Where RentProg keeps what: the addresses of each kind of record, and what comes back from them.
 */
import { Array as Arr, Effect, Option, Predicate } from "effect"
import type { Branch } from "../domain/Branch.ts"
import { type EntityKey, type EntityType, keyText, type RentprogId } from "../domain/Entity.ts"
import { RentProgBadResponse, type RentProgError, RentProgNotFound } from "../domain/Reason.ts"
import type { Read } from "./Calls.ts"
import { decodeRecord, idOf, type RentProgRecord } from "./Records.ts"

/** A record, whose token fetched it, and how old the answer can be. */
export type Fetched = RentProgRecord & {
  readonly branch: Branch
  /** Epoch ms, just before the answering call went out: the record is at least as new as this. */
  readonly fetchedAt: number
}

/** A page of a list. */
export interface Page {
  /** How many records came, those that do not read included. */
  readonly length: number
  /** The numbers of those that have one. */
  readonly ids: ReadonlyArray<RentprogId>
  /** Those that were wanted. */
  readonly records: ReadonlyArray<Fetched>
}

/** RentProg: the addresses of one record, of the list, and the name of the list's page size. */
const addresses = {
  car: { main: "/cars", fallback: "/car", list: "/all_cars_full", size: "limit" },
  client: { main: "/clients", fallback: "/client", list: "/clients", size: "limit" },
  booking: { main: "/bookings", fallback: "/booking", list: "/all_bookings", size: "per_page" }
} as const

/** What a page is asked to hold; RentProg may send fewer. */
export const pageSize = 100
/** RentProg: a list may ignore the size asked for and send 10 records a page. */
export const ordinaryPage = 10
/** How many records the pages of a list hold, judged by the first: a page with fewer is the last. */
export const sizeByFirst = (length: number): number => (length === ordinaryPage ? ordinaryPage : pageSize)

export const make = (read: Read) => {
  const readAt = Effect.fnUntraced(function* (
    branch: Branch,
    { entityId, entityType }: EntityKey,
    at: string
  ) {
    const path = `${at}/${entityId}`
    const { json, sentAt } = yield* read(branch, path)
    const record = yield* Effect.fromResult(decodeRecord(entityType, json)).pipe(
      Effect.mapError(({ detail }) => new RentProgBadResponse({ detail: `GET ${path}: ${detail}` }))
    )
    if (record.entityId !== entityId) {
      return yield* new RentProgBadResponse({
        detail: `GET ${path} brought the ${entityType} ${record.entityId} instead`
      })
    }
    return { ...record, branch, fetchedAt: sentAt }
  })

  /** One record by itself, from whichever of its two addresses has it. */
  const one = Effect.fn("RentProg.readOne")(function* (
    branch: Branch,
    key: EntityKey
  ): Effect.fn.Return<Fetched, RentProgError> {
    yield* Effect.annotateCurrentSpan({ branch, ...key })
    const { fallback, main } = addresses[key.entityType]
    return yield* readAt(branch, key, main).pipe(
      Effect.catchTag("RentProgNotFound", () => readAt(branch, key, fallback)),
      Effect.catchTag("RentProgNotFound", () =>
        Effect.fail(
          new RentProgNotFound({
            detail: `${keyText(key)} is at neither ${main} nor ${fallback} for branch ${branch}: gone, or another branch's`
          })
        )
      )
    )
  })

  /** A page of the list of a kind, from 1. Of its records only those that are wanted are read. */
  const page = Effect.fn("RentProg.readPage")(function* (
    branch: Branch,
    entityType: EntityType,
    number: number,
    isWanted: (id: RentprogId) => boolean
  ): Effect.fn.Return<Page, RentProgError> {
    yield* Effect.annotateCurrentSpan({ branch, entityType, page: number })
    const { list, size } = addresses[entityType]
    const { json, sentAt } = yield* read(branch, list, { page: number, [size]: pageSize })
    const items = Predicate.isObject(json) ? json["data"] : json
    if (!Array.isArray(items)) {
      return yield* new RentProgBadResponse({
        detail: `GET ${list} brought neither an array nor one under data`
      })
    }
    const numbered = items.flatMap((item) => Option.toArray(Option.map(idOf(item), (id) => ({ id, item }))))
    const records = Arr.filterMap(
      numbered.filter(({ id }) => isWanted(id)),
      ({ item }) => decodeRecord(entityType, item)
    )
    return {
      length: items.length,
      ids: numbered.map(({ id }) => id),
      records: records.map((record) => ({ ...record, branch, fetchedAt: sentAt }))
    }
  })

  return { one, page }
}

export type Addresses = ReturnType<typeof make>
