/**
 * A day in the life of a rental company, as the webhooks that RentProg sends about it: in many spellings and forms,
 * late, twice, and out of order; and as its operations log.
 */
import { Effect, Option, Random, Stream } from "effect"
import { type Happening, makeHappenings } from "./Happenings.ts"
import { makeScribe } from "./Scribe.ts"
import type { Simulator } from "./Simulator.ts"
import { garbage, type Webhook, word } from "./Webhook.ts"

export type { Webhook } from "./Webhook.ts"

export interface DayOptions {
  /** How many webhooks the day has, doubled ones and garbage included. */
  readonly events: number
  /** The same seed over the same records gives the same day; 1 where not given. */
  readonly seed?: string | number
  /** The share of webhooks and of log entries that nobody could make sense of, from 0 to 1; none where not given. */
  readonly garbage?: number
  /** The share of client updates and of all creations without `company_id`, from 0 to 1; none where not given. */
  readonly withoutCompany?: number
}

/** A webhook on its way. */
interface Underway {
  readonly webhook: Webhook
  /** The record it tells of; undefined for garbage. */
  readonly about: string | undefined
  /** After how many webhooks of the day it arrives. */
  readonly due: number
}

interface State {
  readonly made: number
  readonly underway: ReadonlyArray<Underway>
}

/** Most webhooks come at once, some a little out of order, a few late. */
const delay = Effect.gen(function* () {
  const random = yield* Random.next
  if (random < 0.85) return 0
  return random < 0.95 ? yield* Random.nextIntBetween(1, 5) : yield* Random.nextIntBetween(6, 40)
})

/** Which record a happening is about: `car:38001`. */
const about = ({ record, type }: Happening): string => `${type.split("_", 1)[0]}:${record.id}`

/**
 * A day that changes the simulator's records as it is pulled, writes the operations log of it at once, and emits the
 * webhooks of each change: exactly `events` of them. The last webhook that tells of a record tells of how it finally
 * stands: whatever is still underway about a record that is destroyed arrives before the webhook that says so.
 */
export const day = (options: DayOptions): Stream.Stream<Webhook, never, Simulator> =>
  Stream.unwrap(
    Effect.gen(function* () {
      const random = yield* seeded(options.seed)
      const happenings = yield* makeHappenings
      // Of its own chance, so that how the log is worded changes no webhook.
      const pen = yield* seeded(`log of ${options.seed ?? 1}`)
      const write = yield* makeScribe(options.garbage ?? 0)

      const send = Effect.fnUntraced(function* (state: State, happening: Happening) {
        const { company_id: _, ...homeless } = happening.body
        const withoutCompany = (yield* Random.next) < (options.withoutCompany ?? 0)
        const mayLack = happening.type === "client_update" || happening.type.endsWith("_create")
        const body = withoutCompany && mayLack ? homeless : happening.body
        const webhook = yield* word(happening.type, body)
        const record = about(happening)
        const isLast = happening.type.endsWith("_destroy")
        const before = state.underway.map((one) =>
          isLast && one.about === record ? { ...one, due: Math.min(one.due, state.made) } : one
        )
        const sent: Underway = { webhook, about: record, due: state.made + (yield* delay) }
        return { made: state.made + 1, underway: [...before, sent] }
      })

      /** Sometimes the newest webhook is sent once more. */
      const double = Effect.fnUntraced(function* (state: State) {
        const newest = state.underway.at(-1)
        if (newest === undefined || state.made >= options.events || (yield* Random.next) >= 0.06) return state
        const again = { ...newest, due: newest.due + 1 + (yield* delay) }
        return { made: state.made + 1, underway: [...state.underway, again] }
      })

      const turn = Effect.fnUntraced(function* (state: State) {
        if ((yield* Random.next) < (options.garbage ?? 0)) {
          const sent: Underway = { webhook: yield* garbage, about: undefined, due: state.made }
          return { made: state.made + 1, underway: [...state.underway, sent] }
        }
        let after = state
        const happened = yield* happenings.next(options.events - state.made)
        yield* write(happened).pipe(Effect.provideService(Random.Random, pen))
        for (const happening of happened) after = yield* send(after, happening)
        return happened.length === 0 ? after : yield* double(after)
      })

      return Stream.paginate<State, Webhook>({ made: 0, underway: [] }, (state) =>
        Effect.gen(function* () {
          if (state.made >= options.events) return [arrived(state.underway), Option.none()] as const
          const { made, underway } = yield* turn(state)
          const next = { made, underway: underway.filter(({ due }) => due >= made) }
          return [arrived(underway.filter(({ due }) => due < made)), Option.some(next)] as const
        })
      ).pipe(Stream.provideService(Random.Random, random))
    })
  )

/** One source of chance for as long as it is held: the same draws for the same seed. */
const seeded = (seed: string | number = 1) =>
  Effect.gen(function* () {
    return yield* Random.Random
  }).pipe(Random.withSeed(seed))

/** In the order of arrival; what is due together arrives in the order it was sent. */
const arrived = (underway: ReadonlyArray<Underway>): ReadonlyArray<Webhook> =>
  underway.toSorted((one, other) => one.due - other.due).map(({ webhook }) => webhook)

export interface PopulateOptions {
  /** How many records of each kind there are at least: by default 60, 80 and 60. */
  readonly cars?: number
  readonly clients?: number
  readonly bookings?: number
  /** The same seed gives the same records; 1 where not given. */
  readonly seed?: string | number
}

/**
 * Gives the simulator a company to begin with, of which no webhook told. Its bookings are new, under way or over;
 * one that finds no free car or no client of its branch brings its own.
 */
export const populate = Effect.fnUntraced(function* (options: PopulateOptions = {}) {
  const random = yield* seeded(options.seed)
  const { changeBooking, createBooking, createCar, createClient } = yield* makeHappenings
  const repeat = (times: number, step: Effect.Effect<unknown>) =>
    Effect.forEach(Array.from({ length: times }), () => step, { discard: true })
  yield* Effect.all([
    repeat(options.cars ?? 60, createCar),
    repeat(options.clients ?? 80, createClient),
    repeat(options.bookings ?? 60, Effect.andThen(createBooking({ car: 0, client: 0 }), changeBooking))
  ]).pipe(Effect.provideService(Random.Random, random))
})
