/**
 * What of a row can be shown. Some bytes of jsonb may print as many megabytes, since `1e131071` has as many digits: how
 * large a value is, is found out before PostgreSQL prints it.
 */
import type { PgClient } from "@effect/sql-pg"
import type { Statement } from "effect/sql"

/** The most bytes of a column that are shown: as many as a webhook may have. */
const largest = 256 * 1024

/** How many characters are shown of a text that is longer. */
const beginning = 1000

/** Bytes of jsonb that are searched whatever they say: the few numbers that fit in cost little even at their largest. */
const harmless = 300

/** The bytes of a jsonb in memory. `pg_column_size` of a column says how many it has once it is compressed. */
const sizeOf = (value: string): string => `pg_column_size(${value} #> '{}')`

/**
 * Whether a jsonb prints as no more than some dozen times its size: no number in it has more than a hundred digits on
 * either side of its point. What is nested deeper than a hundred levels does not: whoever walks through that may run out of
 * stack.
 */
const isPlain = (value: string): string => `
  CASE WHEN jsonb_path_exists(${value}, 'strict $.**{100}') THEN false ELSE NOT EXISTS (
    SELECT FROM jsonb_path_query(${value}, 'strict $.** ? (@.type() == "number")') AS numbers (number)
    WHERE abs(numbers.number::numeric) >= 1e100 OR scale(numbers.number::numeric) > 100
  ) END
`

/** A column of jsonb as it can be searched: null where it cannot. */
export const searchable = (column: string): string =>
  `CASE WHEN ${sizeOf(column)} <= ${harmless} OR ${isPlain(column)} THEN ${column} END`

/** Whether a jsonb of so many bytes at most can be shown. */
export const isShowable = (value: string, most = largest): string =>
  `CASE WHEN ${sizeOf(value)} > ${most} THEN false ELSE ${isPlain(value)} END`

/**
 * A row of `table` as `shown`, for a FROM list: `columns`, the row column by column, and `cut`, the names of those that are
 * too large to show. Of these `columns` has the beginning where they are texts, else null.
 */
export const shown = (sql: PgClient.PgClient, table: string): Statement.Fragment => sql`
  LATERAL (
    SELECT
      jsonb_object_agg(looked.name, CASE
        WHEN looked.fits                           THEN looked.value
        WHEN jsonb_typeof(looked.value) = 'string' THEN to_jsonb(left(looked.value #>> '{}', ${beginning}))
      END) || jsonb_build_object('id', ${sql(table)}.id::text) AS columns,
      coalesce(jsonb_agg(looked.name ORDER BY looked.name) FILTER (WHERE NOT looked.fits), '[]') AS cut
    FROM (
      SELECT each.name, each.value, ${sql.literal(isShowable("each.value"))} AS fits
      FROM jsonb_each(to_jsonb(${sql(table)}.*)) AS each (name, value)
      OFFSET 0
    ) AS looked
  ) AS shown
`
