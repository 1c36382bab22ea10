/**
 * What happens in a rental company: each thing changes a simulated RentProg's records, and is worth webhooks.
 */
import { type Array as Arr, Effect, Option, Random, type Schema } from "effect"
import { type EntityType, entityTypes } from "../domain/Entity.ts"
import type { EventType } from "../domain/Event.ts"
import { branchOf, type Company, companies, mainCompanies } from "./Companies.ts"
import * as Fleet from "./Fleet.ts"
import { type Changes, type SimulatedRecord, Simulator } from "./Simulator.ts"

/** One thing that happened to one record. */
export interface Happening {
  readonly type: EventType
  /** The webhook's payload: the whole new record, pairs of what changed, or no more than the number. */
  readonly body: Schema.JsonObject
  /** The record before it was changed or destroyed, or as it was created. */
  readonly record: SimulatedRecord
  /** What an update changed; nothing where it was none. */
  readonly changes: Changes
}

/** Record numbers begin here, as large as RentProg's are. */
const firstIds: Readonly<Record<EntityType, number>> = { car: 38_001, client: 352_001, booking: 505_001 }

/** One of a list; none where it is empty. */
const oneOf = <A>(list: ReadonlyArray<A>): Effect.Effect<Option.Option<A>> =>
  Effect.option(Random.choice(list))

const chance = (share: number): Effect.Effect<boolean> => Effect.map(Random.next, (random) => random < share)

/** A company: mostly a branch's main one. */
const someCompany: Effect.Effect<number> = Effect.gen(function* () {
  const among = (yield* chance(0.9)) ? mainCompanies : companies
  const chosen = yield* oneOf<Company>(among)
  return Option.match(chosen, { onNone: () => 9247, onSome: ({ companyId }) => companyId })
})

