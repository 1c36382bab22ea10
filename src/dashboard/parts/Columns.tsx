import { useState } from "preact/hooks"
import { format, t } from "../i18n/index.ts"
import { Cut } from "./Cut.tsx"
import { None } from "./Time.tsx"

/** A value of so many characters gets a line of its own. */
const long = 60

/** Above so many characters a value is cut until the reader wants all of it. */
const longest = 2000

const isLong = (value: unknown): boolean =>
  value !== null && (typeof value === "object" ? JSON.stringify(value) : String(value)).length > long

const Text = ({ text }: { readonly text: string }) => {
  const [all, setAll] = useState(false)
  if (all || text.length <= longest) return <>{text}</>
  return (
    <>
      {`${text.slice(0, longest)}… `}
      <button type="button" class="link" onClick={() => setAll(true)}>
        {t.row.more(format.number(text.length))}
      </button>
    </>
  )
}

const shown = (value: unknown) =>
  value === null || value === undefined ? (
    <None />
  ) : typeof value === "object" ? (
    <code class="wrap">
      <Text text={JSON.stringify(value)} />
    </code>
  ) : (
    <span class="wrap">
      <Text text={String(value)} />
    </span>
  )

/** A row of a table, column by column. Those that are `cut` are too large to show whole. */
export const Columns = ({
  columns,
  cut
}: {
  readonly columns: { readonly [column: string]: unknown }
  readonly cut: ReadonlyArray<string>
}) => (
  <dl class="pairs">
    {Object.entries(columns).map(([column, value]) => (
      <div key={column} class={isLong(value) ? "wide" : undefined}>
        <dt>{column}</dt>
        <dd>
          {cut.includes(column) ? (
            <>
              {value !== null && <>{shown(value)} </>}
              <Cut />
            </>
          ) : (
            shown(value)
          )}
        </dd>
      </div>
    ))}
  </dl>
)
