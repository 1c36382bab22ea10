/** The command line. With no command it serves. */
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, Console, Effect, Exit, Layer } from "effect"
import { CliError, Command } from "effect/cli"
import { configured } from "./cli/configured.ts"
import { doctor } from "./cli/doctor.ts"
import { Ending } from "./cli/Ending.ts"
import { forward } from "./cli/forward.ts"
import { migrate } from "./cli/migrate.ts"
import { presenter } from "./cli/presenter.ts"
import { roles } from "./cli/roles.ts"
import * as Jarvis from "./Jarvis.ts"

/** Milliseconds. The server and the actors, which end after it, share them. */
const lastMoment = 15_000

/** What does not end by itself, because somebody else does not answer, ends all the same; its rows stay due. */
const lastResort = Effect.sync(() => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      setTimeout(() => {
        process.stderr.write("jarvis: ended before all was finished; what was not stays due\n")
        process.exit(0)
      }, lastMoment).unref()
    })
  }
})

const serve = Command.make("jarvis", {}, () =>
  Effect.andThen(lastResort, configured("stdout")(Layer.launch(Jarvis.service)))
).pipe(
  Command.withDescription(
    "With no command, Jarvis serves: it keeps the mirror of RentProg true until it is told to stop."
  )
)

/** Usage was wrong 2, else 1 or what the command said. Being told to stop is no failure. */
const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return 0
  const error = Cause.findErrorOption(exit.cause)
  if (error._tag === "None") return 1
  if (error.value instanceof Ending) return error.value.code
  return CliError.isCliError(error.value) ? 2 : 1
}

serve.pipe(
  Command.withSubcommands([migrate, roles, forward, doctor]),
  Command.run({ version: "0.1.0" }),
  Effect.provide(presenter),
  Effect.provide(NodeServices.layer),
  Effect.tapCause((cause) => {
    const error = Cause.findErrorOption(cause)
    if (Cause.hasInterruptsOnly(cause)) return Effect.void
    if (error._tag === "None") return Console.error(`jarvis: ${Cause.pretty(cause)}`)
    // These have been told.
    if (error.value instanceof Ending || CliError.isCliError(error.value)) return Effect.void
    return Console.error(`jarvis: ${error.value.message}`)
  }),
  NodeRuntime.runMain({
    disableErrorReporting: true,
    teardown: (exit, onExit) => onExit(exitCode(exit))
  })
)
