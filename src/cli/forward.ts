/** `jarvis forward`: has another system's tables forwarded to Jarvis's own. */
import { Console, Duration, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { seldom } from "../database/adoption.ts"
import { sayWhy } from "../database/Database.ts"
import {
  copySince,
  forwardNoLonger,
  forward as forwardTables,
  missed,
  sayMissed
} from "../database/forwarding.ts"
import { count } from "../database/preflight/names.ts"
import { readMoment } from "../domain/Moment.ts"
import * as Jarvis from "../Jarvis.ts"
import { Settings } from "../Settings.ts"
import { configured } from "./configured.ts"
import { Ending } from "./Ending.ts"

interface Flags {
  readonly tables: ReadonlyArray<string>
  readonly since: Option.Option<string>
  readonly remove: boolean
  readonly json: boolean
}

const install = Effect.fnUntraced(function* ({ json, since, tables }: Flags) {
  const { schema } = yield* Settings
  const forwards = yield* forwardTables(schema, tables, Option.isSome(since))
  const say = yield* seldom(Duration.seconds(5), (table, rows) =>
    Console.error(`copying: ${count(rows, "row")} of ${table} so far`)
  )
  const answers: Array<object> = []
  for (const { source, target } of forwards) {
    if (!json) yield* Console.log(`forwarded: ${source} → ${schema}.${target}`)
    if (Option.isNone(since)) {
      answers.push({ source, target })
      continue
    }
    const done = yield* copySince({ source, target }, since.value, null, (rows) => say(source, rows))
    answers.push({ source, target, since: since.value, ...done })
    if (!json) {
      yield* Console.log(
        `copied: ${count(done.copied, "row")} of ${source} since ${since.value}; ${done.there.toLocaleString("en")} were there already`
      )
    }
  }
  const sources = forwards.map(({ source }) => source)
  const late = (yield* missed).filter(({ source }) => sources.includes(source))
  yield* Effect.forEach(late, (one) => Console.error(`${sayMissed(one)}; the service tries again`), {
    discard: true
  })
  if (json) yield* Console.log(JSON.stringify({ schema, forwarded: answers }))
})

const remove = Effect.fnUntraced(function* ({ json, tables }: Flags) {
  const { schema } = yield* Settings
  const removed = yield* forwardNoLonger(schema, tables)
  for (const { left, mayLack, source, wasForwarded } of removed) {
    if (!json) {
      yield* Console.log(wasForwarded ? `no longer forwarded: ${source}` : `was not forwarded: ${source}`)
    }
    if (mayLack) {
      yield* Console.error(`rows of ${source} may be lost, and nobody looks for them any more: compare`)
    }
    if (left !== null) {
      yield* Console.error(
        `a trigger that does nothing stays, which only the table's owner can drop: ${left}`
      )
    }
  }
  if (json) {
    yield* Console.log(
      JSON.stringify({
        schema,
        removed: removed.map(({ left, mayLack, source, wasForwarded }) => ({
          source,
          was_forwarded: wasForwarded,
          may_lack: mayLack,
          left
        }))
      })
    )
  }
})

const refuse = Effect.fnUntraced(function* (reasons: ReadonlyArray<string>, json: boolean) {
  const { schema } = yield* Settings
  yield* Effect.forEach(reasons, (reason) => Console.error(`jarvis: ${reason}`), { discard: true })
  if (json) yield* Console.log(JSON.stringify({ schema, refused: reasons }))
  return yield* new Ending({ code: 1 })
})

const act = (flags: Flags) =>
  (flags.remove ? remove(flags) : install(flags)).pipe(
    Effect.catchTags({
      NotForwardable: ({ message }) => refuse(message.split("\n"), flags.json),
      SqlError: (error) => new Jarvis.StartError({ message: sayWhy(error) })
    })
  )

export const forward = Command.make(
  "forward",
  {
    tables: Argument.String("table").pipe(
      Argument.withDescription("A table of the other system, with its schema: public.events"),
      Argument.atLeast(1)
    ),
    since: Flag.String("since").pipe(
      Flag.withDescription(
        "Copy the rows that are there already, as far as their ts is of that moment or later"
      ),
      Flag.filterMap(
        readMoment,
        (said) => `${said} is no date and no moment: 2025-11-01, 2025-11-01T09:30:00+04:00`
      ),
      Flag.optional
    ),
    remove: Flag.Boolean("remove").pipe(
      Flag.withDescription("Forward the tables no longer: the triggers go, and what was forwarded stays"),
      Flag.withDefault(false)
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print one JSON object, and all else on standard error"),
      Flag.withDefault(false)
    )
  },
  (flags) =>
    flags.remove && Option.isSome(flags.since)
      ? Effect.andThen(
          Console.error("jarvis: --remove copies nothing: leave out --since\nsee jarvis forward --help"),
          new Ending({ code: 2 })
        )
      : configured("stderr")(act(flags))
).pipe(
  Command.withShortDescription("Forwards another system's tables to Jarvis's own"),
  Command.withDescription(
    [
      "While another system still receives the webhooks, its rows become Jarvis's as well: a trigger on its table writes each",
      "row, and each change of its payload, into events; of a table with descriptions instead of payloads, into history. What",
      "that system drops (ON CONFLICT DO NOTHING), nobody sees.",
      "",
      "It never fails whoever writes to that table, who needs no right on Jarvis's. A row that could not be written at once is",
      "written by the service within a minute of when it can be; /health/ready says so while it is not. The table itself stays as",
      "it is. What no trigger can help: beside it, nobody can PREPARE TRANSACTION; two SERIALIZABLE transactions may collide in",
      "Jarvis's tables, and one is to be repeated; a full queue of notifications fails a COMMIT; and what is written with",
      "session_replication_role = replica is not forwarded.",
      "",
      "The command can be repeated: it does what has not been done. --since copies what was written before, in small steps; rows",
      "that are here already are left out. Without a zone, a date is Tbilisi's.",
      "",
      "Jarvis's user needs the right to put a trigger on the table (GRANT TRIGGER), and to read it for --since. Whoever owns the",
      "table is trusted: the types of its columns may run code of theirs with Jarvis's rights.",
      "",
      "All tables are looked at first: where one cannot be forwarded, none is. Then each has a transaction of its own: where somebody",
      "holds one for two minutes, those before it are forwarded, and the command fails. Exit codes: 0 done; 1 failed; 2 wrong usage."
    ].join("\n  ")
  ),
  Command.withExamples([
    {
      command: "JARVIS_SCHEMA=jarvis jarvis forward public.events public.history",
      description: "Forward from now on"
    },
    {
      command: "JARVIS_SCHEMA=jarvis jarvis forward public.events --since 2025-11-01",
      description: "And copy what was written since that day"
    },
    {
      command: "JARVIS_SCHEMA=jarvis jarvis forward public.events --remove",
      description: "Forward it no longer"
    }
  ])
)
