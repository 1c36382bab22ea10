/** `jarvis migrate`: brings the database up to date, or says what that would do. */
import { Console, Deferred, Duration, Effect } from "effect"
import { Command, Flag } from "effect/cli"
import { adopt, seldom } from "../database/adoption.ts"
import { sayWhy } from "../database/Database.ts"
import { report, risks } from "../database/preflight/report.ts"
import type { Plan } from "../database/preflight.ts"
import * as Jarvis from "../Jarvis.ts"
import { configured } from "./configured.ts"
import { Ending } from "./Ending.ts"

const isFit = ({ findings }: Plan): boolean => findings.every(({ level }) => level !== "fatal")

const json = (plan: Plan, ran?: ReadonlyArray<string>) =>
  Console.log(
    JSON.stringify({
      schema: plan.schema,
      server_version: plan.serverVersion,
      ok: isFit(plan),
      findings: plan.findings,
      pending: ran === undefined ? plan.pending : [],
      ...(ran === undefined ? {} : { ran }),
      instead: plan.instead
    })
  )

const dryRun = Effect.fnUntraced(function* (asJson: boolean) {
  const plan = yield* Jarvis.planned
  yield* asJson ? json(plan) : Console.log(report(plan).join("\n"))
  if (!isFit(plan)) return yield* new Ending({ code: 1 })
})

const run = Effect.fnUntraced(function* (asJson: boolean) {
  const found = yield* Deferred.make<Plan>()
  const ran = yield* Jarvis.migrated((plan) =>
    Effect.andThen(
      Deferred.succeed(found, plan),
      Effect.forEach(risks(plan), (risk) => Console.error(`risk: ${risk}`), { discard: true })
    )
  ).pipe(Effect.tapErrorTag("Unfit", ({ plan }) => (asJson ? json(plan) : Effect.void)))
  yield* adoptRows()
  if (asJson) return yield* json(yield* Deferred.await(found), ran)
  yield* ran.length === 0
    ? Console.log("the database is up to date")
    : Effect.forEach(ran, (name) => Console.log(`migrated: ${name}`), { discard: true })
})

/** Rows that stood here before Jarvis. Whoever ends the command before they are done leaves the rest to the service. */
const adoptRows = Effect.fnUntraced(function* () {
  const counts = new Map<string, number>()
  const say = yield* seldom(Duration.seconds(5), (table, rows) =>
    Console.error(`adopting: ${rows} rows of ${table} so far`)
  )
  const left = yield* Effect.mapError(
    adopt((table, rows) =>
      Effect.andThen(
        Effect.sync(() => counts.set(table, rows)),
        say(table, rows)
      )
    ),
    (error) => new Jarvis.StartError({ message: `cannot adopt the rows of the database: ${sayWhy(error)}` })
  )
  yield* Effect.forEach(counts, ([table, rows]) => Console.error(`adopted: ${rows} rows of ${table}`), {
    discard: true
  })
  if (left.length > 0) {
    yield* Console.error(
      `some rows of ${left.join(", ")} are held by somebody or refuse to be updated, see row_refusals; the service tries them again`
    )
  }
})

const act = Effect.fnUntraced(function* (flags: { readonly dryRun: boolean; readonly json: boolean }) {
  yield* flags.dryRun ? dryRun(flags.json) : run(flags.json)
})

export const migrate = Command.make(
  "migrate",
  {
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Change nothing: say what would run, and what stands in its way"),
      Flag.withDefault(false)
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print one JSON object, and all else on standard error"),
      Flag.withDefault(false)
    )
  },
  (flags) => configured("stderr")(act(flags))
).pipe(
  Command.withShortDescription("Brings the database up to date"),
  Command.withDescription(
    [
      "Brings the database up to date: its tables, functions and triggers, beside whatever stands there.",
      "",
      "Before anything changes, it looks for what does not fit: fatal is what Jarvis cannot work with, and then nothing is",
      "changed; a risk is what it works with, though something may be refused, changed or replaced; the rest is harmless.",
      "Rows that stood there before are adopted in small steps; what is left when it is ended, the service goes on with.",
      "Where tables of the same names do not fit, Jarvis can live in a schema of its own: JARVIS_SCHEMA=jarvis.",
      "",
      "Exit codes: 0 done, or nothing fatal; 1 failed, or something fatal; 2 wrong usage."
    ].join("\n  ")
  ),
  Command.withExamples([
    { command: "jarvis migrate --dry-run", description: "Say what does not fit, and what would run" },
    { command: "jarvis migrate --dry-run --json", description: "The same for a program" },
    { command: "JARVIS_SCHEMA=jarvis jarvis migrate", description: "Migrate in a schema of Jarvis's own" }
  ])
)
