import { useState } from "preact/hooks"
import { format, t } from "../i18n/index.ts"
import { Cut } from "./Cut.tsx"

/** Above so many characters a text is cut until the reader wants all of it. */
const longest = 20_000

const token = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** JSON text in pieces: keys, strings and other values told apart. */
const pieces = (text: string) => {
  const out: Array<{ readonly text: string; readonly kind: "key" | "string" | "value" | "plain" }> = []
  let end = 0
  for (const match of text.matchAll(token)) {
    const [whole, string, colon] = match
    out.push({ text: text.slice(end, match.index), kind: "plain" })
    out.push({ text: whole, kind: string === undefined ? "value" : colon === undefined ? "string" : "key" })
    end = match.index + whole.length
  }
  out.push({ text: text.slice(end), kind: "plain" })
  return out
}

/** A value as JSON that a person can read; a text that is not JSON as it came. What is `cut` was too large to come whole. */
export const Json = ({
  label,
  value,
  cut = false
}: {
  readonly label: string
  readonly value: unknown
  readonly cut?: boolean
}) => {
  const [all, setAll] = useState(false)
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2)
  const isCut = text.length > longest && !all
  if (cut && value === null) return <Cut />
  return (
    <div class="json">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be within reach of the keyboard */}
      <section class="scroll" tabIndex={0} aria-label={label}>
        <pre>
          <code>
            {text.length > longest
              ? isCut
                ? `${text.slice(0, longest)}…`
                : text
              : pieces(text).map(({ kind, text }, index) =>
                  kind === "plain" ? (
                    text
                  ) : (
                    <span class={`json-${kind}`} key={index}>
                      {text}
                    </span>
                  )
                )}
          </code>
        </pre>
      </section>
      {cut && <Cut />}
      {isCut && (
        <button type="button" onClick={() => setAll(true)}>
          {t.row.more(format.number(text.length))}
        </button>
      )}
    </div>
  )
}
