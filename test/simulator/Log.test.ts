import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { EntityType } from "../../src/domain/Entity.ts"
import { branchOf } from "../../src/simulator/Companies.ts"
import { type DayOptions, day, populate } from "../../src/simulator/Day.ts"
import { type LoggedItem, type SimulatedRecord, Simulator } from "../../src/simulator/Simulator.ts"

const kinds = ["car", "client", "booking"] as const

const recordsOf = Effect.fnUntraced(function* (kind: EntityType) {
  const simulator = yield* Simulator
  return new Map((yield* simulator.records(kind)).map((record) => [String(record.id), record]))
})

const everything = Effect.all({
  car: recordsOf("car"),
  client: recordsOf("client"),
  booking: recordsOf("booking")
})

type Records = Effect.Success<typeof everything>

/** All records by kind and number: `car 38001`. */
const keyed = (records: Records): ReadonlyMap<string, SimulatedRecord> =>
  new Map(
    kinds.flatMap((kind) => Array.from(records[kind], ([id, record]) => [`${kind} ${id}`, record] as const))
  )

/** A day's webhooks and log, and the records before and after. */
const lived = (options: DayOptions) =>
  Effect.gen(function* () {
    const simulator = yield* Simulator
    yield* populate()
    assert.deepStrictEqual(yield* simulator.history, [])
    const before = yield* everything
    const webhooks = yield* Stream.runCollect(day(options))
    return { before, webhooks, after: yield* everything, history: yield* simulator.history }
  }).pipe(Effect.provide(Simulator.layer()))

const deedsOf = (history: ReadonlyArray<LoggedItem>) =>
  history.flatMap(({ branch, says }) => (says === undefined ? [] : [{ ...says, branch }]))

const states = {
  issue: { state: "Активная", active: true, in_rent: true },
  return: { state: "Завершена", active: false, in_rent: false },
  cancel: { state: "Отменена", active: false, in_rent: false }
}

