/** What doctor sees of Jarvis's own tables, functions and triggers. */
import { PgClient } from "@effect/sql-pg"
import { Data, Effect, type FileSystem, type Path } from "effect"
import { asDatabaseError, sayWhy } from "../database/Database.ts"
import { missed, sayForGood, sayMissed, saySilent, withoutTrigger } from "../database/forwarding.ts"
import { plan as readPlan } from "../database/Migrations.ts"
import { readBring } from "../database/preflight/bring.ts"
import { count, ident, list } from "../database/preflight/names.ts"
import { linesOf } from "../database/preflight/report.ts"
import { again, enable } from "../database/preflight/triggers.ts"
import type { Plan } from "../database/preflight.ts"
import { isOfTheServer } from "../database/refusal.ts"
import { readSqlFiles } from "../database/sqlFiles.ts"
import { writeRow } from "../database/writeRow.ts"
import { Settings } from "../Settings.ts"
import { type Check, none, type Outcome, ok, wrong } from "./Check.ts"

type Needs = PgClient.PgClient | Settings | FileSystem.FileSystem | Path.Path
type Look = Check<Needs>["look"]

/** Takes back what was written, and says that it could be. */
class Written extends Data.TaggedError("Written")<object> {}

const writes = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  return yield* writeRow(sql).pipe(Effect.andThen(new Written()), sql.withTransaction)
}).pipe(
  Effect.catchTags({
    Written: () => Effect.succeed(ok("a row was written, and taken back")),
    SqlError: (error) =>
      Effect.succeed(
        wrong(
          isOfTheServer(error)
            ? `${sayWhy(error)}: see that the server is the primary, that default_transaction_read_only is off, and that its disk has room`
            : `${sayWhy(error)}: see who holds the table jarvis_writes, or what trigger or policy it has`
        )
      )
  })
)

/** The tables that sql/ makes, as far as they are there, and whether this user may work with them. */
const tablesOf = Effect.fnUntraced(function* (expected: ReadonlyArray<string>) {
  const sql = yield* PgClient.PgClient
  const { schema } = yield* Settings
  return yield* sql<{ readonly name: string; readonly usable: boolean }>`
    SELECT pg_class.relname::text AS name,
      has_schema_privilege(pg_class.relnamespace, 'USAGE') AND has_table_privilege(pg_class.oid, 'SELECT')
        AND has_table_privilege(pg_class.oid, 'INSERT') AND has_table_privilege(pg_class.oid, 'UPDATE')
        AND has_table_privilege(pg_class.oid, 'DELETE') AS usable
    FROM pg_class
    WHERE pg_class.relnamespace = to_regnamespace(quote_ident(${schema})) AND pg_class.relname = ANY (${expected})
    ORDER BY pg_class.relname
  `
})

/** The triggers, and whether they fire. */
const triggersThere = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const { schema } = yield* Settings
  return yield* sql<{ readonly table: string; readonly name: string; readonly fires: boolean }>`
    SELECT triggers.event_object_table::text AS table, triggers.trigger_name::text AS name,
      bool_and(pg_trigger.tgenabled IN ('O', 'A')) AS fires
    FROM information_schema.triggers
    JOIN pg_trigger ON pg_trigger.tgname = triggers.trigger_name
      AND pg_trigger.tgrelid = to_regclass(format('%I.%I', triggers.event_object_schema, triggers.event_object_table))
    WHERE triggers.trigger_name LIKE '%auto_process%' AND triggers.event_object_schema = ${schema}
    GROUP BY triggers.event_object_table, triggers.trigger_name
  `
}).pipe(asDatabaseError)

const forwarding = (source: string): Check<PgClient.PgClient | Settings> => ({
  name: `forwarding of ${source}`,
  look: Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    const { schema } = yield* Settings
    const isIt = (one: { readonly source: string }): boolean => one.source === source
    const silent = (yield* withoutTrigger(sql, schema)).find(isIt)
    if (silent !== undefined) return wrong(saySilent(silent))
    const late = (yield* missed).find(isIt)
    if (late !== undefined) return wrong(sayMissed(late))
    const [lost] = yield* sql<{ readonly rows: boolean; readonly changes: boolean }>`
      SELECT forwarded.lost_until < forward_lost() AS rows, forwarded.lost_for_good < forward_lost_for_good() AS changes
      FROM forwarded_tables AS forwarded WHERE forwarded.source = ${source}
    `
    if (lost?.rows) {
      return wrong(
        "rows may be lost, which the service looks for: see that it runs, and what /health/ready says of forwarding"
      )
    }
    return lost?.changes ? wrong(sayForGood(source)) : ok("its trigger fires, and no row is missed")
  }).pipe(asDatabaseError)
})

