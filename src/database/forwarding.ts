/**
 * Forwarding: tables of another system whose rows become rows of events and history as well, by a trigger on each of them.
 * What that trigger does stands in sql/functions/09_forward.sql.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Schema } from "effect"
import { sayWhy } from "./Database.ts"
import { ddl } from "./ddl.ts"
import { type Forward, refusalOf, refusalOfCopy, targetOf } from "./forwardable.ts"
import { argsOf, look, triggerOf } from "./forwardedTable.ts"
import { sayRefusal } from "./refusal.ts"
import type { SchemaName } from "./SchemaName.ts"
import { quoted } from "./sqlFiles.ts"

/** Why tables are not forwarded, a line for each. Nothing has changed. */
export class NotForwardable extends Schema.TaggedError<NotForwardable>()("NotForwardable", {
  message: Schema.String
}) {}

/** How many rows a transaction copies: of the log's entries, each of which is read and applied, that is some tenths of a second. */
const batch = 250

const text = (said: string): string => `'${said.replaceAll("'", "''")}'`

/** Looks at each table before any is changed. */
const lookAtAll = Effect.fnUntraced(function* (
  sql: PgClient.PgClient,
  schema: SchemaName,
  names: ReadonlyArray<string>,
  copies: boolean
) {
  const forwards: Array<Forward> = []
  const refusals = new Set<string>()
  for (const name of names) {
    const seen = yield* Effect.result(look(sql, schema, name))
    if (seen._tag === "Failure") {
      refusals.add(`${name}: ${sayWhy(seen.failure)}`)
      continue
    }
    const { columns, source } = seen.success
    const refusal = refusalOf(name, seen.success, copies)
    const target = source === null ? null : targetOf(source, columns)
    if (refusal !== null) refusals.add(refusal)
    else if (source !== null && target !== null) forwards.push({ source, target, seen: seen.success })
  }
  if (refusals.size > 0) return yield* new NotForwardable({ message: Array.from(refusals).join("\n") })
  return forwards
})

/**
 * Has tables forwarded, or sees that they are; of rows that may be lost and cannot be looked for, health says no more. Answers where each of them goes. Fails where one
 * cannot be, and changes none.
 */
export const forward = Effect.fnUntraced(function* (
  schema: SchemaName,
  names: ReadonlyArray<string>,
  copies: boolean
) {
  const sql = yield* PgClient.PgClient
  const forwards = yield* lookAtAll(sql, schema, names, copies)
  for (const { seen, source, target } of forwards) {
    const isSearchable = refusalOfCopy(source, seen) === null
    yield* ddl(sql)(
      Effect.gen(function* () {
        yield* sql`
          INSERT INTO forwarded_tables (source, target, lost_until, lost_for_good)
          VALUES (${source}, ${target}, forward_lost(), forward_lost_for_good())
          ON CONFLICT (source) DO UPDATE SET target = excluded.target, lost_for_good = excluded.lost_for_good,
            lost_until = CASE WHEN ${isSearchable} THEN forwarded_tables.lost_until ELSE excluded.lost_until END,
            losing = CASE WHEN ${isSearchable} THEN forwarded_tables.losing END
        `
        // Whoever writes to the table would wait for this.
        if (seen.firesFor === target) return
        yield* sql.unsafe(`
          CREATE OR REPLACE TRIGGER "${triggerOf(schema)}" AFTER INSERT OR UPDATE ON ${source}
          FOR EACH ROW EXECUTE FUNCTION ${quoted(schema)}.forward_row(${text(source)}, ${text(target)})
        `)
      })
    )
  }
  return forwards
})

/** What became of a table's forwarding. */
export interface Removed {
  readonly source: string
  /** False where nobody had it forwarded. */
  readonly wasForwarded: boolean
  /** The statement for the table's owner, where nobody else may drop the trigger; it does nothing any more. */
  readonly left: string | null
  /** Rows may be lost that were not looked for yet, and nobody does now. */
  readonly mayLack: boolean
}

