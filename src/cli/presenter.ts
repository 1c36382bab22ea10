/** How the command line answers whoever asks for help, or asks wrongly. */
import { Console, Effect, Layer } from "effect"
import { CliConfig, CliOutput, GlobalFlag } from "effect/cli"

/** Standard output is for answers: of a wrong usage it has none. */
const present: CliOutput.Presenter["present"] = Effect.fnUntraced(function* (event) {
  if (event._tag !== "InvalidInvocation") return yield* CliOutput.defaultPresenter.present(event)
  const errors = event.errors.map(({ message }) => `jarvis: ${message}`)
  yield* Console.error([...errors, `see ${event.commandPath.join(" ")} --help`].join("\n"))
})

export const presenter = Layer.mergeAll(
  CliOutput.layerPresenter({ present }),
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
)
