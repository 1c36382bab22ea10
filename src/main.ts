/** The command line. With no command it serves. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Console, Effect, Exit, Layer } from "effect"
import { Command } from "effect/cli"
import * as Jarvis from "./Jarvis.ts"
import { Settings } from "./Settings.ts"

const serve = Command.make("jarvis", {}, () =>
  Layer.launch(Jarvis.service).pipe(Effect.provide(Jarvis.database))
).pipe(Command.withDescription("Keeps the mirror of RentProg true until it is told to stop."))

const migrate = Command.make("migrate", {}, () =>
  Effect.gen(function* () {
    const ran = yield* Jarvis.migrated
    yield* ran.length === 0
      ? Console.log("the database is up to date")
      : Effect.forEach(ran, ([id, name]) => Console.log(`migrated: ${id} ${name}`), { discard: true })
  }).pipe(Effect.provide(Jarvis.database))
).pipe(Command.withDescription("Brings the database up to date and ends."))

serve.pipe(
  Command.withSubcommands([migrate]),
  Command.run({ version: "0.1.0" }),
  Effect.provide(Jarvis.observability),
  Effect.provide(Settings.layer),
  Effect.provide(NodeServices.layer),
  Effect.tapCause((cause) => {
    const error = Cause.findErrorOption(cause)
    if (Cause.hasInterruptsOnly(cause)) return Effect.void
    return Console.error(`jarvis: ${error._tag === "Some" ? error.value.message : Cause.pretty(cause)}`)
  }),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    // Being told to stop is no failure.
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1)
  })
)