const seeDryRun = "see jarvis migrate --dry-run"

const sayPlan = (plan: Plan): Outcome => {
  const [first, ...others] = linesOf(plan, "fatal")
  const risks = linesOf(plan, "risk").length
  if (first === undefined) {
    return ok(
      risks === 0 ? "nothing is in Jarvis's way" : `nothing is fatal, ${count(risks, "risk")}: ${seeDryRun}`
    )
  }
  return wrong(others.length === 0 ? first : `${first}; and ${others.length} more: ${seeDryRun}`)
}

export const names = [
  "rights",
  "preflight",
  "versions",
  "trigger on events",
  "trigger on history",
  "writes"
] as const

/** Each of `names`, and one for each table that is forwarded. */
export const checks = Effect.gen(function* () {
  const sql = yield* PgClient.PgClient
  const { schema } = yield* Settings
  const { functions, migrations } = yield* Effect.orDie(readSqlFiles)
  const tables = yield* tablesOf(Array.from(readBring(migrations).tables))
  const closed = tables.filter(({ usable }) => !usable).map(({ name }) => name)
  const isThere = (table: string): boolean => tables.some(({ name }) => name === table)
  const plan = yield* Effect.cached(readPlan(schema))
  const triggers = yield* Effect.cached(triggersThere)
  const [user] = yield* sql<{ readonly name: string }>`SELECT current_user::text AS name`
  const role = ident(user?.name ?? "")

  const rights = (): Outcome => {
    if (tables.length === 0) return none("Jarvis has no table here yet")
    return closed.length === 0
      ? ok(`${role} may do what the service does`)
      : wrong(
          `${role} may not read and write ${list(closed)}: have an administrator run jarvis roles | psql, and connect as jarvis_service`
        )
  }

  /** What needs rights that are missing, or tables, says nothing of its own. */
  const on = (table: string, look: Look): Look => {
    if (closed.length > 0) return Effect.succeed(none("not looked at: see rights"))
    return isThere(table) ? look : Effect.succeed(none("not looked at: see versions"))
  }

  const trigger = (table: "events" | "history", name: string): Look =>
    on(
      table,
      Effect.map(triggers, (all) => {
        const found = all.find((one) => one.table === table && one.name === name)
        if (found === undefined) return wrong(`${name} is missing: ${again({ schema })}`)
        return found.fires
          ? ok(`${name} is there and enabled`)
          : wrong(`${name} is disabled: ${enable({ schema }, table, name)}`)
      })
    )

  const looks: { readonly [N in (typeof names)[number]]: Look } = {
    rights: Effect.sync(rights),
    preflight: Effect.map(plan, sayPlan).pipe(
      Effect.catchTag("MigrationError", () => Effect.succeed(none("not looked at: see versions")))
    ),
    versions:
      closed.length > 0
        ? Effect.succeed(none("not looked at: see rights"))
        : Effect.map(plan, ({ pending, serverVersion }) =>
            pending.length === 0
              ? ok(
                  `PostgreSQL ${serverVersion}, ${count(migrations.length, "migration")}, functions ${functions.version}`
                )
              : wrong(`to be migrated: ${pending.join(", ")}: run jarvis migrate`)
          ),
    "trigger on events": trigger("events", "auto_process_event_trigger"),
    "trigger on history": trigger("history", "auto_process_history_trigger"),
    writes: on("jarvis_writes", writes)
  }
  const sources =
    closed.length === 0 && isThere("forwarded_tables")
      ? yield* sql<{ readonly source: string }>`
          SELECT forwarded.source FROM forwarded_tables AS forwarded ORDER BY forwarded.source
        `
      : []
  return [
    ...names.map((name): Check<Needs> => ({ name, look: looks[name] })),
    ...sources.map(({ source }) => forwarding(source))
  ]
}).pipe(asDatabaseError)
