import { Schema } from "effect"

/** PostgreSQL cuts names at 63 bytes, and a channel is `<schema>.rentprog_event_auto_process`. */
const longest = 35

/**
 * The schema that Jarvis lives in: letters of any alphabet, digits, `_` and `-`, 35 bytes at most. It is always quoted, so
 * capitals count.
 */
export const SchemaName = Schema.String.check(
  Schema.isPattern(/^[\p{L}_][\p{L}\p{N}_-]*$/u),
  Schema.makeFilter((name) => Buffer.byteLength(name) <= longest),
  // PostgreSQL's own.
  Schema.makeFilter((name) => !/^(pg_.*|information_schema)$/i.test(name))
).pipe(Schema.brand("SchemaName"))
export type SchemaName = typeof SchemaName.Type

/** Where Jarvis lives unless told otherwise. */
export const publicSchema = SchemaName.make("public")
