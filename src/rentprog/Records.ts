/**
 * How RentProg's records are read: the columns that people query, and the whole record beside them.
 */
import { Effect, Option, Predicate, Result, Schema, SchemaGetter } from "effect"
import { type EntityType, RentprogId } from "../domain/Entity.ts"
import { readMoment } from "../domain/Moment.ts"
import { RentProgBadResponse } from "../domain/Reason.ts"
import { flat } from "./flat.ts"

/** RentProg: numbers may arrive as numbers or as strings, which stay as they are: JavaScript would round them. */
const numeral = Schema.String.check(Schema.isPattern(/^-?\d{1,40}(\.\d{1,40})?$/))
const numeric = Schema.Union([
  Schema.Finite.check(Schema.isBetween({ minimum: -1e40, maximum: 1e40 })),
  numeral
])

/** What does not fit PostgreSQL's `int` would fail the statement that writes it. */
const int = Schema.Union([Schema.Finite, numeral.pipe(Schema.decodeTo(Schema.FiniteFromString))]).check(
  Schema.isInt32()
)

/** RentProg: a boolean may come as `true`, `"true"`, `1` or `"1"`. */
const boolean = Schema.Union([
  Schema.Boolean,
  Schema.Literals([1, 0, "1", "0", "true", "false"]).pipe(
    Schema.decodeTo(Schema.Boolean, {
      decode: SchemaGetter.transform((value) => value === 1 || value === "1" || value === "true"),
      encode: SchemaGetter.transform((value) => (value ? "true" : "false"))
    })
  )
])

/** Text, or the number that RentProg sends where text stands: ids, codes, phones. */
export const text = Schema.Union([
  Schema.String,
  Schema.Finite.pipe(
    Schema.decodeTo(Schema.String, {
      decode: SchemaGetter.transform((value: number) => String(value)),
      encode: SchemaGetter.transform(Number)
    })
  )
])

/** A moment as ISO 8601 in UTC: `2025-09-30T19:33:00.000Z`. */
const timestamp = Schema.String.pipe(
  Schema.decodeTo(Schema.NullOr(Schema.String), {
    decode: SchemaGetter.transform((value: string) => Option.getOrNull(readMoment(value))),
    encode: SchemaGetter.transform((value: string | null) => value ?? "")
  })
)

/** A field that is missing or does not read as its type is null: one odd field must not lose a record. */
const column = <S extends Schema.Decoder<unknown>>(schema: S) =>
  Schema.NullOr(schema).pipe(
    Schema.catchDecoding(() => Effect.succeedSome(null)),
    Schema.withDecodingDefaultTypeKey(Effect.succeed(null))
  )

/** Text that may be missing. */
export const textColumn = column(text)
const intColumn = column(int)
const numericColumn = column(numeric)
const booleanColumn = column(boolean)
const timestampColumn = column(timestamp)

/** The typed columns of `cars`. */
export const CarColumns = Schema.Struct({
  car_name: textColumn,
  code: textColumn,
  number: textColumn,
  vin: textColumn,
  year: intColumn,
  color: textColumn,
  transmission: textColumn,
  car_class: textColumn,
  car_type: textColumn,
  fuel: textColumn,
  state: intColumn,
  mileage: numericColumn,
  tank_value: numericColumn,
  gas_mileage: numericColumn,
  clean_state: booleanColumn
})
export type CarColumns = typeof CarColumns.Type

/** The typed columns of `clients`. */
export const ClientColumns = Schema.Struct({
  name: textColumn,
  lastname: textColumn,
  middlename: textColumn,
  phone: textColumn,
  email: textColumn,
  category: textColumn
})
export type ClientColumns = typeof ClientColumns.Type

