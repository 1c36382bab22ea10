/**
 * How RentProg's records are read: the columns that people query, and the whole record beside them.
 */
import { Effect, Option, Predicate, Result, Schema, SchemaGetter } from "effect"
import { type EntityType, RentprogId } from "../domain/Entity.ts"
import { readMoment } from "../domain/Moment.ts"
import { RentProgBadResponse } from "../domain/Reason.ts"

/** RentProg: numbers may arrive as numbers or as strings. */
const numeral = Schema.String.check(Schema.isPattern(/^-?\d+(\.\d+)?$/))
const numeric = Schema.Union([Schema.Finite, numeral.pipe(Schema.decodeTo(Schema.FiniteFromString))])

/** What does not fit PostgreSQL's `int` would fail the statement that writes it. */
const int = numeric.check(Schema.isInt32())

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
const booleanColumn = column(Schema.Boolean)
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
  car_id: textColumn,
  client_id: textColumn,
  active: booleanColumn,
  in_rent: booleanColumn,
  state: textColumn,
  start_date: timestampColumn,
  end_date: timestampColumn,
  days: numericColumn,
  price: numericColumn,
  rental_cost: numericColumn,
  total: numericColumn,
  deposit: numericColumn,
  start_place: textColumn,
  end_place: textColumn,
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
  /** The whole record as it was sent, fields unknown here included. */
  readonly data: Readonly<Record<string, unknown>>
}
export type CarRecord = RecordOf<"car", CarColumns>
export type ClientRecord = RecordOf<"client", ClientColumns>
export type BookingRecord = RecordOf<"booking", BookingColumns>
export type RentProgRecord = CarRecord | ClientRecord | BookingRecord

/** Without its id a record is none. */
const Identity = Schema.Struct({ id: text.pipe(Schema.decodeTo(RentprogId)), company_id: intColumn })

const decoder =
  <Kind extends EntityType, Columns>(entityType: Kind, schema: Schema.Decoder<Columns>) =>
  (json: unknown): Result.Result<RecordOf<Kind, Columns>, RentProgBadResponse> => {
    if (!Predicate.isObject(json)) {
      return Result.fail(new RentProgBadResponse({ detail: `a ${entityType} must be a JSON object` }))
    }
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

/**
 * Reads a record out of the JSON that RentProg sent. Only a value that is no object, or has no id that the API could
 * be asked for, fails, with `RentProgBadResponse`.
 */
export const decodeRecord = (
  entityType: EntityType,
  json: unknown
): Result.Result<RentProgRecord, RentProgBadResponse> => decoders[entityType](json)
