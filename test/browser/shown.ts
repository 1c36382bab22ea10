/** Rows, records and actions of every kind, so that each page has something to show. */
import { PgClient } from "@effect/sql-pg"
import { Context, Effect, Layer, Schema } from "effect"
import type { Page } from "playwright-core"
import { post, server } from "../http/server.ts"
import { insertEvents } from "../support/events.ts"
import { insertHistory } from "../support/history.ts"
import { succeed } from "../support/rows.ts"
import { until } from "../support/tables.ts"

export interface Ids {
  /** An event of car 65311 that came by webhook and waits. */
  readonly event: string
  /** A log entry that was applied to the same car. */
  readonly entry: string
  /** An event with words that nothing breaks, as senders now and then send them. */
  readonly endless: string
}

export class Shown extends Context.Service<Shown, Ids>()("test/Shown") {}

const long = "x".repeat(300)

const done = Effect.fnUntraced(function* (...request: Parameters<typeof post>) {
  const { status, text } = yield* post(...request)
  if (status >= 300) return yield* Effect.die(`${request[0]} was answered ${status}: ${text}`)
})

const Id = Schema.Array(Schema.Struct({ id: Schema.String }))

const rows = Layer.effect(
  Shown,
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    yield* sql`
      INSERT INTO cars (rentprog_id, branch, company_id, code, mileage, data, fetched_at)
      VALUES ('65311', 'tbilisi', 9247, 'Camry 174', 101191, '{"code": "Camry 174", "seats": 5}', now() - interval '1 day')
    `
    const [entry] = yield* insertHistory(
      {
        description: "Иван Петров изменил , mileage с 101191 на 102035 в авто № 65311 - Camry 174",
        operation_id: "71"
      },
      { description: "Иван Петров изменил , mileage с 1 на 2 в авто № 65312" },
      { description: `Пользователь вошёл ${long}` }
    )
    const [endless, processed] = yield* insertEvents([
      { type: `car_explode_${long}`, ext_id: "1", branch: "kutaisi", payload: { id: 1, note: long } },
      { type: "client_update", ext_id: "352079", branch: "batumi", payload: { id: 352079 } },
      { type: "car_update", company_id: 77_001, payload: { id: 2, company_id: 77_001 } }
    ])
    yield* succeed("events", processed?.id)

    const as = { "jarvis-operator": encodeURIComponent("Нина Ли") }
    yield* done("/api/branches/kutaisi/pause", "", as)
    yield* done("/api/events/discard", '{"filter":{"branch":"kutaisi"},"reason":"a test of the sender"}', as)
    yield* done(
      "/webhooks/rentprog",
      '{"event":"car.update","payload":"{\\"mileage\\"=>[101191, 102035], \\"id\\"=>65311, \\"company_id\\"=>9247}"}'
    )
    const tried = sql`SELECT id::text FROM events WHERE ext_id = '65311' AND attempts > 0`
    const [event] = yield* until(
      Effect.flatMap(tried, (rows) => Schema.decodeUnknownEffect(Id)(rows)),
      (rows) => rows.length === 1
    )
    return { event: event?.id ?? "", entry: entry?.id ?? "", endless: endless?.id ?? "" }
  })
)

/** The service with all of it. */
export const shown = rows.pipe(Layer.provideMerge(server()))

/** Waits until a page has heard from the service whatever it asked. */
export const settled = async (page: Page): Promise<void> => {
  await page
    .getByRole("banner")
    .getByText(/^(Live|На связи)$/)
    .waitFor()
  await page.locator(".skeleton, [aria-busy=true]").first().waitFor({ state: "detached" })
}

interface Known {
  readonly path: (ids: Ids) => string
  readonly heading: { readonly [L in "en" | "ru"]: (ids: Ids) => string }
}

/** Every page that there is. */
export const pages: ReadonlyArray<readonly [string, Known]> = [
  ["/", { path: () => "/", heading: { en: () => "Overview", ru: () => "Обзор" } }],
  ["/events", { path: () => "/events", heading: { en: () => "Events", ru: () => "События" } }],
  [
    "/events/:id",
    {
      path: ({ event }) => `/events/${event}`,
      heading: { en: ({ event }) => `Event ${event}`, ru: ({ event }) => `Событие ${event}` }
    }
  ],
  ["/history", { path: () => "/history", heading: { en: () => "History", ru: () => "Журнал" } }],
  [
    "/history/:id",
    {
      path: ({ entry }) => `/history/${entry}`,
      heading: { en: ({ entry }) => `Log entry ${entry}`, ru: ({ entry }) => `Запись журнала ${entry}` }
    }
  ],
  [
    "/entities/:type/:id",
    { path: () => "/entities/car/65311", heading: { en: () => "Car 65311", ru: () => "Автомобиль 65311" } }
  ],
  ["/actions", { path: () => "/actions", heading: { en: () => "Actions", ru: () => "Действия" } }]
]