/** Has tables forwarded no longer. What has been forwarded stays. */
export const forwardNoLonger = Effect.fnUntraced(function* (
  schema: SchemaName,
  names: ReadonlyArray<string>
) {
  const sql = yield* PgClient.PgClient
  const ended: Array<Removed> = []
  for (const name of names) {
    const { hasTrigger, isMigrated, isOwned, source: found } = yield* look(sql, schema, name)
    if (!isMigrated) return yield* new NotForwardable({ message: "Jarvis is not in this schema" })
    const source = found ?? name
    const drop = `DROP TRIGGER "${triggerOf(schema)}" ON ${source}`
    const rows = yield* ddl(sql)(
      Effect.gen(function* () {
        if (hasTrigger && isOwned) yield* sql.unsafe(drop)
        return yield* sql<{ readonly mayLack: boolean }>`
          DELETE FROM forwarded_tables WHERE forwarded_tables.source = ${source}
          RETURNING forwarded_tables.lost_until < forward_lost() OR forwarded_tables.lost_for_good < forward_lost_for_good() AS "mayLack"
        `
      })
    )
    ended.push({
      source,
      wasForwarded: hasTrigger || rows.length > 0,
      left: hasTrigger && !isOwned ? drop : null,
      mayLack: rows[0]?.mayLack ?? false
    })
  }
  return ended
})

/** How many rows have been copied, and how many were there already. */
export interface Copied {
  readonly copied: number
  readonly there: number
}

interface Step {
  readonly last: string | null
  readonly looked: number
  readonly there: number
}

/**
 * Copies what another system has written since a moment (ISO 8601), and is not here yet; with `overwritten` also the rows since
 * that moment that are here, whose changes may not be. `tell` hears after each batch.
 */
export const copySince = Effect.fnUntraced(function* (
  { source, target }: Pick<Forward, "source" | "target">,
  since: string,
  overwritten: string | null,
  tell: (rows: number) => Effect.Effect<void> = () => Effect.void
) {
  const sql = yield* PgClient.PgClient
  let sum: Copied = { copied: 0, there: 0 }
  for (let after: string | null = null; ; ) {
    const rows: ReadonlyArray<Step> = yield* sql<Step>`
      SELECT step.last, step.looked, step.there
      FROM forward_since(${source}, ${target}, ${since}::timestamptz, ${after}, ${batch}, ${overwritten}::timestamptz) AS step
    `
    const { last, looked, there } = rows[0] ?? { last: null, looked: 0, there: 0 }
    sum = { copied: sum.copied + looked - there, there: sum.there + there }
    yield* tell(sum.copied)
    if (looked < batch) return sum
    after = last
  }
})

/** What could not be written yet, of each table. */
export const missed = PgClient.PgClient.use(
  (sql) => sql<{ readonly source: string; readonly rows: number; readonly why: string }>`
    SELECT missed.source, count(*)::int AS rows, (array_agg(missed.why ORDER BY missed.id DESC))[1] AS why
    FROM forward_misses AS missed GROUP BY missed.source ORDER BY missed.source
  `
)

/** `2 rows of public.events could not be forwarded yet: …` */
export const sayMissed = ({
  rows,
  source,
  why
}: {
  readonly source: string
  readonly rows: number
  readonly why: string
}): string =>
  `${rows} ${rows === 1 ? "row" : "rows"} of ${source} could not be forwarded yet: ${why}; see forward_misses`

/** Tables that are to be forwarded and have no trigger that fires. */
export const withoutTrigger = (sql: PgClient.PgClient, schema: SchemaName) => sql<{
  readonly source: string
}>`
  SELECT forwarded.source FROM forwarded_tables AS forwarded
  WHERE NOT EXISTS (
    SELECT FROM pg_trigger
    JOIN pg_class ON pg_class.oid = pg_trigger.tgrelid
    JOIN pg_namespace ON pg_namespace.oid = pg_class.relnamespace
    WHERE pg_trigger.tgname = ${triggerOf(schema)} AND pg_trigger.tgenabled IN ('O', 'A')
      AND format('%I.%I', pg_namespace.nspname, pg_class.relname) = forwarded.source
      AND pg_trigger.tgargs = ${argsOf(sql, "forwarded.source", "forwarded.target")}
  )
`

/** `public.events is not forwarded any more: …` */
export const saySilent = ({ source }: { readonly source: string }): string =>
  `${source} is not forwarded any more: its trigger is gone, disabled or another table's; run jarvis forward ${source}, or with --remove`

/** `a row may be lost that nobody can find …`; sources is one or more, parted by blanks. */
export const sayForGood = (sources: string): string =>
  `a row may be lost that nobody can find, because its ts does not tell: compare, then run jarvis forward ${sources}`

