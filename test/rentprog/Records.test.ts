import { assert, describe, it } from "@effect/vitest"
import { Result, Schema } from "effect"
import { entityTypes } from "../../src/domain/Entity.ts"
import { decodeRecord } from "../../src/rentprog/Records.ts"

const read = (kind: (typeof entityTypes)[number], fields: Readonly<Record<string, unknown>>) =>
  Result.getOrThrow(decodeRecord(kind, { id: 1, ...fields }))

describe("decodeRecord", () => {
  it.prop(
    "reads any object with an id, keeps it whole, and gives columns that JSON can hold",
    {
      kind: Schema.Literals(entityTypes),
      id: Schema.Union([Schema.Int, Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,64}$/))]),
      fields: Schema.Record(Schema.String, Schema.Json),
      known: Schema.Record(
        Schema.Literals(["company_id", "year", "state", "code", "start_date", "active", "total", "email"]),
        Schema.Json
      )
    },
    ({ fields, id, kind, known }) => {
      const json = { ...fields, ...known, id }
      const record = Result.getOrThrow(decodeRecord(kind, json))
      assert.deepStrictEqual(record.data, json)
      assert.strictEqual(record.entityId, String(id))
      assert.isTrue(Schema.is(Schema.Json)(record.columns))
    }
  )

  it("reads a car whose numbers are text", () => {
    const car = read("car", {
      company_id: "9247",
      car_name: "Toyota Camry",
      code: "Camry 174",
      number: "AA-174-BB",
      vin: "JTNB11HK103",
      year: "2021",
      color: "white",
      transmission: "auto",
      car_class: "Средний",
      car_type: "sedan",
      fuel: "92",
      state: "1",
      mileage: "102035.5",
      tank_value: "-1",
      gas_mileage: 9,
      clean_state: true
    })
    assert.strictEqual(car.companyId, 9247)
    assert.deepStrictEqual(car.columns, {
      car_name: "Toyota Camry",
      code: "Camry 174",
      number: "AA-174-BB",
      vin: "JTNB11HK103",
      year: 2021,
      color: "white",
      transmission: "auto",
      car_class: "Средний",
      car_type: "sedan",
      fuel: "92",
      state: 1,
      mileage: 102035.5,
      tank_value: -1,
      gas_mileage: 9,
      clean_state: true
    })
  })

  it("reads a client, and a text that came as a number", () => {
    assert.deepStrictEqual(read("client", { name: "Мария", phone: 995555000111, email: null }).columns, {
      name: "Мария",
      lastname: null,
      middlename: null,
      phone: "995555000111",
      email: null,
      category: null
    })
  })

  it("reads a booking's ids as text", () => {
    const { columns } = read("booking", { car_id: 59439, client_id: "77", responsible_id: 5, in_rent: false })
    assert.containSubset(columns, { car_id: "59439", client_id: "77", responsible_id: "5", in_rent: false })
  })

  it.each([
    ["30-09-2025 9:05", "2025-09-30T05:05:00.000Z"],
    ["01-01-2026 00:00", "2025-12-31T20:00:00.000Z"],
    ["2025-09-30T23:33:37.000+00:00", "2025-09-30T23:33:37.000Z"],
    ["2025-09-30T23:33:37Z", "2025-09-30T23:33:37.000Z"],
    ["2025-09-30 23:33", "2025-09-30T19:33:00.000Z"],
    ["2025-09-30", "2025-09-29T20:00:00.000Z"],
    ["31-02-2025 10:00", null],
    ["2025-02-31T10:00:00Z", null],
    ["30-09-2025 25:00", null],
    ["soon", null],
    ["", null],
    [1759275217, null]
  ])("reads the date %s as %s", (start_date, expected) => {
    assert.containSubset(read("booking", { start_date }).columns, { start_date: expected })
  })

  it.each([
    ["year", "12,5"],
    ["year", ""],
    ["year", 2021.5],
    ["year", 3_000_000_000],
    ["year", true],
    ["mileage", "much"],
    ["mileage", Number.POSITIVE_INFINITY],
    ["clean_state", "true"],
    ["clean_state", 1],
    ["color", ["white", "black"]],
    ["color", true]
  ])("makes a %s of %s null, and keeps it in data", (field, value) => {
    const record = read("car", { [field]: value })
    assert.containSubset(record.columns, { [field]: null })
    assert.strictEqual(record.data[field], value)
  })

  it.each([
    [null, "object"],
    [[], "object"],
    ["text", "object"],
    [{}, "id"],
    [{ id: null }, "id"],
    [{ id: 1.5 }, "id"],
    [{ id: "a b" }, "id"],
    [{ id: [1] }, "id"]
  ])("refuses %o, and says why", (json, why) => {
    const result = decodeRecord("car", json)
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) assert.include(result.failure.detail, why)
  })
})
