/** What a table has to be so that its rows can be forwarded, and who may have them forwarded. Pure. */
import { Schema } from "effect"

export const Target = Schema.Literals(["events", "history"])
export type Target = typeof Target.Type

/** A table as PostgreSQL shows it to Jarvis's user. */
export const Seen = Schema.Struct({
  /** Whether Jarvis's functions for this are in the database. */
  isMigrated: Schema.Boolean,
  user: Schema.String,
  /** `public.events`, quoted where that is needed; null where there is no such table. */
  source: Schema.NullOr(Schema.String),
  /** `pg_class.relkind` */
  kind: Schema.NullOr(Schema.String),
  isPartition: Schema.Boolean,
  /** Other tables inherit from it, and are no partitions: its trigger does not see their rows. */
  isInherited: Schema.Boolean,
  /** It is one of a Jarvis's two tables that are forwarded to. */
  isJarvis: Schema.Boolean,
  /** Name to type. */
  columns: Schema.Record(Schema.String, Schema.String),
  owner: Schema.NullOr(Schema.String),
  isOwned: Schema.Boolean,
  mayTrigger: Schema.Boolean,
  mayRead: Schema.Boolean,
  /** Row security hides rows from the user. */
  isSecured: Schema.Boolean,
  /** The owner of Jarvis's functions, where the user may not use them. */
  onlyBy: Schema.NullOr(Schema.String),
  hasTrigger: Schema.Boolean,
  /** There is one, and it fires; where it forwards this table to, under the name that the table has. */
  firesFor: Schema.NullOr(Target),
  /** A unique index on id alone. */
  hasKey: Schema.Boolean
})
export type Seen = typeof Seen.Type

/** A table that can be forwarded, and where to. */
export interface Forward {
  readonly source: string
  readonly target: Target
  readonly seen: Seen
}

/** How a table is called that is none. */
const kinds: { readonly [kind: string]: string } = {
  v: "a view: forward the table that its rows are written to",
  m: "a materialized view: forward the tables that it is made of",
  f: "a foreign table: its rows are written on another server"
}

/** Where the rows of a table belong; a table of one of the two names there, if it can. */
export const targetOf = (source: string, columns: Seen["columns"]): Target | null => {
  const named = source.split(".").at(-1)
  if ("description" in columns && (named === "history" || !("payload" in columns))) return "history"
  return "payload" in columns ? "events" : null
}

/** What `--since` can compare. */
const isMoment = (type: string | undefined): boolean => type !== undefined && /^(timestamp|date)/.test(type)

/** Why rows of the table cannot be copied, and what to do; null where they can. */
export const refusalOfCopy = (source: string, seen: Omit<Seen, "source">): string | null => {
  const { columns, hasKey, isSecured, mayRead, owner, user } = seen
  if (!isMoment(columns["ts"])) {
    return columns["ts"] === undefined
      ? `${source} has no column ts, which --since is compared with`
      : `${source}: its column ts is ${columns["ts"]}, and --since is compared with a date or a time`
  }
  if (!mayRead) {
    return `${source}: ${user} may not read it, which --since needs; its owner can allow that: GRANT SELECT ON ${source} TO ${user}`
  }
  if (isSecured) {
    return `${source}: row security hides some of its rows from ${user}, and --since would leave them out; run it as ${owner}`
  }
  return hasKey
    ? null
    : `${source} has no unique index on id alone, in whose order --since could go through its rows`
}

/** Why rows of the table cannot be forwarded, and what to do; null where they can. */
export const refusalOf = (name: string, seen: Seen, copies: boolean): string | null => {
  const { columns, owner, source, user } = seen
  const target = targetOf(source ?? "", columns)
  if (!seen.isMigrated) return "Jarvis is not in this schema, or an older one is: run jarvis migrate first"
  if (source === null || owner === null) {
    return `${name}: there is no such table${name.includes(".") ? "" : "; name it with its schema, as in public.events"}`
  }
  const kind = kinds[seen.kind ?? ""]
  if (kind !== undefined) return `${source} is ${kind}`
  if (seen.kind !== "r" && seen.kind !== "p") return `${source} is no table`
  if (seen.isJarvis) return `${source} is a table of Jarvis's own, to which others are forwarded`
  if (seen.isPartition) return `${source} is a partition: forward the table that it is a part of`
  if (seen.isInherited) {
    return `${source} has tables that inherit from it, whose rows its trigger would not see: forward each of them`
  }
  if (!("id" in columns)) return `${source} has no column id, by which its rows could be told apart`
  if (target === null) {
    return `${source} has no column payload, as events have, and none description, as entries of the log have`
  }
  if (seen.onlyBy !== null) {
    return `${source}: ${user} may not use Jarvis's functions: run jarvis forward as ${seen.onlyBy}, who ran jarvis migrate`
  }
  if (seen.firesFor !== target && !seen.mayTrigger) {
    return `${source}: ${user} may put no trigger on it; its owner can allow that: GRANT TRIGGER ON ${source} TO ${user}`
  }
  return copies ? refusalOfCopy(source, seen) : null
}