/**
 * Copies the rows of which not even a note could be written: those of about that time. It waits until whoever wrote them has
 * ended, because nobody sees the rows before. Says where that is so, and where they cannot be found.
 */
const copyLost = Effect.fnUntraced(function* (sql: PgClient.PgClient, schema: SchemaName) {
  // Whoever was counted until here has a number already, and the next statement a later one.
  const counted = yield* sql<{ readonly losses: string }>`SELECT forward_lost()::text AS losses`
  const losses = counted[0]?.losses ?? "0"
  yield* sql`
    UPDATE forwarded_tables SET losing = ${losses}::bigint, losing_at = now(),
      losing_before = pg_current_xact_id()
    WHERE forwarded_tables.losing IS NULL AND forwarded_tables.lost_until < ${losses}::bigint
  `
  const lost = yield* sql<
    Omit<Forward, "seen"> & { readonly since: string; readonly overwritten: string; readonly isOver: boolean }
  >`
    SELECT forwarded.source, forwarded.target,
      -- How old ts may be says forward_finds; a little more costs nothing.
      (forwarded.lost_at - interval '25 hours')::text AS since, (forwarded.lost_at - interval '2 hours')::text AS overwritten,
      pg_snapshot_xmin(pg_current_snapshot()) >= forwarded.losing_before AS "isOver"
    FROM forwarded_tables AS forwarded WHERE forwarded.losing IS NOT NULL ORDER BY forwarded.source
  `
  const wrong: Array<string> = []
  const unsearchable = new Set<string>()
  for (const { isOver, overwritten, since, source, target } of lost) {
    if (!isOver) {
      wrong.push(
        `rows of ${source} may be lost: they are looked for when the transactions that are open now have ended`
      )
      continue
    }
    const seen = yield* look(sql, schema, source)
    const refusal = seen.source === null ? `there is no ${source} any more` : refusalOfCopy(source, seen)
    const done =
      refusal === null ? yield* Effect.result(copySince({ source, target }, since, overwritten)) : null
    if (done?._tag !== "Success") {
      unsearchable.add(source)
      wrong.push(
        `a row of ${source} may be lost, which cannot be looked for: ${
          done === null ? refusal : sayRefusal(done.failure)
        }; mend that, or compare and run jarvis forward ${source}${seen.source === null ? " --remove" : ""}`
      )
      continue
    }
    yield* sql`
      UPDATE forwarded_tables SET lost_until = forwarded_tables.losing, lost_at = forwarded_tables.losing_at, losing = NULL
      WHERE forwarded_tables.source = ${source}
    `
    const { copied } = done.success
    if (copied > 0)
      yield* Effect.logWarning(`${copied} rows of ${source} may not have been forwarded, and are now`)
  }
  // One counter serves all tables.
  const [forGood] = yield* sql<{ readonly sources: string | null }>`
    SELECT string_agg(forwarded.source, ' ' ORDER BY forwarded.source) AS sources
    FROM forwarded_tables AS forwarded
    WHERE forwarded.lost_for_good < forward_lost_for_good() AND forwarded.source <> ALL (${Array.from(unsearchable)}::text[])
  `
  return typeof forGood?.sources === "string" ? [...wrong, sayForGood(forGood.sources)] : wrong
})

/**
 * Writes what could not be written when it should have been. Answers null where nothing is forwarded, else what is wrong with
 * the forwarding, in words that quote no row.
 */
export const sweep = Effect.fn("forwarding.sweep")(function* (schema: SchemaName) {
  const sql = yield* PgClient.PgClient
  for (let looked = batch; looked >= batch; ) {
    const [answer] = yield* sql<{ readonly looked: number }>`SELECT forward_again(${batch}) AS looked`
    looked = answer?.looked ?? 0
  }
  const [state] = yield* sql<{ readonly used: boolean }>`
    SELECT EXISTS (SELECT FROM forwarded_tables) OR EXISTS (SELECT FROM forward_misses) AS used
  `
  if (!state?.used) return null
  const lost = yield* copyLost(sql, schema)
  const silent = yield* withoutTrigger(sql, schema)
  return [...lost, ...(yield* missed).map(sayMissed), ...silent.map(saySilent)]
})
