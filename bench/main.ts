/**
 * `npm run bench`: Jarvis, a bare table and the job queues that people would use instead, side by side on one server.
 * `--all` adds what takes long. What was measured is printed, and stands in bench/results/.
 */
import { fileURLToPath } from "node:url"
import { NodeRuntime, NodeServices } from "@effect/platform-node"
import { Clock, Console, DateTime, Duration, Effect, Equal, FileSystem, Logger, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { about, commit } from "./about.ts"
import { BenchError, Extent } from "./Part.ts"
import { parts } from "./parts.ts"
import { publish } from "./publish.ts"
import { type Measured, type Results, ResultsJson } from "./Results.ts"
import { server } from "./server.ts"
import { report, table } from "./table.ts"

const directory = fileURLToPath(new URL("results/", import.meta.url))

const fileOf = (name: string) => `${directory}${name}.json`

const read = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* Schema.decodeUnknownEffect(ResultsJson)(yield* fs.readFileString(file))
})

const write = Effect.fnUntraced(function* (file: string, results: Results) {
  const fs = yield* FileSystem.FileSystem
  yield* fs.makeDirectory(directory, { recursive: true })
  yield* fs.writeFileString(file, `${JSON.stringify(results, null, 2)}\n`)
})

/** The parts that a file has already. Those of another machine or server do not belong beside new ones. */
const measuredBefore = Effect.fnUntraced(function* (file: string, now: Measured) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* fs.exists(file))) return {}
  const { parts, ...on } = yield* read(file)
  const other = (["machine", "versions", "postgres"] as const).find((key) => !Equal.equals(on[key], now[key]))
  if (other !== undefined) {
    return yield* new BenchError({
      message: `${file} was measured with ${other} ${JSON.stringify(on[other])}, not ${JSON.stringify(now[other])}: choose another --name`
    })
  }
  return parts
})

/** As parts.ts lists them, whichever was measured last. */
const inOrder = (found: Results["parts"]): Results["parts"] =>
  Object.fromEntries(
    Object.keys(parts).flatMap((name) => (found[name] === undefined ? [] : [[name, found[name]]]))
  )

const measure = Effect.fnUntraced(function* (names: ReadonlyArray<string>, file: string) {
  const on = yield* about
  const of = yield* commit
  const { share } = yield* Extent
  // Parts that are not measured anew stay.
  let results: Results = { ...on, parts: yield* measuredBefore(file, on) }
  for (const name of names) {
    const part = parts[name]
    if (part === undefined) continue
    const at = DateTime.formatIso(yield* DateTime.now)
    const began = yield* Clock.currentTimeMillis
    const figures = yield* Effect.scoped(part.measure)
    const seconds = Math.round(((yield* Clock.currentTimeMillis) - began) / 1000)
    yield* Console.log(`\n${name}: ${part.title} (${seconds} s)\n${table(figures)}`)
    const found = { title: part.title, at, commit: of, seconds, share, figures }
    results = { ...results, parts: inOrder({ ...results.parts, [name]: found }) }
    // Each part at once: what fails later takes nothing away.
    yield* write(file, results)
  }
  return results
})

const names = Object.keys(parts)

const publishing = Command.make(
  "publish",
  {
    name: Argument.String("name").pipe(Argument.withDescription("The file in bench/results/, without .json"))
  },
  ({ name }) => Effect.flatMap(read(fileOf(name)), publish)
).pipe(
  Command.withDescription("Writes the table and the plots of docs/performance.md from what was measured")
)

Command.make(
  "bench",
  {
    only: Argument.Literals("part", names).pipe(
      Argument.withDescription("Measures these parts alone; without any, all that are not long"),
      Argument.variadic()
    ),
    all: Flag.Boolean("all").pipe(
      Flag.withDescription("Measures the long ones too: growth, a million rows, the real quota"),
      Flag.withDefault(false)
    ),
    rounds: Flag.Int("rounds").pipe(Flag.withDescription("How often each is measured"), Flag.withDefault(5)),
    share: Flag.Finite("share").pipe(
      Flag.withDescription("The share of rows and of time, such as 0.2 for a try that proves nothing"),
      Flag.withDefault(1)
    ),
    name: Flag.String("name").pipe(
      Flag.withDescription(
        "The file in bench/results/, without .json; parts that it has already and that are not measured now stay"
      ),
      Flag.optional
    ),
    publish: Flag.Boolean("publish").pipe(
      Flag.withDescription("Writes the table and the plots of docs/performance.md at the end"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ all, name, only, publish: isPublished, rounds, share }) {
    const now = DateTime.formatIso(yield* DateTime.now)
      .slice(0, 16)
      .replace(":", "")
    const file = fileOf(Option.getOrElse(name, () => now))
    const chosen = only.length > 0 ? only : names.filter((name) => all || parts[name]?.isLong !== true)
    const [took, results] = yield* Effect.timed(
      measure(chosen, file).pipe(
        Effect.scoped,
        Effect.provide(server),
        Effect.provideService(Extent, { rounds, share })
      )
    )
    yield* Console.log(
      `\n${report(results)}\n\n${Duration.format(Duration.seconds(Math.round(Duration.toSeconds(took))))}, ${file}`
    )
    if (isPublished) yield* publish(results)
  })
).pipe(
  Command.withDescription("Measures Jarvis side by side with a bare table, graphile-worker and pg-boss."),
  Command.withSubcommands([publishing]),
  Command.run({ version: "1" }),
  Effect.provide(Logger.layer([])),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