describe("the log of a day", () => {
  it.effect("is the same for the same seed, and another for another", () =>
    Effect.gen(function* () {
      const { history } = yield* lived({ events: 300, seed: "a", garbage: 0.05 })
      const again = yield* lived({ events: 300, seed: "a", garbage: 0.05 })
      const other = yield* lived({ events: 300, seed: "b", garbage: 0.05 })
      assert.deepStrictEqual(again.history, history)
      assert.notDeepEqual(other.history, history)
    })
  )

  it.live("agrees with the records", () =>
    Effect.gen(function* () {
      const { after, before, history } = yield* lived({ events: 4000, seed: 3, garbage: 0.02 })
      const existing = new Set(keyed(before).keys())
      /** What was last said of a record's fields, and of a booking's state. */
      const told = new Map<string, Record<string, string>>()
      const standing = new Map<string, (typeof states)[keyof typeof states]>()
      for (const { changes, entity_id, entity_type, operation } of deedsOf(history)) {
        if (entity_type === "payment" || entity_type === "maintenance") continue
        const key = `${entity_type} ${entity_id}`
        assert.strictEqual(existing.has(key), operation !== "create", key)
        if (operation === "create") existing.add(key)
        if (operation === "delete") existing.delete(key)
        if (operation === "issue" || operation === "return" || operation === "cancel")
          standing.set(key, states[operation])
        if (operation !== "update") continue
        // What is changed without a word may be any field.
        const known = changes === undefined ? {} : { ...told.get(key) }
        for (const [field, pair] of Object.entries(changes ?? {})) {
          if (known[field] !== undefined) assert.strictEqual(pair.old ?? "", known[field], `${key} ${field}`)
          known[field] = pair.new
        }
        told.set(key, known)
      }
      const records = keyed(after)
      assert.sameMembers([...existing], [...records.keys()])
      let compared = 0
      for (const [key, known] of told) {
        const record = records.get(key)
        if (record === undefined) continue
        for (const [field, value] of Object.entries(known)) {
          assert.strictEqual(String(record[field]), value, `${key} ${field}`)
          compared += 1
        }
      }
      for (const [id, booking] of after.booking) {
        const { active, in_rent, state } = booking
        const known = standing.get(`booking ${id}`)
        if (known !== undefined) assert.deepStrictEqual({ state, active, in_rent }, known)
        else assert.strictEqual(state, before.booking.get(id)?.["state"] ?? "Новая")
      }
      assert.isAbove(compared, 1000)
    })
  )

  it.live("tells of everything that people do, and of what only it tells", () =>
    Effect.gen(function* () {
      const { history } = yield* lived({ events: 3000, seed: 2 })
      const seen = new Set(
        deedsOf(history).map(({ entity_type, operation }) => `${entity_type} ${operation}`)
      )
      assert.sameMembers(
        [...seen],
        [
          ...["car create", "car update", "car delete"],
          ...["client create", "client update", "client delete"],
          ...["booking create", "booking update", "booking delete"],
          ...["booking issue", "booking return", "booking cancel"],
          ...["payment create", "payment delete", "payment cancel", "payment transfer"],
          ...["maintenance create", "maintenance complete", "maintenance delete"]
        ]
      )
      const fields = new Set(deedsOf(history).flatMap(({ changes }) => Object.keys(changes ?? {})))
      assert.includeMembers([...fields], ["mileage", "tank_value", "car_class", "company_id", "phone"])
      assert.isTrue(history.some(({ entity_id, entity_type }) => entity_id === null && entity_type === null))
    })
  )

  it.live("says in each sentence what is known of it", () =>
    Effect.gen(function* () {
      const { history } = yield* lived({ events: 2000, seed: 4 })
      for (const { description, entity_id, entity_type, garbage, says, user_name } of history) {
        assert.isFalse(garbage)
        assert.isDefined(says)
        assert.strictEqual(user_name, says.user_name)
        if (entity_id !== null) assert.strictEqual(String(entity_id), says.entity_id)
        if (entity_type !== null) assert.strictEqual(entity_type, says.entity_type)
        const pairs = Object.entries(says.changes ?? {})
        for (const part of [
          says.user_name,
          says.counterparty ?? "",
          says.payment?.ids.join("/") ?? says.entity_id,
          says.payment?.currency ?? "",
          says.car_id ?? "",
          says.text ?? "",
          ...pairs.flatMap(([field, { new: now, old }]) => [field, old ?? "", now])
        ]) {
          assert.include(description, part)
        }
      }
    })
  )

  it.live("stands in the branch of what it is about", () =>
    Effect.gen(function* () {
      const { after, history } = yield* lived({ events: 2000, seed: 6 })
      const moved = new Map<string, unknown>()
      for (const { branch, changes, entity_id, entity_type, operation } of deedsOf(history)) {
        if (entity_type !== "car") continue
        const company = changes?.["company_id"]
        if (company !== undefined) {
          assert.strictEqual(branchOf(company.old), branch)
          moved.set(entity_id, branchOf(company.new))
        } else if (moved.has(entity_id)) assert.strictEqual(branch, moved.get(entity_id))
        else if (operation === "create") moved.set(entity_id, branch)
      }
      for (const [id, branch] of moved) {
        const car = after.car.get(id)
        if (car !== undefined) assert.strictEqual(branchOf(car["company_id"] ?? null), branch)
      }
    })
  )

  it.live("never gives two payments or jobs one number, from day to day", () =>
    Effect.gen(function* () {
      const simulator = yield* Simulator
      yield* populate()
      yield* Stream.runDrain(day({ events: 400, seed: 1 }))
      yield* Stream.runDrain(day({ events: 400, seed: 2 }))
      const made = deedsOf(yield* simulator.history)
        .filter(({ operation }) => operation === "create" || operation === "transfer")
        .flatMap(({ entity_id, entity_type, payment }) =>
          (payment?.ids ?? [entity_id]).map((id) => `${entity_type} ${id}`)
        )
      assert.strictEqual(new Set(made).size, made.length)
    }).pipe(Effect.provide(Simulator.layer()))
  )

  it.live("holds garbage, which says so, in the share asked for", () =>
    Effect.gen(function* () {
      const { history, webhooks } = yield* lived({ events: 1000, seed: 8, garbage: 0.1 })
      assert.lengthOf(webhooks, 1000)
      const bad = history.filter(({ garbage }) => garbage)
      assert.isTrue(bad.length > history.length * 0.05 && bad.length < history.length * 0.15)
      for (const { says } of bad) assert.isUndefined(says)
    })
  )
})
