import { readFileSync } from "node:fs"
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
      mileage: "102035.5",
      tank_value: "-1",
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
    ["mileage", "1,5"],
    ["mileage", "1e5"],
    ["mileage", "1e131071"],
    ["mileage", "9".repeat(400)],
    ["mileage", 1e300],
    ["mileage", Number.POSITIVE_INFINITY],
    ["clean_state", "yes"],
    ["clean_state", 2],
    ["clean_state", ""],
    ["color", ["white", "black"]],
    ["color", true]
  ])("makes a %s of %s null, and keeps it in data", (field, value) => {
    const record = read("car", { [field]: value })
    assert.containSubset(record.columns, { [field]: null })
    assert.strictEqual(record.data[field], value)
  })

  it.each([true, "true", 1, "1"])("reads %j as true", (clean_state) => {
    assert.containSubset(read("car", { clean_state }).columns, { clean_state: true })
  })

  it.each([false, "false", 0, "0"])("reads %j as false", (clean_state) => {
    assert.containSubset(read("car", { clean_state }).columns, { clean_state: false })
  })

  it.each(["680.50", "12345678901234567890", "-0.1", 680.5, 0])("keeps the number %j as it is", (total) => {
    assert.containSubset(read("booking", { total }).columns, { total })
  })

  const record = { id: 7, code: "Logan 3", mileage: "5", options: { data: [1], attributes: {} } }
  const { id, ...attributes } = record
  it.each([
    { sent: { id, attributes }, data: record },
    {
      sent: { id: "7", type: "car", attributes: { ...record, id: "7" } },
      data: { ...record, id: "7", type: "car" }
    },
    { sent: { attributes: record }, data: record },
    { sent: { id, attributes: { ...attributes, id: null } }, data: record },
    { sent: { data: record }, data: record },
    { sent: { data: { id, type: "car", attributes } }, data: { ...record, type: "car" } },
    { sent: { ...record, data: { id: 8 } }, data: { ...record, data: { id: 8 } } },
    { sent: { ...record, attributes: ["gps"] }, data: { ...record, attributes: ["gps"] } }
  ])("reads a record in the form $sent", ({ data, sent }) => {
    const car = Result.getOrThrow(decodeRecord("car", sent))
    assert.strictEqual(car.entityId, "7")
    assert.containSubset(car.columns, { code: "Logan 3", mileage: "5" })
    assert.deepStrictEqual<unknown>(car.data, data)
  })

  it.each([
    [null, "object"],
    [[], "object"],
    ["text", "object"],
    [{}, "id"],
    [{ id: null }, "id"],
    [{ id: 1.5 }, "id"],
    [{ id: "a b" }, "id"],
    [{ id: [1] }, "id"],
    [{ id: 2 ** 53 + 2 }, "id"],
    [{ data: [] }, "id"],
    [{ data: { attributes: {} } }, "id"]
  ])("refuses %o, and says why", (json, why) => {
    const result = decodeRecord("car", json)
    assert.isTrue(Result.isFailure(result))
    if (Result.isFailure(result)) assert.include(result.failure.detail, why)
  })
})

describe("RentProg's own answers", () => {
  const fixture = (kind: (typeof entityTypes)[number]) => {
    const file = new URL(`../fixtures/rentprog/${kind}.json`, import.meta.url)
    return Result.getOrThrow(decodeRecord(kind, JSON.parse(readFileSync(file, "utf8"))))
  }

  it("read as a booking", () => {
    assert.deepStrictEqual(fixture("booking").columns, {
      ...{ number: "4028", car_id: "59439", car_code: "BMW X6 704", client_id: "384581" },
      ...{ active: true, in_rent: true, archive: false, technical: false, source: "Сайт", state: "Активная" },
      ...{ start_date: "2025-11-16T01:30:00.000Z", end_date: "2025-11-19T11:00:00.000Z" },
      ...{ days: 4, additional_hours: 0, price: 170, rental_cost: 680.5, total: 1004, deposit: 0 },
      ...{ location_start: "Tbilisi Airport", location_end: "Tbilisi Office" },
      ...{ start_mileage: 171678, end_mileage: null, responsible: "Петров Иван", responsible_id: "14857" }
    })
  })

  it("read as a car", () => {
    assert.deepStrictEqual(fixture("car").columns, {
      ...{ car_name: "BMW X6", code: "BMW X6 704", number: "AA704BB", vin: "WBA00000000000704", year: 2019 },
      ...{ color: "Чёрный", transmission: "Автоматическая", car_class: "Премиум", car_type: "Внедорожник" },
      ...{
        fuel: "Бензин",
        state: 1,
        mileage: 172851,
        tank_value: "85",
        gas_mileage: "11.4",
        clean_state: true
      }
    })
  })

  it("read as a client", () => {
    assert.deepStrictEqual(fixture("client").columns, {
      ...{ name: "Anna", lastname: "Li", middlename: null, phone: "+995555000001" },
      ...{ email: "anna.li@example.com", category: "Новый" }
    })
  })
})
