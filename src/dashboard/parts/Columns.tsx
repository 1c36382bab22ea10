import { None } from "./Time.tsx"

/** A value of so many characters gets a line of its own. */
const long = 60

const isLong = (value: unknown): boolean =>
  value !== null && (typeof value === "object" ? JSON.stringify(value) : String(value)).length > long

const shown = (value: unknown) =>
  value === null || value === undefined ? (
    <None />
  ) : typeof value === "object" ? (
    <code class="wrap">{JSON.stringify(value)}</code>
  ) : (
    <span class="wrap">{String(value)}</span>
  )

/** A row of a table, column by column. */
export const Columns = ({ columns }: { readonly columns: { readonly [column: string]: unknown } }) => (
  <dl class="pairs">
    {Object.entries(columns).map(([column, value]) => (
      <div key={column} class={isLong(value) ? "wide" : undefined}>
        <dt>{column}</dt>
        <dd>{shown(value)}</dd>
      </div>
    ))}
  </dl>
)
