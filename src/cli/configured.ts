import { existsSync } from "node:fs"
import { ConfigProvider, Effect, Layer } from "effect"
import * as Jarvis from "../Jarvis.ts"
import { Settings } from "../Settings.ts"

/** The environment, and what `.env` adds to it. */
const environment = Layer.unwrap(
  Effect.sync(() => {
    if (existsSync(".env")) process.loadEnvFile(".env")
    return ConfigProvider.layer(ConfigProvider.fromEnv())
  })
)

/** Read when a command runs: whoever asks for help has none yet. */
export const settings = Layer.provide(Settings.layer, environment)

/** A command with its database, its settings and a log. */
export const configured =
  (log: "stdout" | "stderr") =>
  <A, E, R>(command: Effect.Effect<A, E, R>) =>
    command.pipe(
      Effect.provide(Jarvis.database),
      Effect.provide(Jarvis.observability(log)),
      Effect.provide(settings)
    )
