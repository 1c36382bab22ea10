/** docs/performance.md and its plots, from the figures. */
import { fileURLToPath } from "node:url"
import { Data, Effect, FileSystem } from "effect"
import { plots } from "./plots.ts"
import type { Results } from "./Results.ts"
import { report } from "./table.ts"

class NoMarkers extends Data.TaggedError("NoMarkers")<{ readonly message: string }> {}

const docs = fileURLToPath(new URL("../docs/", import.meta.url))

const between = /(<!-- figures -->\n)[\s\S]*(<!-- \/figures -->)/

/** Writes the table and the plots between the page's markers, each plot into a file of its own. */
export const publish = Effect.fnUntraced(function* (results: Results) {
  const fs = yield* FileSystem.FileSystem
  const page = `${docs}performance.md`
  const text = yield* fs.readFileString(page)
  if (!between.test(text)) return yield* new NoMarkers({ message: `${page} has no <!-- figures -->` })
  const drawn = plots(results)
  yield* fs.makeDirectory(`${docs}performance`, { recursive: true })
  for (const { name, svg } of drawn) yield* fs.writeFileString(`${docs}performance/${name}.svg`, svg)
  const found = [report(results), ...drawn.map(({ name, title }) => `![${title}](performance/${name}.svg)`)]
  yield* fs.writeFileString(
    page,
    text.replace(between, (_, open, close) => `${open}\n${found.join("\n\n")}\n\n${close}`)
  )
})