/** A company that goes on from the simulator's records as they are. */
export const makeHappenings = Effect.gen(function* () {
  const simulator = yield* Simulator
  const ids = { ...firstIds }
  for (const kind of entityTypes) {
    for (const { id } of yield* simulator.records(kind)) ids[kind] = Math.max(ids[kind], id + 1)
  }
  /** Cars that events told of. Their branch stays, or what was told would be of another branch than the car. */
  const told = new Set<number>()

  const nextId = (kind: EntityType): number => {
    ids[kind] += 1
    return ids[kind] - 1
  }

  /** The company that a webhook names: the record's, or any where the record belongs to none. */
  const companyOf = (record: SimulatedRecord): Effect.Effect<Schema.Json> =>
    record["company_id"] === undefined ? someCompany : Effect.succeed(record["company_id"])

  const tell = (kind: EntityType, happening: Happening): Happening => {
    if (kind === "car") told.add(happening.record.id)
    return happening
  }

  const created = Effect.fnUntraced(function* (kind: EntityType, record: SimulatedRecord) {
    yield* simulator.put(kind, record)
    if (yield* chance(0.05)) yield* simulator.answerOnlyAtFallback(kind, record.id)
    const body = { ...record, company_id: yield* companyOf(record) }
    return tell(kind, { type: `${kind}_create`, record, body, changes: {} })
  })

  const changed = Effect.fnUntraced(function* (
    kind: EntityType,
    record: SimulatedRecord,
    fields: Schema.JsonObject
  ) {
    const changes = yield* Effect.orDie(simulator.patch(kind, record.id, fields))
    const company_id = changes["company_id"] ?? (yield* companyOf(record))
    const body = { ...changes, id: record.id, company_id }
    return tell(kind, { type: `${kind}_update`, record, body, changes })
  })

  const destroyed = Effect.fnUntraced(function* (kind: EntityType, record: SimulatedRecord) {
    yield* simulator.destroy(kind, record.id)
    const body = { id: record.id, company_id: yield* companyOf(record) }
    return tell(kind, { type: `${kind}_destroy`, record, body, changes: {} })
  })

  const newCar = Effect.gen(function* () {
    const car = yield* Fleet.car(nextId("car"), yield* someCompany)
    return [car, yield* created("car", car)] as const
  })

  const newClient = Effect.fnUntraced(function* (companyId: number | undefined) {
    const client = yield* Fleet.client(nextId("client"), companyId)
    return [client, yield* created("client", client)] as const
  })

  /** Of a third of all clients it is not known which branch they are of. */
  const clientsCompany = (companyId: number) =>
    Effect.map(chance(0.33), (none) => (none ? undefined : companyId))

  const createCar = Effect.map(newCar, ([, happening]) => [happening])

  const createClient = Effect.gen(function* () {
    const [, happening] = yield* newClient(yield* clientsCompany(yield* someCompany))
    return [happening]
  })

  /** A booking of a free car or, in the share given, a new one; by a client of the same branch or a new one. */
  const createBooking = Effect.fnUntraced(function* (newcomers: { car: number; client: number }) {
    const bookings = yield* simulator.records("booking")
    const taken = new Set(bookings.filter((one) => one["active"] === true).map((one) => one["car_id"]))
    const cars = yield* simulator.records("car")
    const known = yield* oneOf((yield* chance(newcomers.car)) ? [] : cars.filter(({ id }) => !taken.has(id)))
    const [car, carCreated] = Option.isSome(known) ? [known.value] : yield* newCar
    const branch = branchOf(car["company_id"] ?? null)
    const clients = (yield* simulator.records("client")).filter(
      (one) => one["company_id"] === undefined || branchOf(one["company_id"]) === branch
    )
    const regular = yield* oneOf((yield* chance(newcomers.client)) ? [] : clients)
    const companyId = Number(car["company_id"])
    const [client, clientCreated] = Option.isSome(regular)
      ? [regular.value]
      : yield* newClient(yield* clientsCompany(companyId))
    const booking = yield* Fleet.booking(nextId("booking"), car, client)
    const bookingCreated = yield* created("booking", booking)
    return [carCreated, clientCreated, bookingCreated].filter((one) => one !== undefined)
  })

  const changeCar = Effect.gen(function* () {
    const car = yield* oneOf(yield* simulator.records("car"))
    if (Option.isNone(car)) return []
    return [yield* changed("car", car.value, yield* Fleet.carChange(car.value))]
  })

  const changeClient = Effect.gen(function* () {
    const client = yield* oneOf(yield* simulator.records("client"))
    if (Option.isNone(client)) return []
    return [yield* changed("client", client.value, yield* Fleet.clientChange(client.value))]
  })

  /** A booking goes on, mostly one that is not over; a car that comes back has been driven. */
  const changeBooking = Effect.gen(function* () {
    const any = yield* chance(0.1)
    const bookings = yield* simulator.records("booking")
    const booking = yield* oneOf(bookings.filter((one) => any || one["active"] === true))
    if (Option.isNone(booking)) return []
    const fields = yield* Fleet.bookingChange(booking.value)
    const happening = yield* changed("booking", booking.value, fields)
    if (fields["state"] !== "Завершена") return [happening]
    const car = (yield* simulator.records("car")).find(({ id }) => id === booking.value["car_id"])
    if (car === undefined) return [happening]
    return [happening, yield* changed("car", car, yield* Fleet.carChange(car))]
  })

  /** The cars or clients that no booking is of. */
  const unbooked = Effect.fnUntraced(function* (kind: "car" | "client") {
    const booked = new Set((yield* simulator.records("booking")).map((one) => one[`${kind}_id`]))
    return (yield* simulator.records(kind)).filter(({ id }) => !booked.has(id))
  })

  const moveCar = Effect.gen(function* () {
    const car = yield* oneOf((yield* unbooked("car")).filter(({ id }) => !told.has(id)))
    const companyId = yield* someCompany
    if (Option.isNone(car) || branchOf(car.value["company_id"] ?? null) === branchOf(companyId)) return []
    return [yield* changed("car", car.value, { company_id: companyId })]
  })

  const destroyOne = (kind: EntityType) =>
    Effect.gen(function* () {
      const candidates = kind === "booking" ? yield* simulator.records(kind) : yield* unbooked(kind)
      const record = yield* oneOf(candidates)
      return Option.isNone(record) ? [] : [yield* destroyed(kind, record.value)]
    })

  /** What may happen, how often of a hundred times, and how many things it can be at most. */
  const all: Arr.NonEmptyReadonlyArray<{
    readonly weight: number
    readonly most: number
    readonly step: Effect.Effect<ReadonlyArray<Happening>>
  }> = [
    { weight: 28, most: 1, step: changeCar },
    { weight: 12, most: 1, step: changeClient },
    { weight: 30, most: 2, step: changeBooking },
    { weight: 12, most: 3, step: createBooking({ car: 0.1, client: 0.5 }) },
    { weight: 6, most: 1, step: createClient },
    { weight: 2, most: 1, step: createCar },
    { weight: 5, most: 1, step: moveCar },
    { weight: 2, most: 1, step: destroyOne("booking") },
    { weight: 2, most: 1, step: destroyOne("client") },
    { weight: 1, most: 1, step: destroyOne("car") }
  ]
  const lots = all.flatMap(({ most, step, weight }) => Array.from({ length: weight }, () => ({ most, step })))

  /** Something happens, of at most `room` things; nothing where the company lacks what it would happen to. */
  const next = Effect.fnUntraced(function* (room: number) {
    const drawn = yield* oneOf(lots.filter(({ most }) => most <= room))
    return Option.isNone(drawn) ? [] : yield* drawn.value.step
  })

  return { next, createCar, createClient, createBooking, changeBooking }
})
