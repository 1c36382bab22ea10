/**
 * Invented cars, clients and bookings, and what changes about them; by chance, so that a seed repeats them.
 */
import { type Array as Arr, DateTime, Effect, Random, type Schema } from "effect"
import type { SimulatedRecord } from "./Records.ts"

const models = [
  "Camry",
  "Prius",
  "Corolla",
  "X6",
  "Mini 4x4 S",
  "SantaFe",
  "Forester",
  "Jimny",
  "Élantra"
] as const
const classes = ["Эконом", "Средний", "Бизнес", "Внедорожник"] as const
const colors = ["белый", "чёрный", "Red", "серебристый", "ლურჯი"] as const
const gears = ["Автомат", "Механика"] as const
const bodies = ["Седан", "Кроссовер", "Хэтчбек"] as const
const fuels = ["Бензин", "Гибрид", "Дизель"] as const
const plateLetters = ["A", "B", "C", "E", "H", "K", "M", "N", "R", "T", "X"] as const
const names = ["Иван", "Мария", "Пётр", "Anna", "John", "Zoë", "ნინო", "გიორგი", "Ли"] as const
const lastnames = ["Петров", "Смит", "Smith", "O'Hara", "Ли", "მაისურაძე", "Кузнецова-Ли", "Doe"] as const
const categories = ["Новый", "Постоянный", "VIP", "Проблемный"] as const
const places = ["Аэропорт Тбилиси", "Офис", 'Hotel "Old Town", Batumi', "Кутаиси, вокзал", "ბათუმი"] as const
/** Texts that mean something to a careless reader of Ruby or JSON. */
const remarks = [
  "",
  "закрепить бачок, течёт",
  'сказал: "перезвоню" => nil',
  "C:\\фото\\1.jpg",
  "#{скидка} 10%, #VIP",
  "первая строка\nвторая\tстрока",
  '{"a"=>[nil, 1]}',
  "😀 всё хорошо"
] as const
const sources = ["Сайт", "Звонок", "Партнёр", "Instagram"] as const
const managers = [
  [16001, "Ли Анна"],
  [16002, "Петров Иван"],
  [16003, "Smith John"]
] as const

/** The day on which the simulated company stands, so that the same seed gives the same dates. */
const today = DateTime.toEpochMillis(DateTime.makeUnsafe("2026-03-02T08:00:00Z"))
const hour = 3_600_000
const tbilisiOffset = 4 * hour

const digits = (length: number) =>
  Effect.map(Random.nextIntBetween(0, 10 ** length - 1), (number) => String(number).padStart(length, "0"))

const letters = (count: number) =>
  Effect.map(Effect.all(Array.from({ length: count }, () => Random.choice(plateLetters))), (chosen) =>
    chosen.join("")
  )

/** Money as RentProg sends it: mostly a number, sometimes text. */
const money = (amount: number): Effect.Effect<Schema.Json> =>
  Effect.map(Random.next, (random) => (random < 0.8 ? amount : amount.toFixed(1)))

/** An instant as ISO 8601 in Tbilisi. */
const iso = (epochMillis: number): string =>
  DateTime.formatIso(DateTime.makeUnsafe(epochMillis + tbilisiOffset)).replace("Z", "+04:00")

/** An instant as RentProg writes it: `02-03-2026 9:05` in Tbilisi, or ISO 8601. */
const date = (epochMillis: number): Effect.Effect<string> =>
  Effect.map(Random.next, (random) => {
    const text = iso(epochMillis)
    if (random < 0.2) return text
    const [day = "", time = ""] = text.split("T")
    return `${day.split("-").reverse().join("-")} ${Number(time.slice(0, 2))}${time.slice(2, 5)}`
  })

/** For each season what a day costs, by length of rent. */
const prices = Effect.forEach([11, 12], (season_id, index) =>
  Effect.map(Random.nextIntBetween(40, 200), (price) => ({
    id: index + 1,
    season_id,
    values: [price, price - 10, price - 20]
  }))
)

/** A whole car of a company. */
export const car = Effect.fnUntraced(function* (id: number, companyId: number) {
  const model = yield* Random.choice(models)
  const plate = yield* digits(3)
  return {
    id,
    company_id: companyId,
    car_name: model,
    code: `${model} ${plate}`,
    number: `${yield* letters(2)}-${plate}-${yield* letters(2)}`,
    vin: `${yield* letters(9)}${yield* digits(8)}`,
    year: yield* Random.nextIntBetween(2012, 2025),
    color: yield* Random.choice(colors),
    transmission: yield* Random.choice(gears),
    car_class: yield* Random.choice(classes),
    car_type: yield* Random.choice(bodies),
    fuel: yield* Random.choice(fuels),
    engine_capacity: `${(yield* Random.nextIntBetween(10, 40)) / 10}`,
    number_doors: yield* Random.nextIntBetween(3, 6),
    state: yield* Random.nextIntBetween(1, 6),
    mileage: yield* Random.nextIntBetween(10_000, 240_000),
    tank_value: yield* money(yield* Random.nextIntBetween(35, 80)),
    gas_mileage: yield* money((yield* Random.nextIntBetween(45, 140)) / 10),
    clean_state: yield* Random.nextBoolean,
    description: yield* Random.choice(remarks),
    is_air: true,
    bluetooth: yield* Random.nextBoolean,
    heated_seats: yield* Random.nextBoolean,
    roof_rack: null,
    custom_field_1: null,
    prices: yield* prices
  } satisfies SimulatedRecord
})