/** The typed columns of `bookings`; `car_id` and `client_id` are RentProg's numbers as text. */
export const BookingColumns = Schema.Struct({
  number: textColumn,
  car_id: textColumn,
  car_code: textColumn,
  client_id: textColumn,
  active: booleanColumn,
  in_rent: booleanColumn,
  archive: booleanColumn,
  technical: booleanColumn,
  source: textColumn,
  state: textColumn,
  start_date: timestampColumn,
  end_date: timestampColumn,
  days: numericColumn,
  additional_hours: numericColumn,
  price: numericColumn,
  rental_cost: numericColumn,
  total: numericColumn,
  deposit: numericColumn,
  location_start: textColumn,
  location_end: textColumn,
  start_mileage: numericColumn,
  end_mileage: numericColumn,
  responsible: textColumn,
  responsible_id: textColumn
})
export type BookingColumns = typeof BookingColumns.Type

/** A record of one kind, read. */
export interface RecordOf<Kind extends EntityType, Columns> {
  readonly entityType: Kind
  readonly entityId: RentprogId
  /** The company the record says it belongs to: `branches.company_id`. */
  readonly companyId: number | null
  /** What people query; what a record lacks, or does not hold as its type, is null. */
  readonly columns: Columns
  /** The whole record as it was sent, fields unknown here included, without what it was wrapped in. */
  readonly data: Readonly<Record<string, unknown>>
}
export type CarRecord = RecordOf<"car", CarColumns>
export type ClientRecord = RecordOf<"client", ClientColumns>
export type BookingRecord = RecordOf<"booking", BookingColumns>
export type RentProgRecord = CarRecord | ClientRecord | BookingRecord

/** Without its id a record is none; and with one that JavaScript rounded it would be another one. */
const id = Schema.Union([
  RentprogId,
  Schema.Int.pipe(
    Schema.decodeTo(RentprogId, {
      decode: SchemaGetter.transform((value: number) => String(value)),
      encode: SchemaGetter.transform(Number)
    })
  )
])
const Identity = Schema.Struct({ id, company_id: intColumn })

/** RentProg: a record comes as it is, under `data`, under `attributes`, or under both. */
const plain = (sent: { readonly [field: PropertyKey]: unknown }) => {
  const { data } = sent
  return flat(sent["id"] === undefined && Predicate.isObject(data) ? data : sent)
}

const decoder =
  <Kind extends EntityType, Columns>(entityType: Kind, schema: Schema.Decoder<Columns>) =>
  (sent: unknown): Result.Result<RecordOf<Kind, Columns>, RentProgBadResponse> => {
    if (!Predicate.isObject(sent)) {
      return Result.fail(new RentProgBadResponse({ detail: `a ${entityType} must be a JSON object` }))
    }
    const json = plain(sent)
    return Result.all([
      Schema.decodeUnknownResult(Identity)(json),
      Schema.decodeUnknownResult(schema)(json)
    ]).pipe(
      Result.map(([{ company_id, id }, columns]) => ({
        entityType,
        entityId: id,
        companyId: company_id,
        columns,
        data: json
      })),
      Result.mapError(
        (error) => new RentProgBadResponse({ detail: `a ${entityType} does not read: ${error.message}` })
      )
    )
  }

const decoders = {
  car: decoder("car", CarColumns),
  client: decoder("client", ClientColumns),
  booking: decoder("booking", BookingColumns)
}

const readIdentity = Schema.decodeUnknownOption(Schema.Struct({ id }))

/** The number of a record in the JSON that RentProg sent, where it has one: that costs little beside reading the record. */
export const idOf = (json: unknown): Option.Option<RentprogId> =>
  Predicate.isObject(json) ? Option.map(readIdentity(plain(json)), ({ id }) => id) : Option.none()

/**
 * Reads a record out of the JSON that RentProg sent. Only a value that is no object, or has no id that the API could
 * be asked for, fails, with `RentProgBadResponse`.
 */
export const decodeRecord = (
  entityType: EntityType,
  json: unknown
): Result.Result<RentProgRecord, RentProgBadResponse> => decoders[entityType](json)
