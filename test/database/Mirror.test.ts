import { PgClient } from "@effect/sql-pg"
import { assert, layer } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Option, Schema } from "effect"
import { Mirror } from "../../src/database/Mirror.ts"
import { Branch } from "../../src/domain/Branch.ts"
import { entityTypes } from "../../src/domain/Entity.ts"
import { testDatabase } from "../support/TestDatabase.ts"
import { carNo, keyOf, record, row, state, tbilisi } from "./records.ts"

/** One thing that happens to a record: an answer that left RentProg at a time, or that it was destroyed then. */
const Happening = Schema.Struct({
  at: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 })),
  destroyed: Schema.Boolean
})
type Happening = typeof Happening.Type
const histories = Arbitrary.array(
  Arbitrary.array(Arbitrary.schema(Happening), { minLength: 1, maxLength: 4 }),
  { minLength: 1, maxLength: 5 }
)

const tests = Mirror.layer.pipe(Layer.provideMerge(testDatabase))

layer(tests, { excludeTestServices: true })("Mirror", (it) => {
  it.effect(
    "a record's columns and data are written over a row of before Jarvis, and over an older copy",
    () =>
      Effect.gen(function* () {
        const mirror = yield* Mirror
        const sql = yield* PgClient.PgClient
        yield* sql`INSERT INTO cars (rentprog_id, code) VALUES ('1', 'Logan 3')`
        yield* mirror.write(
          carNo("1", {
            companyId: 9506,
            columns: { code: "Solaris 17", year: 2021, mileage: 1.5, clean_state: true, vin: null },
            data: { id: 1, engine: { power: [1, null] } }
          })
        )
        const first = yield* row(keyOf("car", "1"))
        assert.isNotNull(first)
        assert.deepInclude(first, {
          ...{
            rentprog_id: "1",
            branch: "batumi",
            company_id: 9506,
            code: "Solaris 17",
            year: 2021,
            mileage: 1.5
          },
          ...{ clean_state: true, vin: null, color: null, data: { id: 1, engine: { power: [1, null] } } },
          ...{ fetched_at: "1970-01-01T00:00:01+00:00", deleted_at: null }
        })
        yield* mirror.write(
          carNo("1", {
            companyId: 9248,
            fetchedAt: 2000,
            columns: { code: null, year: 2022, vin: "V" },
            data: { id: 1 }
          })
        )
        assert.deepInclude(yield* row(keyOf("car", "1")), {
          ...{
            id: first["id"],
            branch: "kutaisi",
            company_id: 9248,
            code: null,
            year: 2022,
            vin: "V",
            data: { id: 1 }
          },
          ...{ created_at: first["created_at"], fetched_at: "1970-01-01T00:00:02+00:00" }
        })
      })
  )

  it.effect.each([
    { what: "the company's", companyId: 11163, expected: "service-center" },
    { what: "the token's, where the company is unknown", companyId: 31337, expected: "tbilisi" },
    { what: "the token's, where there is no company", companyId: null, expected: "tbilisi" }
  ])("branch: $what", ({ companyId, expected }) =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      for (const entityType of entityTypes) {
        const id = `branch-${companyId}`
        yield* mirror.write(record(entityType, id, { companyId }))
        assert.deepInclude(yield* row(keyOf(entityType, id)), { branch: expected, company_id: companyId })
      }
    })
  )

  it.effect("a client of no company stays where it was seen first", () =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      const key = keyOf("client", "stays")
      yield* mirror.write(record("client", "stays"))
      yield* mirror.write(
        record("client", "stays", { branch: Branch.make("batumi"), fetchedAt: 2000, data: { a: 1 } })
      )
      assert.deepInclude(yield* row(key), { branch: "tbilisi", data: { a: 1 } })
      yield* mirror.write(record("client", "stays", { companyId: 9248, fetchedAt: 3000 }))
      assert.deepInclude(yield* row(key), { branch: "kutaisi", company_id: 9248 })
    })
  )

  it.effect("a late answer keeps what the operations log said meanwhile, field by field", () =>
    Effect.gen(function* () {
      const sql = yield* PgClient.PgClient
      const mirror = yield* Mirror
      const write = (fetchedAt: number, mileage: number) =>
        mirror.write(
          carNo("told", {
            fetchedAt,
            companyId: 9247,
            columns: { mileage, code: `c${mileage}` },
            data: { mileage }
          })
        )
      yield* write(1000, 100)
      yield* sql`SELECT FROM apply_fields('cars', see_record('cars', 'told'), to_timestamp(5), NULL, '{"mileage": "500", "company_id": "11163"}')`
      yield* write(3000, 300)
      const kept = { mileage: 500, code: "c300", company_id: 11163, branch: "service-center" }
      assert.deepInclude(yield* row(keyOf("car", "told")), {
        ...kept,
        data: { mileage: 500, company_id: 11163 }
      })
      yield* write(6000, 600)
      const newer = {
        mileage: 600,
        code: "c600",
        company_id: 9247,
        branch: "tbilisi",
        data: { mileage: 600 }
      }
      assert.deepInclude(yield* row(keyOf("car", "told")), newer)
    })
  )

  // Far enough apart that no answer is taken for one of a copy that lags.
  const hour = 3_600_000

  it.effect("whatever the order and the batches, the newest wins, and of one time the end", () =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      const all = yield* Arbitrary.sampleEffect(histories, { count: 300, seed: crypto.randomUUID() })
      const apply = (id: string) => (happening: Happening) =>
        happening.destroyed
          ? mirror.destroy(keyOf("car", id), tbilisi, happening.at * hour)
          : mirror.write(
              carNo(id, {
                fetchedAt: happening.at * hour,
                columns: { mileage: happening.at },
                data: { at: happening.at }
              })
            )
      yield* Effect.forEach(
        all,
        // What is in one batch happens at once, together with the batches of other records.
        (batches, n) =>
          Effect.forEach(batches, (batch) =>
            Effect.forEach(batch, apply(`h${n}`), { concurrency: "unbounded" })
          ),
        { concurrency: "unbounded", discard: true }
      )
      for (const [n, batches] of all.entries()) {
        const happenings = batches.flat()
        const newest = Math.max(...happenings.map(({ at }) => at))
        const destroyed = happenings.some((one) => one.destroyed && one.at === newest)
        const found = yield* state(`h${n}`)
        assert.deepInclude(found, { fetched_at: newest * hour, deleted: destroyed }, JSON.stringify(batches))
        if (!destroyed) assert.deepInclude(found, { mileage: newest, data: { at: newest } })
      }
    })
  )

  it.effect(
    "a destroy marks and keeps; no older answer brings back, nor one that a lagging copy may have given",
    () =>
      Effect.gen(function* () {
        const mirror = yield* Mirror
        const key = keyOf("car", "gone")
        yield* mirror.write(carNo("gone", { columns: { code: "Rio 5" }, data: { id: 5 } }))
        yield* mirror.destroy(key, tbilisi, 2000)
        const deleted = { code: "Rio 5", data: { id: 5 }, deleted_at: "1970-01-01T00:00:02+00:00" }
        assert.deepInclude(yield* row(key), deleted)
        // Told twice, it is still of the first time that it is gone, yet known to be so until the second.
        yield* mirror.destroy(key, tbilisi, 4000)
        yield* mirror.write(carNo("gone", { fetchedAt: 3000 }))
        assert.deepInclude(yield* row(key), deleted)
        yield* mirror.write(carNo("gone", { fetchedAt: 600_000 }))
        assert.deepInclude(yield* row(key), deleted)
        yield* mirror.write(carNo("gone", { fetchedAt: 603_000 }))
        assert.deepInclude(yield* row(key), { deleted_at: null })
      })
  )

  it.effect(
    "says what became of each write: it stands, a newer one does, or the record was just deleted",
    () =>
      Effect.gen(function* () {
        const mirror = yield* Mirror
        const key = keyOf("car", "became")
        const write = (fetchedAt: number) => mirror.write(carNo("became", { fetchedAt }))
        const together = (...times: ReadonlyArray<number>) =>
          Effect.forEach(times, write, { concurrency: "unbounded" })
        assert.deepStrictEqual(yield* together(2000, 3000, 1000), ["superseded", "written", "superseded"])
        // What stands may be written again, after a connection that was lost.
        assert.deepStrictEqual(yield* together(3000, 2999), ["written", "superseded"])
        assert.strictEqual(yield* mirror.destroy(key, tbilisi, 2000), "superseded")
        assert.strictEqual(yield* mirror.destroy(key, tbilisi, 4000), "written")
        assert.deepStrictEqual(yield* together(4001, 604_000, 3999), [
          "deleted_recently",
          "deleted_recently",
          "superseded"
        ])
        assert.strictEqual(yield* write(604_001), "written")
      })
  )

  it.effect.each(entityTypes)("a %s that nobody knew is written down as deleted", (entityType) =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      const key = keyOf(entityType, "unknown")
      yield* mirror.destroy(key, tbilisi, 2000)
      const tombstone = { branch: "tbilisi", data: null, deleted_at: "1970-01-01T00:00:02+00:00" }
      assert.deepInclude(yield* row(key), tombstone)
      yield* mirror.write(record(entityType, "unknown", { fetchedAt: 1999 }))
      assert.deepInclude(yield* row(key), tombstone)
    })
  )

  it.effect("known: none, there, deleted, each of its own type", () =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      yield* mirror.write(carNo("k1"))
      yield* mirror.destroy(keyOf("car", "k2"), tbilisi, 1)
      const found = yield* Effect.forEach(
        [keyOf("car", "k1"), keyOf("car", "k2"), keyOf("car", "k3"), keyOf("client", "k1")],
        mirror.known,
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(found.map(Option.getOrNull), [
        { rentprog_id: "k1", branch: tbilisi, deleted: false },
        { rentprog_id: "k2", branch: tbilisi, deleted: true },
        null,
        null
      ])
    })
  )

  it.effect.each([
    ["a number that is none", { columns: { year: "soon" } }],
    ["a number too large", { columns: { year: 1e300 } }]
  ] as const)("a record with %s costs only itself", ([what, poison]) =>
    Effect.gen(function* () {
      const mirror = yield* Mirror
      const columns = { year: 2020 }
      const id = what.replaceAll(" ", "-")
      const records = [carNo(`${id}-1`, { columns }), carNo(`${id}-2`, poison), carNo(`${id}-3`, { columns })]
      const exits = yield* Effect.forEach(records, (one) => Effect.result(mirror.write(one)), {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(
        exits.map(({ _tag }) => _tag),
        ["Success", "Failure", "Success"]
      )
      assert.deepStrictEqual(
        (yield* Effect.forEach(records, ({ entityId }) => state(entityId))).map((found) => found !== null),
        [true, false, true]
      )
    })
  )
})
