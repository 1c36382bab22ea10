/** `jarvis doctor`: looks at all that Jarvis needs, and says what to do where something is wrong. */
import { NodeServices } from "@effect/platform-node"
import { PgClient } from "@effect/sql-pg"
import { Console, Duration, Effect, Option, References } from "effect"
import { Command, Flag } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import { within } from "../database/within.ts"
import { type Check, examine, type Line, none, type Outcome, ok, wrong } from "../doctor/Check.ts"
import { connect, lost } from "../doctor/connection.ts"
import * as database from "../doctor/database.ts"
import * as rentprog from "../doctor/rentprog.ts"
import * as service from "../doctor/service.ts"
import * as tables from "../doctor/tables.ts"
import { settings } from "./configured.ts"
import { Ending } from "./Ending.ts"

/** How long a check may take: RentProg is called twice at most, for 4 s. */
const limit = Duration.seconds(9)

const examineAll = <R>(checks: ReadonlyArray<Check<R>>) =>
  Effect.forEach(checks, examine(limit), { concurrency: "unbounded" })

const line = (name: string, { says, state }: Outcome): Line => ({ name, state, says })

/** The lines of a database, the connection first. */
const ofDatabase = Effect.fnUntraced(function* (sql: Option.Option<PgClient.PgClient>, outcome: Outcome) {
  const unseen = [...tables.names, ...database.checks.map(({ name }) => name)].map((name) =>
    line(name, none("not looked at: see connection"))
  )
  if (Option.isNone(sql)) return [line("connection", outcome), ...unseen]
  return yield* tables.checks.pipe(
    within(limit),
    Effect.flatMap((checks) =>
      examineAll<Effect.Services<typeof tables.checks>>([...checks, ...database.checks])
    ),
    Effect.map((lines) => [line("connection", outcome), ...lines]),
    Effect.catch(({ message }) =>
      Effect.map(lost(message), (outcome) => [line("connection", outcome), ...unseen])
    ),
    Effect.provideService(PgClient.PgClient, sql.value)
  )
})

/** The lines of the service and of RentProg. */
const ofOthers = Effect.fnUntraced(function* (sql: Option.Option<PgClient.PgClient>) {
  const found = yield* service.find
  const checks = yield* rentprog.checks(found.service, sql)
  return [line("service", found.outcome), ...(yield* examineAll(checks))]
})

const lines = Effect.gen(function* () {
  const { outcome, sql } = yield* connect
  const all = yield* Effect.all([ofDatabase(sql, outcome), ofOthers(sql)], { concurrency: "unbounded" })
  return [line("settings", ok("each of them can be read")), ...all.flat()]
}).pipe(
  Effect.provide([rentprog.layer, FetchHttpClient.layer, NodeServices.layer]),
  Effect.provide(settings),
  Effect.catchTag("SettingError", ({ message }) =>
    Effect.succeed([line("settings", wrong(`${message}; nothing else has been looked at`))])
  ),
  Effect.scoped,
  // The lines say it all.
  Effect.provideService(References.MinimumLogLevel, "None")
)

const marks = { ok: "✓", wrong: "✗", none: "–" }

const print = (all: ReadonlyArray<Line>) => {
  const width = Math.max(...all.map(({ name }) => name.length))
  return Effect.forEach(all, ({ name, says, state }) =>
    Console.log(`${marks[state]} ${name.padEnd(width)}  ${says}`)
  )
}

export const doctor = Command.make(
  "doctor",
  {
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print one JSON object, and nothing else"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ json }) {
    const all = yield* lines
    const isWell = all.every(({ state }) => state !== "wrong")
    yield* json ? Console.log(JSON.stringify({ ok: isWell, checks: all })) : print(all)
    if (!isWell) return yield* new Ending({ code: 1 })
  })
).pipe(
  Command.withShortDescription("Looks at all that Jarvis needs"),
  Command.withDescription(
    [
      "Looks at the settings, the database, the service and the tokens, and changes nothing. A line each: ✓ well; ✗ wrong, with",
      "what to do; – not configured, or not to be seen from here.",
      "",
      "Each branch's token costs a call of RentProg: one of the service's, in its quota, where it runs with the same",
      "JARVIS_HOST, JARVIS_PORT and JARVIS_ADMIN_TOKEN; else one of doctor's own.",
      "",
      "Exit codes: 0 nothing is wrong; 1 something is; 2 wrong usage."
    ].join("\n  ")
  ),
  Command.withExamples([
    { command: "jarvis doctor", description: "Look at everything" },
    { command: "jarvis doctor --json", description: "The same for a program" }
  ])
)
