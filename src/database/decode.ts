import { Effect, Schema } from "effect"

/**
 * Rows that a query answers as one column of JSON, `row`. The queries here give them their form, whatever stands in the
 * tables: one that does not decode is a defect.
 */
export const decodeRows = <A>(schema: Schema.ConstraintCodec<A, unknown>) => {
  const decode = Schema.decodeUnknownEffect(Schema.Array(Schema.Struct({ row: schema })))
  return (rows: ReadonlyArray<unknown>): Effect.Effect<ReadonlyArray<A>> =>
    Effect.map(Effect.orDie(decode(rows)), (decoded) => decoded.map(({ row }) => row))
}
