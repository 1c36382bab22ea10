/** The command line. With no command it serves. */
import { existsSync } from "node:fs"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Cause, ConfigProvider, Console, Effect, Exit, Layer } from "effect"
import { Command } from "effect/cli"
import * as Jarvis from "./Jarvis.ts"
import { Settings } from "./Settings.ts"

/** The environment, and what `.env` adds to it. */
const environment = Layer.unwrap(
  Effect.sync(() => {
    if (existsSync(".env")) process.loadEnvFile(".env")
    return ConfigProvider.layer(ConfigProvider.fromEnv())
  })
)

/** A command's settings are read when it runs: whoever asks for help has none yet. */
const configured = <A, E, R>(command: Effect.Effect<A, E, R>) =>
  command.pipe(
    Effect.provide(Jarvis.database),
    Effect.provide(Jarvis.observability),
    Effect.provide(Layer.provide(Settings.layer, environment))
  )

/** Milliseconds: longer than the actors and the server take, and a database that is well. */
const lastMoment = 20_000

/** What does not end by itself, because somebody else does not answer, ends all the same; its rows stay due. */
const lastResort = Effect.sync(() => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => setTimeout(() => process.exit(0), lastMoment).unref())
  }
})

const serve = Command.make("jarvis", {}, () =>
  Effect.andThen(lastResort, configured(Layer.launch(Jarvis.service)))
).pipe(Command.withDescription("Keeps the mirror of RentProg true until it is told to stop."))

const migrate = Command.make("migrate", {}, () =>
  configured(
    Effect.gen(function* () {
      const ran = yield* Jarvis.migrated
      yield* ran.length === 0
        ? Console.log("the database is up to date")
        : Effect.forEach(ran, (name) => Console.log(`migrated: ${name}`), { discard: true })
    })
  )
).pipe(Command.withDescription("Brings the database up to date and ends."))

serve.pipe(
  Command.withSubcommands([migrate]),
  Command.run({ version: "0.1.0" }),
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
