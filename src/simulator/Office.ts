/**
 * What people of a rental company do that no webhook tells of: payments, hand-overs of cash, and maintenance.
 */
import { type Array as Arr, Effect, Random } from "effect"
import type { Branch } from "../domain/Branch.ts"
import { branchOf, mainCompanies } from "./Companies.ts"
import type { Deed } from "./Said.ts"
import { type Person, people, staff } from "./Sentence.ts"
import { Simulator } from "./Simulator.ts"

/** Something that somebody of a branch did. */
export interface Doing {
  readonly branch: Branch
  readonly who: Person
  readonly deed: Deed
}

/** Numbers begin here, as large as RentProg's are. */
const firstIds = { payment: 1_834_001, maintenance: 102_001 }

const currencies = ["GEL", "USD", "EUR"] as const
const jobs = [
  "закрепить бачок, течёт",
  "замена масла 5W-30",
  "заменить шину №2",
  "ТО-2 на 100 000 км",
  "wash and polish",
  ""
] as const
const directions = ["income", "expense"] as const
const methods = [{ method: "cash" }, { method: "cash" }, { method: "cashless" }, {}] as const

/** An office that goes on from the simulator's log as it is. */
export const makeOffice = Effect.gen(function* () {
  const simulator = yield* Simulator
  const ids = { ...firstIds }
  for (const { says } of yield* simulator.history) {
    if (says?.entity_type === "maintenance")
      ids.maintenance = Math.max(ids.maintenance, Number(says.entity_id) + 1)
    for (const id of says?.payment?.ids ?? []) ids.payment = Math.max(ids.payment, Number(id) + 1)
  }
  /** Payments and open jobs that can still change; each changes once. */
  const payments: Array<Doing> = []
  const open: Array<Doing> = []

  const nextId = (kind: keyof typeof firstIds): string => {
    ids[kind] += 1
    return String(ids[kind] - 1)
  }

  const sum = Effect.gen(function* () {
    const amount = (yield* Random.nextIntBetween(2, 4000)) / 2
    return { amount, currency: yield* Random.choice(currencies) }
  })

  /** A payment, of a few of which it is said neither how much nor how. */
  const pay = Effect.gen(function* () {
    const { branch } = yield* Random.choice(mainCompanies)
    const id = nextId("payment")
    const direction = yield* Random.choice(directions)
    const method = yield* Random.choice(methods)
    const whole = { ids: [id], ...(yield* sum), direction, ...method }
    const payment = (yield* Random.next) < 0.1 ? { ids: [id] } : whole
    const deed: Deed = { entity_type: "payment", entity_id: id, operation: "create", payment }
    const doing = { branch, who: yield* Random.choice(people), deed }
    payments.push(doing)
    return [doing]
  })

  const handOver = Effect.gen(function* () {
    const { branch } = yield* Random.choice(mainCompanies)
    const [who, from] = yield* Random.shuffle(staff)
    if (who === undefined || from === undefined) return []
    const id = nextId("payment")
    const deed: Deed = {
      entity_type: "payment",
      entity_id: id,
      operation: "transfer",
      counterparty: from.name,
      payment: { ids: [id, nextId("payment")], ...(yield* sum), direction: "transfer", method: "cash" }
    }
    return [{ branch, who, deed }]
  })

  const withdraw = Effect.gen(function* () {
    const paid = payments.shift()
    if (paid === undefined) return []
    const payment = { ids: [paid.deed.entity_id] }
    const operation = yield* Random.choice(["delete", "cancel"] as const)
    return [{ ...paid, deed: { ...paid.deed, operation, payment } }]
  })

  const openJob = Effect.gen(function* () {
    const [car] = yield* Random.shuffle(yield* simulator.records("car"))
    const branch = branchOf(car?.["company_id"] ?? null)
    if (car === undefined || branch === undefined) return []
    const text = yield* Random.choice(jobs)
    const deed: Deed = {
      entity_type: "maintenance",
      entity_id: nextId("maintenance"),
      operation: "create",
      car_id: String(car.id),
      ...(text === "" ? {} : { text })
    }
    const doing = { branch, who: yield* Random.choice(staff), deed }
    open.push(doing)
    return [doing]
  })

  const closeJob = Effect.gen(function* () {
    const job = open.shift()
    if (job === undefined) return []
    const operation = yield* Random.choice(["complete", "complete", "delete"] as const)
    const { car_id: _, text: __, ...bare } = job.deed
    const told = operation === "delete" && (yield* Random.nextBoolean) ? bare : job.deed
    return [{ ...job, who: yield* Random.choice(staff), deed: { ...told, operation } }]
  })

  const steps: Arr.NonEmptyReadonlyArray<Effect.Effect<ReadonlyArray<Doing>>> = [
    pay,
    pay,
    pay,
    pay,
    handOver,
    withdraw,
    openJob,
    openJob,
    closeJob
  ]

  /** Something is done; nothing where there is nothing to do it to. */
  const next = Effect.flatten(Random.choice(steps))

  return { next }
})
