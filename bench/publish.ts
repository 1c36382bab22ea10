/** docs/performance.md and its plots, from the figures. */
import { fileURLToPath } from "node:url"
import { Data, Effect, FileSystem } from "effect"
import { plots } from "./plots.ts"
import type { Results } from "./Results.ts"
import { report } from "./table.ts"

class NoMarkers extends Data.TaggedError("NoMarkers")<{ readonly message: string }> {}

const docs = fileURLToPath(new URL("../docs/", import.meta.url))

const between = /(<!-- figures -->\n)[\s\S]*(<!-- \/figures -->)/

/** Writes the table between its markers, and each plot into a file of its own. */
export const publish = Effect.fnUntraced(function* (results: Results) {
  const fs = yield* FileSystem.FileSystem
  const page = `${docs}performance.md`
  const text = yield* fs.readFileString(page)
  if (!between.test(text)) return yield* new NoMarkers({ message: `${page} has no <!-- figures -->` })
  yield* fs.writeFileString(
    page,
    text.replace(between, (_, open, close) => `${open}\n${report(results)}\n\n${close}`)
  )
  yield* fs.makeDirectory(`${docs}performance`, { recursive: true })
  for (const [name, svg] of Object.entries(plots(results))) {
    yield* fs.writeFileString(`${docs}performance/${name}.svg`, svg)
  }
})