/** A whole client; of no branch where `companyId` is undefined. */
export const client = Effect.fnUntraced(function* (id: number, companyId: number | undefined) {
  const created = yield* date(today - hour * (yield* Random.nextIntBetween(24, 9000)))
  const whole: SimulatedRecord = {
    id,
    name: yield* Random.choice(names),
    lastname: yield* Random.choice(lastnames),
    middlename: null,
    phone: `+995555${yield* digits(6)}`,
    email: `client${id}@example.com`,
    category: yield* Random.choice(categories),
    comment: yield* Random.choice(remarks),
    bonus_points: yield* money(yield* Random.nextIntBetween(0, 300)),
    created_at: created,
    updated_at: created
  }
  return companyId === undefined ? whole : { ...whole, company_id: companyId }
})

/** A whole new booking of a car by a client. */
export const booking = Effect.fnUntraced(function* (
  id: number,
  car: SimulatedRecord,
  client: SimulatedRecord
) {
  const days = yield* Random.nextIntBetween(1, 14)
  const start = today + hour * (yield* Random.nextIntBetween(-72, 240))
  const end = start + days * 24 * hour
  const price = yield* Random.nextIntBetween(20, 90)
  const [responsibleId, responsible] = yield* Random.choice(managers)
  return {
    id,
    number: id - 500_000,
    company_id: car["company_id"] ?? null,
    created_at: iso(start - 24 * hour),
    car_id: car.id,
    car_name: car["car_name"] ?? null,
    car_code: car["code"] ?? null,
    client_id: client.id,
    first_name: client["name"] ?? null,
    middle_name: client["middlename"] ?? null,
    last_name: client["lastname"] ?? null,
    client_category: client["category"] ?? null,
    active: true,
    in_rent: false,
    archive: false,
    technical: false,
    source: yield* Random.choice(sources),
    state: "Новая",
    start_date: yield* date(start),
    end_date: yield* date(end),
    // RentProg's own mistake: 4 hours late.
    start_date_formatted: iso(start + tbilisiOffset),
    end_date_formatted: iso(end + tbilisiOffset),
    days,
    additional_hours: yield* Random.nextIntBetween(0, 5),
    price: yield* money(price),
    rental_cost: yield* money(price * days),
    hours_cost: 0,
    delivery: yield* money(20),
    delivery_end: 0,
    equipment: 0,
    total: yield* money(price * days + 20),
    deposit: yield* money(200),
    location_start: yield* Random.choice(places),
    location_end: yield* Random.choice(places),
    start_mileage: car["mileage"] ?? null,
    end_mileage: null,
    start_worker_id: responsibleId,
    end_worker_id: null,
    responsible,
    responsible_id: responsibleId,
    description: yield* Random.choice(remarks),
    created_from_api: yield* Random.nextBoolean,
    custom_field_1: "CDW",
    car: { id: car.id, company_id: car["company_id"] ?? null },
    client: { id: client.id },
    counts: []
  } satisfies SimulatedRecord
})

const addTo = (value: Schema.Json | undefined, amount: number): number => (Number(value) || 0) + amount

/** What a drive or a wash changes about a car. */
export const carChange = Effect.fnUntraced(function* (car: SimulatedRecord) {
  const mileage = addTo(car["mileage"], yield* Random.nextIntBetween(1, 900))
  return yield* Random.choice<Arr.NonEmptyReadonlyArray<Schema.JsonObject>>([
    { mileage, clean_state: car["clean_state"] !== true },
    { mileage, tank_value: yield* Random.nextIntBetween(5, 80) },
    { state: (addTo(car["state"], 0) % 6) + 1, description: yield* Random.choice(remarks) },
    { color: yield* Random.choice(colors), car_class: yield* Random.choice(classes), mileage }
  ])
})

/** What somebody corrects about a client. */
export const clientChange = Effect.fnUntraced(function* (client: SimulatedRecord) {
  return yield* Random.choice<Arr.NonEmptyReadonlyArray<Schema.JsonObject>>([
    { phone: `+995555${yield* digits(6)}` },
    { category: yield* Random.choice(categories), bonus_points: addTo(client["bonus_points"], 10) },
    { comment: yield* Random.choice(remarks), phone: `+995555${yield* digits(6)}` },
    { middlename: yield* Random.choice(names), email: `client${client.id}.${yield* digits(4)}@example.com` }
  ])
})

/** What happens to a booking next: handed out, returned, or cancelled; and once it is over, corrected. */
export const bookingChange = Effect.fnUntraced(function* (booking: SimulatedRecord) {
  const total = addTo(booking["total"], yield* Random.nextIntBetween(1, 50))
  const [responsibleId, responsible] = yield* Random.choice(managers)
  const next: Readonly<Record<string, Arr.NonEmptyReadonlyArray<Schema.JsonObject>>> = {
    Новая: [
      { state: "Активная", active: true, in_rent: true },
      { state: "Отменена", active: false, in_rent: false },
      { total, responsible, responsible_id: responsibleId }
    ],
    Активная: [
      { state: "Завершена", in_rent: false, active: false, total },
      { location_end: yield* Random.choice(places), total }
    ]
  }
  return yield* Random.choice<Arr.NonEmptyReadonlyArray<Schema.JsonObject>>(
    next[String(booking["state"])] ?? [{ total }]
  )
})
